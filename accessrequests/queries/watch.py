"""What those who watch over the product look at: what is late, what is away, what waits, who is alive, what was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version

import django
from django.db import connection
from django.db.models import Count, Min, Q

from accessrequests.domain.events import Event, Queue
from accessrequests.models import AuditEvent, Grant, OutboxMessage, Target
from accessrequests.queries import audit, health, work

MOST_SHOWN = 50
CONSUMERS = ("relay", "worker", "worker_urgent")
# A sign is asked for each minute; two that are missing are no accident.
SILENT_AFTER = timedelta(minutes=3)
ORPHAN = Event.TARGET_ORPHAN_ENDED.value
SKEWS = (Event.CLOCK_SKEWED.value, Event.TARGET_CLOCK_SKEWED.value)


@dataclass(frozen=True, slots=True)
class Waiting:
    """The oldest ready message of one queue."""

    queue: str
    messages: int
    since: datetime | None
    failing: int


@dataclass(frozen=True, slots=True)
class Sign:
    """The last sign of life of one part of the product."""

    who: str
    at: datetime | None
    is_alive: bool


@dataclass(frozen=True, slots=True)
class Anchored:
    """The newest anchor outside the database, or why there is none to trust."""

    sequence: int | None
    at: str
    trouble: str


@dataclass(frozen=True, slots=True)
class Suspected:
    """What reconcile saw once and looks at again."""

    target: str
    username: str
    why: str
    first_seen_at: datetime


@dataclass(frozen=True, slots=True)
class Figures:
    """How much there is, who is alive, what is suspected, and what runs here."""

    pending_requests: int
    pending_grants: int
    active_grants: int
    revoking_grants: int
    scheduled_grants: int
    targets: int
    head: int
    signs: Sequence[Sign]
    suspicions: Sequence[Suspected]
    versions: Sequence[tuple[str, str]]


_FIGURES = """
SELECT (SELECT count(*) FROM accessrequests_accessrequest WHERE state = 'pending'),
       coalesce(sum(grants) FILTER (WHERE state = 'pending'), 0),
       coalesce(sum(grants) FILTER (WHERE state = 'active'), 0),
       coalesce(sum(grants) FILTER (WHERE state = 'revoking'), 0),
       (SELECT count(*) FROM accessrequests_target WHERE retired_at IS NULL),
       (SELECT max(sequence) FROM accessrequests_auditevent),
       (SELECT json_build_array(current_setting('server_version_num')::int, count(*),
                                to_char(max(applied) AT TIME ZONE 'UTC', 'FMDD Mon YYYY HH24:MI "UTC"'))
          FROM django_migrations),
       (SELECT json_object_agg(subject, done)
          FROM (SELECT subject, max(done_at) AS done FROM accessrequests_outboxmessage
                 WHERE job = 'prove_alive' AND done_at IS NOT NULL GROUP BY subject) AS signs),
       (SELECT json_agg(one)
          FROM (SELECT slug, username, why, first_seen_at FROM accessrequests_suspicion
                  JOIN accessrequests_target ON accessrequests_target.id = target_id
                 ORDER BY first_seen_at LIMIT %(most)s) AS one),
       coalesce(sum(grants) FILTER (WHERE state = 'scheduled'), 0)
  FROM (SELECT CASE WHEN state = 'pending' AND not_before > %(at)s THEN 'scheduled' ELSE state END AS state,
               count(*) AS grants
          FROM accessrequests_grant WHERE state <> 'revoked' GROUP BY 1) AS alive
"""


def overdue(at: datetime) -> list[Grant]:
    """The longest overdue first."""
    late = health.overdue(at).select_related("target", "holder", "access_request__target")
    return list(late.order_by("expires_at", "pk")[:MOST_SHOWN])


def troubled() -> list[Target]:
    """Targets that do not answer, the longest away first, and those on which something is to be put right."""
    found = Target.objects.exclude(unreachable_since=None, warnings=[]).order_by("unreachable_since", "slug")
    return list(found[:MOST_SHOWN])


def waiting(at: datetime) -> list[Waiting]:
    """For every queue, most urgent first, how much could be carried now and since when."""
    ready = work.in_turn(OutboxMessage.objects.filter(done_at=None, ready_at__lte=at)).order_by().values("queue")
    counted = ready.annotate(messages=Count("pk"), since=Min("ready_at"), failing=Count("pk", Q(failures__gt=0)))
    found = {one["queue"]: (one["messages"], one["since"], one["failing"]) for one in counted}
    return [Waiting(queue.value, *found.get(queue.value, (0, None, 0))) for queue in Queue]


def anchored() -> Anchored:
    try:
        anchor = audit.newest_anchor()
    except audit.UntrueAnchor as error:
        return Anchored(None, "", str(error))
    except OSError as error:
        return Anchored(None, "", f"The anchor file cannot be read ({error.strerror}).")
    except ValueError:
        return Anchored(None, "", "ACCESS_ANCHOR_PUBLIC_KEY is no public key: 32 bytes in base64url. Correct it.")
    if anchor is None:
        return Anchored(None, "", "No anchor is written. A trail without one proves its order only.")
    return Anchored(anchor.sequence, anchor.at, "")


def seen(at: datetime) -> list[AuditEvent]:
    """The last times that clocks differed, and the last orphans that were ended, within seven days."""
    found = AuditEvent.objects.filter(event__in=(*SKEWS, ORPHAN), at__gt=at - timedelta(days=7))
    return list(found.order_by("-sequence")[:10])


def figures(at: datetime) -> Figures:
    """Everything that is one number or a few short rows, in one question."""
    with connection.cursor() as cursor:
        cursor.execute(_FIGURES, {"most": MOST_SHOWN, "at": at})
        row = cursor.fetchone()
    signs = {subject: datetime.fromisoformat(done) for subject, done in (row[7] or {}).items()}
    return Figures(
        pending_requests=row[0],
        pending_grants=row[1],
        active_grants=row[2],
        revoking_grants=row[3],
        scheduled_grants=row[9],
        targets=row[4],
        head=row[5] or 0,
        signs=[_sign(who, signs.get(f"consumer/{who}"), at) for who in CONSUMERS],
        suspicions=[
            Suspected(one["slug"], one["username"], one["why"], datetime.fromisoformat(one["first_seen_at"]))
            for one in row[8] or []
        ],
        versions=_versions(*row[6]),
    )


def _sign(who: str, at: datetime | None, now: datetime) -> Sign:
    return Sign(who, at, at is not None and now - at < SILENT_AFTER)


def _versions(server: int, migrations: int, last: str) -> list[tuple[str, str]]:
    return [
        ("Access Requests", _own_version()),
        ("Django", django.get_version()),
        ("PostgreSQL", f"{server // 10_000}.{server % 10_000}"),
        ("Migrations", f"{migrations} applied, the last at {last}"),
    ]


def _own_version() -> str:
    try:
        return version("access-requests")
    except PackageNotFoundError:
        return "from its source"
