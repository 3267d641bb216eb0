"""Removes what nobody reads any more, a small batch at a time. History is never removed: no event, request or grant."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from psycopg import sql

from accessrequests.domain.events import Job
from accessrequests.domain.sharing import SharedKind
from accessrequests.models import (
    CallBucket,
    IdempotencyKey,
    OutboxMessage,
    OutsideChange,
    SharedObject,
    SharedUse,
    SlackArrival,
    SlackMessage,
)
from accessrequests.models.outbox import PERIODIC
from accessrequests.models.slack import SlackKind, SlackState
from accessrequests.queries import clock

AT_ONCE = 500
KEYS_KEPT = timedelta(hours=48)
CHANGES_KEPT = timedelta(days=90)  # each is an audit event, too
ARRIVALS_KEPT = timedelta(hours=1)  # what Slack signed counts for five minutes; its last try comes after six
COPIES_KEPT = timedelta(days=90)  # in Slack, of what is over; their buttons are long gone
SAID = (SlackKind.REPLY.value, SlackKind.NOTICE.value)
DONE_KEPT = timedelta(days=7)
PERIODIC_KEPT = timedelta(days=1)
SPENT_AFTER = timedelta(minutes=1)  # a bucket counts the calls of one second

# Django removes these by itself only when there are very many.
_EXPIRED_LIMITS = """
DELETE FROM {table} WHERE cache_key IN (
    SELECT cache_key FROM {table} WHERE expires < %s ORDER BY expires LIMIT %s FOR UPDATE SKIP LOCKED)
"""


@transaction.atomic(durable=True)
def prune() -> bool:
    """Remove one batch of each kind. Whether there may be more."""
    at = clock.now()
    removed = [
        _remove(Session.objects.filter(expire_date__lt=at).order_by("expire_date")),
        _remove(IdempotencyKey.objects.filter(created_at__lt=at - KEYS_KEPT).order_by("pk")),
        _remove(_done_messages(at)),
        _remove(CallBucket.objects.filter(second__lt=int((at - SPENT_AFTER).timestamp())).order_by("pk")),
        _remove(_unused_objects(at)),
        _remove(_old_arrivals(at)),
        _remove(_old_copies(at)),
        _remove(OutsideChange.objects.filter(at__lt=at - CHANGES_KEPT).order_by("pk")),
        _remove_expired_limits(at),
    ]
    return max(removed) == AT_ONCE


def _done_messages(at: datetime) -> QuerySet[OutboxMessage]:
    """Old ones, but for each part's last sign of life, which says since when it has been silent."""
    later = OutboxMessage.objects.filter(job=Job.PROVE_ALIVE.value, subject=OuterRef("subject"), done_at__isnull=False)
    is_last_sign = Q(job=Job.PROVE_ALIVE.value) & ~Exists(later.filter(done_at__gt=OuterRef("done_at")))
    old = Q(done_at__lt=at - DONE_KEPT) | Q(done_at__lt=at - PERIODIC_KEPT, job__in=PERIODIC)
    return OutboxMessage.objects.filter(old).exclude(is_last_sign).order_by("done_at")


def _old_arrivals(at: datetime) -> QuerySet[SlackArrival]:
    """All but the newest, which says when Slack was heard last."""
    newest = SlackArrival.objects.order_by("-at").values("pk")[:1]
    return SlackArrival.objects.filter(at__lt=at - ARRIVALS_KEPT).exclude(pk__in=newest).order_by("pk")


def _old_copies(at: datetime) -> QuerySet[SlackMessage]:
    """What was said once in Slack and is read or will never be, and all of what is long over. A card goes after its lines."""
    of_nothing = Q(access_request=None, kind__in=SAID)
    said = Q(kind=SlackKind.WHISPER.value) | Q(state=SlackState.DEAD.value, kind__in=SAID) | of_nothing
    old = said & Q(created_at__lt=at - DONE_KEPT)
    of_no_access = Q(access_request__grant=None) | Q(access_request__grant__revoked_at__lt=at - COPIES_KEPT)
    long_over = Q(access_request__decided_at__lt=at - COPIES_KEPT) & of_no_access
    has_lines = Exists(SlackMessage.objects.filter(thread=OuterRef("pk")))
    spent = SlackMessage.objects.exclude(state=SlackState.WANTED.value).filter(old | long_over)
    return spent.exclude(has_lines).order_by("pk")


def _unused_objects(at: datetime) -> QuerySet[SharedObject]:
    """Kept when their last use ended because a call was still on its way, which has arrived since."""
    quiet = SharedObject.objects.filter(stray_calls_until__lt=at, lease_until=None).exclude(kind=SharedKind.TURN.value)
    return quiet.exclude(Exists(SharedUse.objects.filter(shared=OuterRef("pk")))).order_by("pk")


def _remove(spent: QuerySet[Any]) -> int:
    """Rows that somebody is at work on are left for the next time."""
    batch = list(spent.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)[:AT_ONCE])
    QuerySet[Any](spent.model).filter(pk__in=batch).delete()
    return len(batch)


def _remove_expired_limits(at: datetime) -> int:
    table = sql.Identifier(str(settings.CACHES["default"]["LOCATION"]))
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(_EXPIRED_LIMITS).format(table=table), [at, AT_ONCE])
        return int(cursor.rowcount)
