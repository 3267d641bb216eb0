"""The numbers behind the charts: how long people wait, how late access ends, how much is live.

Each looks at the latest rows only, so that a page costs the same whether there are ten thousand requests or millions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection

from accessrequests.queries.grants import CUT_BOUND

MOST_ROWS = 10_000
DAYS = 14
# Upper bounds in seconds; what is promised is the second one.
LAGS = ((0.3, "0.3 s"), (1.0, "1 s"), (3.0, "3 s"), (10.0, "10 s"), (60.0, "1 min"))
LONGER = "longer"
STILL_OPEN = "still open"

_WAITS = """
SELECT decided_at::date AS day, count(*) AS decisions,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - filed_at)) AS median,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - filed_at)) AS p95
  FROM (SELECT filed_at, decided_at, state FROM accessrequests_accessrequest ORDER BY id DESC LIMIT %(most)s) AS newest
 WHERE state IN ('approved', 'denied') AND decided_at > filed_at AND decided_at > %(at)s - make_interval(days => %(days)s)
 GROUP BY 1 ORDER BY 1
"""
_LAGS = """
SELECT width_bucket(extract(epoch FROM cut_at - due_at)::float8, %(bounds)s::float8[]) AS bucket, count(*) AS week,
       count(*) FILTER (WHERE cut_at > %(at)s - interval '24 hours') AS today
  FROM (SELECT cut_at, CASE WHEN end_reason = 'expiry' THEN expires_at ELSE revocation_started_at END AS due_at
          FROM accessrequests_grant
         WHERE cut_at > %(at)s - interval '7 days' ORDER BY cut_at DESC LIMIT %(most)s) AS latest
 WHERE due_at IS NOT NULL
 GROUP BY 1
"""
_LIVE = """
SELECT day::date AS day, count(activated_at) AS grants
  FROM generate_series(%(at)s::date - (%(days)s - 1), %(at)s::date, interval '1 day') AS day
  LEFT JOIN (SELECT activated_at, cut_at FROM accessrequests_grant ORDER BY id DESC LIMIT %(most)s) AS newest
    ON activated_at < day + interval '1 day' AND (cut_at IS NULL OR cut_at >= day)
 GROUP BY 1 ORDER BY 1
"""
_OPEN = """
SELECT count(*) FROM accessrequests_grant
 WHERE cut_at IS NULL
   AND (state = 'revoking' AND revocation_started_at < %(at)s - %(bound)s::interval
        OR state IN ('pending', 'active') AND expires_at < %(at)s - %(bound)s::interval)
"""
_ALL = f"""
SELECT (SELECT json_agg(one) FROM ({_WAITS}) AS one),
       (SELECT json_agg(one) FROM ({_LAGS}) AS one),
       (SELECT json_agg(one) FROM ({_LIVE}) AS one),
       ({_OPEN})
"""  # noqa: S608  # nosec B608: constants of this file


@dataclass(frozen=True, slots=True)
class Wait:
    """How long people waited for a decision on one day, in seconds."""

    day: date
    decisions: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Lag:
    """How many grants were cut off so late, after their end or after somebody ended them."""

    words: str
    week: int
    day: int


@dataclass(frozen=True, slots=True)
class Live:
    """How many grants lived at some time of one day."""

    day: date
    grants: int


@dataclass(frozen=True, slots=True)
class Numbers:
    """What the charts show."""

    waits: Sequence[Wait]
    lags: Sequence[Lag]
    live: Sequence[Live]


def numbers(*, at: datetime) -> Numbers:
    """All three in one question: waits by the day of the decision, without what the policy gives at once; lags from
    the moment at which access was to end until the target confirmed that it no longer works, the last of them those that it has not yet.
    """
    bounds = [bound for bound, _ in LAGS]
    with connection.cursor() as cursor:
        cursor.execute(
            _ALL,
            {
                "at": at,
                "most": MOST_ROWS,
                "days": DAYS,
                "bounds": bounds,
                "bound": f"{CUT_BOUND.total_seconds()} seconds",
            },
        )
        *charted, still_open = cursor.fetchone()
    waits, lags, live = (found or [] for found in charted)
    counted = {one["bucket"]: (one["week"], one["today"]) for one in lags}
    words = [*(said for _, said in LAGS), LONGER]
    return Numbers(
        waits=[Wait(date.fromisoformat(one["day"]), one["decisions"], one["median"], one["p95"]) for one in waits],
        lags=[
            *(Lag(said, *counted.get(bucket, (0, 0))) for bucket, said in enumerate(words)),
            Lag(STILL_OPEN, still_open, still_open),
        ],
        live=[Live(date.fromisoformat(one["day"]), one["grants"]) for one in live],
    )
