"""Homes in Slack: opened by an account, drawn anew when what stands in them changes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accessrequests.domain.events import QUEUE_OF, Job, lane_of
from accessrequests.models import OutboxMessage, SlackHome
from accessrequests.operations._record import wake
from accessrequests.queries import clock


@transaction.atomic(durable=True)
def open_home(*, slack_user_id: str) -> SlackHome:
    """Somebody looks at it: from now on it is kept true, and now it is drawn in any case."""
    held, _ = SlackHome.objects.update_or_create(slack_user_id=slack_user_id, defaults={"opened_at": clock.now()})
    _file([held])
    return held


@transaction.atomic(durable=True)
def refresh(*, slack_user_ids: Iterable[str], access_request_id: int | None = None) -> None:
    """Something changed for these accounts, and for all in whose Homes the request stands."""
    wanted = Q(slack_user_id__in=list(slack_user_ids))
    if access_request_id is not None:
        wanted |= Q(shows__contains=[access_request_id])
    _file(SlackHome.objects.filter(wanted).order_by("pk"))


@transaction.atomic(durable=True)
def file_behind(*, home_ids: Sequence[int]) -> None:
    _file(SlackHome.objects.filter(pk__in=home_ids).order_by("pk"))


def mark_published(*, home_id: int, rendered_hash: str, view_hash: str, shows: Sequence[int], at: datetime) -> None:
    """Slack has it, as it was drawn at that moment."""
    SlackHome.objects.filter(pk=home_id).update(
        rendered_hash=rendered_hash, view_hash=view_hash, shows=list(shows), drawn_at=at
    )


def mark_looked_at(*, home_id: int, at: datetime) -> None:
    """What Slack has was still true then, or Slack will not take it."""
    SlackHome.objects.filter(pk=home_id).update(drawn_at=at)


def _file(homes: Iterable[SlackHome]) -> None:
    """One job for each that none is waiting for yet. What a claimed one is drawing may be old already: it gets another."""
    named = {str(home): home for home in homes}
    waiting = OutboxMessage.objects.filter(job=Job.SHOW_HOME.value, done_at=None, claimed_until=None)
    filed = set(waiting.filter(subject__in=list(named)).values_list("subject", flat=True))
    at = clock.now()
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                job=Job.SHOW_HOME.value,
                queue=QUEUE_OF[Job.SHOW_HOME].value,
                lane=lane_of(Job.SHOW_HOME, subject),
                subject=subject,
                created_at=at,
                ready_at=at,
            )
            for subject in named
            if subject not in filed
        ]
    )
    wake()
