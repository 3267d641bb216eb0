"""The numbers that say whether the product keeps its promises, for a machine that asks every few seconds.

Each is read from the rows at that moment, so that every web process says the same, and looks at no more than the latest rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection

from accessrequests.domain.events import Event
from accessrequests.models import AuditEvent, Target
from accessrequests.queries import clock, health, quarantine, watch

LATELY = timedelta(hours=1)
MOST_ROWS = 10_000
_QUANTILES = ("0.5", "0.99")
_LAG = """
SELECT count(*), percentile_cont(%(quantiles)s::float8[]) WITHIN GROUP (ORDER BY lag), max(lag)
  FROM (SELECT extract(epoch FROM cut_at - CASE WHEN end_reason = 'expiry' THEN expires_at
                                                        ELSE revocation_started_at END)::float8 AS lag
          FROM accessrequests_grant WHERE cut_at > %(since)s ORDER BY cut_at DESC LIMIT %(most)s) AS latest
 WHERE lag IS NOT NULL
"""


@dataclass(frozen=True, slots=True)
class Reading:
    """One number to watch."""

    name: str
    meaning: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


def readings() -> list[Reading]:
    """The product's own gauges, as of now."""
    now = clock.now()
    return [*_of_ends(now), *_of_work(now), *_of_targets(now), *_of_the_trail(now)]


def _of_ends(now: datetime) -> Iterator[Reading]:
    name = "access_overdue_revocations"
    yield Reading(name, "Grants that should have been cut off and may still work.", health.overdue(now).count())
    with connection.cursor() as cursor:
        quantiles = [float(one) for one in _QUANTILES]
        cursor.execute(_LAG, {"quantiles": quantiles, "most": MOST_ROWS, "since": now - LATELY})
        cut, lags, longest = cursor.fetchone()
    among = f"within the last hour, {MOST_ROWS:,} at most"
    yield Reading("access_cut_grants_last_hour", f"Grants that the target confirmed to be cut off, {among}.", cut)
    meaning = f"From the moment at which access was to end until it was cut off, {among}."
    for quantile, lag in zip((*_QUANTILES, "1"), (*lags, longest) if cut else (), strict=False):
        yield Reading("access_revocation_lag_seconds", meaning, lag, {"quantile": quantile})
    swept = AuditEvent.objects.filter(event=Event.GRANT_SWEPT.value, at__gt=now - LATELY).count()
    yield Reading("access_swept_grants_last_hour", "Ends that relay and workers missed and the sweep made.", swept)


def _of_work(now: datetime) -> Iterator[Reading]:
    waiting = watch.waiting(now)
    ages = {one.queue: (now - one.since).total_seconds() if one.since else 0.0 for one in waiting}
    name = "access_oldest_ready_message_seconds"
    yield Reading(name, "How long the oldest ready outbox message has waited.", max(ages.values()))
    for one in waiting:
        of = {"queue": one.queue}
        yield Reading("access_queue_oldest_ready_seconds", "The same, of each queue.", ages[one.queue], of)
        yield Reading("access_queue_ready_messages", "Messages that are ready and not done.", one.messages, of)
        yield Reading("access_queue_failing_messages", "Those of them that failed before.", one.failing, of)
    figures = watch.figures(now)
    for sign in figures.signs:
        if sign.at is not None:
            age = (now - sign.at).total_seconds()
            meaning = "Since the part last carried a message of its own; each is asked every minute."
            yield Reading("access_sign_of_life_age_seconds", meaning, age, {"part": sign.who})
    grants = {
        "pending": figures.pending_grants, "scheduled": figures.scheduled_grants,
        "active": figures.active_grants, "revoking": figures.revoking_grants,
    }  # fmt: skip
    for state, number in grants.items():
        yield Reading("access_grants", "Grants that are not over.", number, {"state": state})
    yield Reading("access_pending_requests", "Requests that wait for an answer.", figures.pending_requests)
    yield Reading("access_suspicions", "What reconcile saw once and looks at again.", len(figures.suspicions))


def _of_targets(now: datetime) -> Iterator[Reading]:
    found = list(Target.objects.filter(retired_at=None).order_by("slug"))
    away = sum(target.unreachable_since is not None for target in found)
    yield Reading("access_unreachable_targets", "Targets that do not answer.", away)
    for target in found:
        of = {"target": target.slug}
        since = target.unreachable_since
        silent = (now - since).total_seconds() if since else 0.0
        yield Reading("access_target_silent_seconds", "How long a target has not answered; 0: it does.", silent, of)
        warnings = len(target.warnings)
        yield Reading("access_target_warnings", "What a worker found there to be put right.", warnings, of)
        if target.clock_skew is not None:
            meaning = "How far the target's clock is from ours, in either direction."
            yield Reading("access_target_clock_skew_seconds", meaning, abs(target.clock_skew), of)


def _of_the_trail(now: datetime) -> Iterator[Reading]:
    meaning = "1 while this database was restored or copied and nobody has accepted it."
    yield Reading("access_quarantined", meaning, float(bool(quarantine.why())))
    anchored = watch.anchored()
    is_known = anchored.sequence is not None
    meaning = "1 while this process can read the newest anchor of the audit trail, and its signature is ours."
    yield Reading("access_audit_anchor_known", meaning, float(is_known))
    newest = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first()
    yield Reading("access_audit_head", "The number of the newest audit event.", newest or 0)
    if anchored.sequence is not None:
        age = (now - datetime.fromisoformat(anchored.at)).total_seconds()
        yield Reading("access_audit_anchor_age_seconds", "Since the newest anchor was written.", age)
        meaning = "How long the oldest audit event that no anchor covers has waited for one."
        yield Reading("access_audit_unanchored_seconds", meaning, unanchored_seconds(anchored.sequence, now=now))


def unanchored_seconds(sequence: int, *, now: datetime) -> float:
    """How long the oldest event after that one has waited."""
    after = AuditEvent.objects.filter(sequence__gt=sequence).order_by("sequence")
    oldest = after.values_list("at", flat=True).first()
    return (now - oldest).total_seconds() if oldest else 0.0
