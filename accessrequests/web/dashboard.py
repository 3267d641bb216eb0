"""The dashboard: who can reach what, what ends, what nobody uses, how long people wait, how often the glass is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse

from accessrequests.models import Grant
from accessrequests.queries import clock, dashboard
from accessrequests.queries.dashboard import Month, Reach, Standing, Week
from accessrequests.web import drawing, shown
from accessrequests.web.drawing import Chart
from accessrequests.web.pages import portal_page, show
from accessrequests.web.shown import Tag
from accessrequests.web.whoami import belonging

MOST_TARGETS = 20
BAR = 200
_KNOWN = ("production", "staging", "development")


@dataclass(frozen=True, slots=True)
class Piece:
    """One part of a bar: its class of the stylesheet, and where it lies."""

    tone: str
    x: int
    width: int


@dataclass(frozen=True, slots=True)
class Row:
    """One target: what lives there, and what stands there."""

    target: str
    environment: Tag
    reach: Reach
    logins: int
    pieces: Sequence[Piece]


@dataclass(frozen=True, slots=True)
class Line:
    """One access in a short list."""

    grant: Grant
    deed: str
    left: str


@portal_page("GET")
def page(request: HttpRequest) -> HttpResponse:
    who, at = belonging(request), clock.now()
    reach, standing = dashboard.reach(who, at=at), dashboard.standing(who, at=at)
    rows = _rows(reach, standing)
    weeks, months = dashboard.weeks(who, at=at), dashboard.months(who, at=at)
    context = {
        "sees_all": who.sees_all,
        "at": at,
        "rows": rows[:MOST_TARGETS],
        "more": max(0, len(rows) - MOST_TARGETS),
        "live": sum(one.total for one in reach),
        "ends": sum(one.ending for one in reach),
        "idle": sum(one.unused for one in reach),
        "logins": sum(one.logins for one in standing),
        "idle_logins": sum(one.unused for one in standing),
        "usual": drawing.seconds(weeks[-1].median) if weeks else "",
        "ending": [_line(grant, at) for grant in dashboard.ending(who, at=at)],
        "unused": [_line(grant, at) for grant in dashboard.unused(who, at=at)],
        "unused_logins": dashboard.unused_logins(who, at=at),
        "charts": [_waits(weeks), _broken(months)],
        "most": dashboard.MOST_SHOWN,
        "decisions": f"{dashboard.MOST_DECISIONS:,}",
    }
    return show(request, "dashboard/dashboard.html", context)


def _line(grant: Grant, at: datetime) -> Line:
    left = shown.time_words(grant.expires_at - at) if grant.expires_at else ""
    return Line(grant, shown.deed_of(grant.access_request), left)


def _rows(reach: Sequence[Reach], standing: Sequence[Standing]) -> list[Row]:
    """Every target on which anything lives or stands, the one with the most first."""
    logins = {one.target: one for one in standing}
    known = {one.target for one in reach}
    quiet = [Reach(one.target, one.environment, *[0] * 6) for one in standing if one.target not in known]
    most = max((one.total for one in reach), default=0)
    return [_row(one, logins[one.target].logins if one.target in logins else 0, most) for one in (*reach, *quiet)]


def _row(one: Reach, logins: int, most: int) -> Row:
    environment = Tag(one.environment, one.environment if one.environment in _KNOWN else "other")
    pieces, x = [], 0
    for tone, count in zip(drawing.TONES, (one.read, one.write, one.admin), strict=True):
        width = max(2, round(BAR * count / most)) if count else 0
        pieces.append(Piece(tone, x, width))
        x += width
    return Row(one.target, environment, one, logins, pieces)


def _waits(weeks: Sequence[Week]) -> Chart:
    says = "Nothing was decided by people in twelve weeks."
    if weeks:
        last = weeks[-1]
        usual, slow = drawing.seconds(last.median), drawing.seconds(last.p95)
        says = f"In the week of {last.monday:%-d %B}, half were decided within {usual}, and 95 of 100 within {slow}."
    return drawing.chart(
        name="weeks",
        title="From ask to decision, by week",
        says=says,
        columns=("Week of", "Median", "95 of 100 within", "Decisions"),
        rows=[
            (f"{one.monday:%-d %b}", drawing.seconds(one.median), drawing.seconds(one.p95), str(one.decisions))
            for one in weeks
        ],
        values=[(one.median, one.p95) for one in weeks],
        top=drawing.seconds(max((one.p95 for one in weeks), default=0)),
    )


def _broken(months: Sequence[Month]) -> Chart:
    uses, drills = sum(one.uses for one in months), sum(one.drills for one in months)
    return drawing.chart(
        name="broken",
        title="Break-glass, by month",
        says=f"{_counted(uses, 'use')} and {_counted(drills, 'drill')} in twelve months.",
        columns=("Month", "Uses", "Drills"),
        rows=[(f"{one.first:%b %Y}", str(one.uses), str(one.drills)) for one in months],
        values=[(one.uses, one.drills) for one in months],
        top=str(max((max(one.uses, one.drills) for one in months), default=0)),
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
