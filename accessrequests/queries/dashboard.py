"""Who can reach what now, what ends soon, what nobody uses, and how long people wait: as much of it as one may see.

Everything is bounded: by what is live now, or by time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncMonth

from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.outside import Kind
from accessrequests.domain.privileges import Level
from accessrequests.models import BreakGlass, Grant, Other
from accessrequests.queries import broken
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.live import live_for

SOON = timedelta(hours=24)
UNUSED_FOR = timedelta(hours=1)
UNUSED_LOGIN_FOR = timedelta(days=7)
WEEKS, MONTHS = 12, 12
MOST_SHOWN = 10
MOST_DECISIONS = 100_000
_LEVEL = "access_request__level"
# Nobody has logged in, as far as the target tells; or nobody was ever shown what one logs in with.
UNUSED = Q(usage__isnull=False, usage__first_login=None) | Q(
    credential__revealed_at=None, credential__generation=1, credential__isnull=False
)
# Decided by people: what the policy gives at once is filed and decided at the same moment.
_WAITS = """
SELECT date_trunc('week', decided_at)::date AS week, count(*) AS decisions,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - filed_at)) AS median,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM decided_at - filed_at)) AS p95
  FROM (SELECT filed_at, decided_at, state, step_groups FROM accessrequests_accessrequest
         WHERE decided_at >= date_trunc('week', %(at)s::timestamptz) - make_interval(weeks => %(weeks)s - 1)
         ORDER BY decided_at DESC LIMIT %(most)s) AS newest
 WHERE state IN ('approved', 'denied') AND decided_at > filed_at AND (%(all)s OR step_groups && %(groups)s::varchar[])
 GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Reach:
    """How much lives on one target, by what it lets one do."""

    target: str
    environment: str
    read: int
    write: int
    admin: int
    people: int
    ending: int
    unused: int

    @property
    def total(self) -> int:
        return self.read + self.write + self.admin


@dataclass(frozen=True, slots=True)
class Standing:
    """Logins on one target that this product did not make; how many were let in by nobody for a week."""

    target: str
    environment: str
    logins: int
    unused: int


@dataclass(frozen=True, slots=True)
class Week:
    """How long people waited for the decisions of one week, in seconds."""

    monday: date
    decisions: int
    median: float
    p95: float


@dataclass(frozen=True, slots=True)
class Month:
    """How often the glass was broken in one month."""

    first: date
    uses: int
    drills: int


def reach(who: Belonging, *, at: datetime) -> list[Reach]:
    """The targets with the most first."""
    by_target = _live(who).order_by().values_list("target__slug", "target__environment")
    counted = by_target.annotate(
        read=Count("pk", filter=Q(**{_LEVEL: Level.READ.value})),
        write=Count("pk", filter=Q(**{_LEVEL: Level.WRITE.value})),
        admin=Count("pk", filter=Q(**{f"{_LEVEL}__in": [Level.ADMIN.value, Level.DELEGATING.value]})),
        people=Count("holder", distinct=True),
        ending=Count("pk", filter=Q(expires_at__lte=at + SOON)),
        unused=Count("pk", filter=UNUSED & Q(activated_at__lte=at - UNUSED_FOR)),
    )
    found = [Reach(*row) for row in counted]
    return sorted(found, key=lambda one: (-one.total, one.target))


def standing(who: Belonging, *, at: datetime) -> list[Standing]:
    by_target = _logins(who).order_by().values_list("target__slug", "target__environment")
    counted = by_target.annotate(logins=Count("pk"), unused=Count("pk", filter=_unused_login(at)))
    return [Standing(*row) for row in counted.order_by("target__slug")]


def ending(who: Belonging, *, at: datetime) -> list[Grant]:
    """The first to end."""
    return list(_live(who).filter(expires_at__lte=at + SOON)[:MOST_SHOWN])


def unused(who: Belonging, *, at: datetime) -> list[Grant]:
    """Those that nobody uses, the oldest first."""
    found = _live(who).filter(UNUSED, activated_at__lte=at - UNUSED_FOR)
    return list(found.order_by("activated_at", "pk")[:MOST_SHOWN])


def unused_logins(who: Belonging, *, at: datetime) -> list[Other]:
    """Standing logins that nobody was let in with since we look, the oldest first."""
    found = _logins(who).filter(_unused_login(at)).select_related("target")
    return list(found.order_by(F("made_at").asc(nulls_last=True), "first_seen_at", "pk")[:MOST_SHOWN])


def weeks(who: Belonging, *, at: datetime) -> list[Week]:
    """How long decisions took, by the week in which they were made. Weeks without any are left out."""
    asked: dict[str, Any] = {
        "at": at,
        "weeks": WEEKS,
        "most": MOST_DECISIONS,
        "all": who.sees_all,
        "groups": sorted(who.since),
    }
    with connection.cursor() as cursor:
        cursor.execute(_WAITS, asked)
        return [Week(*row) for row in cursor.fetchall()]


def months(who: Belonging, *, at: datetime) -> list[Month]:
    """Every one of the last months, also those without any."""
    first = _months_back(at, MONTHS - 1)
    begun: QuerySet[BreakGlass, Any] = broken.visible_to(who).filter(began_at__gte=first).order_by()
    by_month = begun.annotate(month=TruncMonth("began_at")).values_list("month")
    counts = by_month.annotate(
        uses=Count("pk", filter=Q(is_drill=False)), drills=Count("pk", filter=Q(is_drill=True))
    ).order_by("month")
    found = {month.date(): (uses, drills) for month, uses, drills in counts}
    each = [_months_back(at, back).date() for back in reversed(range(MONTHS))]
    return [Month(month, *found.get(month, (0, 0))) for month in each]


def _live(who: Belonging) -> QuerySet[Grant]:
    return live_for(who).filter(state=GrantState.ACTIVE.value)


def _logins(who: Belonging) -> QuerySet[Other]:
    """For others than those who watch over it all: on the targets that their groups own."""
    theirs = Other.objects.filter(is_own=False, target__retired_at=None)
    found = theirs.filter(kind__in=[Kind.USER.value, Kind.MEMBER.value])
    return found if who.sees_all else found.filter(target__owner__in=sorted(who.since))


def _unused_login(at: datetime) -> Q:
    """Only where the target tells of logins, and was looked at long enough."""
    telling = [kind for kind, known in KINDS.items() if known.keeps_logins]
    old = Q(first_seen_at__lte=at - UNUSED_LOGIN_FOR)
    return Q(kind=Kind.USER.value, target__kind__in=telling, last_login_at=None) & old


def _months_back(at: datetime, back: int) -> datetime:
    number = at.year * 12 + at.month - 1 - back
    return at.replace(year=number // 12, month=number % 12 + 1, day=1, hour=0, minute=0, second=0, microsecond=0)
