"""What arrives from Slack counts once, and what pretends to is kept in the audit trail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from accessrequests.domain.events import Actor, Event, Via
from accessrequests.models import AuditEvent, SlackArrival
from accessrequests.operations._record import Fact, record
from accessrequests.queries import clock

_REJECTED_ONCE_IN = timedelta(minutes=1)
_TAKE = """
INSERT INTO accessrequests_slackarrival (digest, at) VALUES (%s, clock_timestamp())
ON CONFLICT (digest) DO NOTHING RETURNING id
"""
SOMEBODY = Actor(name="slack", via=Via.SLACK)


@dataclass(frozen=True, slots=True)
class Taken:
    """Whether it is the first of its kind; if it is not, what the first was answered."""

    is_first: bool
    answer: Any = None


def take(*, digest: str) -> Taken:
    """Of two at once one is the first. One statement, a transaction by itself: every press begins with it."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [digest])
        is_first = cursor.fetchone() is not None
    return Taken(is_first, None if is_first else SlackArrival.objects.get(digest=digest).answer)


def keep(*, digest: str, answer: Any) -> None:
    """What a repeat is to be answered."""
    SlackArrival.objects.filter(digest=digest).update(answer=answer)


def let_go(*, digest: str) -> None:
    """It came to nothing, so that it may come again."""
    SlackArrival.objects.filter(digest=digest).delete()


@transaction.atomic(durable=True)
def note_rejected(*, what: str, why: str) -> None:
    """At most once a minute for each kind: anybody can send us something."""
    at = clock.now()
    subject = f"slack/{what}"
    recent = AuditEvent.objects.filter(event=Event.SLACK_REJECTED.value, subject=subject, at__gt=at - _REJECTED_ONCE_IN)
    if not recent.exists():
        record(Fact(Event.SLACK_REJECTED, subject, {"why": why}), actor=SOMEBODY, at=at)
