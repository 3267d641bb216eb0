"""What those who watch over break-glass look at: whether it would work, what is overdue, and the report of a month."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.models import BreakGlass
from accessrequests.models.people import GroupRole
from accessrequests.operations import break_glass
from accessrequests.operations.refusals import Refused
from accessrequests.queries import broken, clock
from accessrequests.web import shown
from accessrequests.web.break_glass_shown import tag_of
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.sheets import inert
from accessrequests.web.whoami import belonging

LAST_MONTH = 12
COLUMNS = (
    *("request", "began", "person", "target", "roles", "incident", "reason", "drill", "held", "ended_by"),
    *("finding", "reviewed_by", "hours_to_review", "review_note", "second_person"),
)


@dataclass(frozen=True, slots=True)
class Line:
    """One use of a month."""

    broken: BreakGlass
    deed: str
    tag: shown.Tag
    held: str
    hours: float | None


@dataclass(frozen=True, slots=True)
class Often:
    """The same, several times: what should become something that one can ask for."""

    roles: str
    target: str
    times: int


@portal_page("GET")
def page(request: HttpRequest) -> HttpResponse:
    _check(request)
    at = clock.now()
    month = _month(request, at)
    lines = [_line(one, at) for one in broken.of_month(month)]
    hours = [line.hours for line in lines if line.hours is not None]
    found = broken.findings([line.broken for line in lines])
    context = {
        "month": month,
        "lines": lines,
        "uses": sum(not line.broken.is_drill for line in lines),
        "drills": sum(line.broken.is_drill for line in lines),
        "findings": found,
        "usual_hours": median(hours) if hours else None,
        "unreviewed": sum(line.broken.reviewed_at is None for line in lines),
        "often": [Often(*key, times) for key, times in broken.repeated([line.broken for line in lines])],
        "earlier": _other(month, -1),
        "later": _other(month, 1) if month < _first_of(at) else "",
        "failing": broken.failing_alarms(),
        "overdue": [_line(one, at) for one in broken.as_shown().filter(pk__in=broken.overdue(at).values("pk"))],
        "lacking": broken.lacking_drills(broken.newest_policy(), at=at),
        "test": broken.last_self_test(),
        "may_test": GroupRole.ADMINISTRATOR in belonging(request).roles,
    }
    return show(request, "break_glass/report.html", context)


@portal_page("GET")
def export(request: HttpRequest) -> HttpResponse:
    """The month for a spreadsheet, in which no cell is a formula."""
    _check(request)
    at = clock.now()
    month = _month(request, at)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="break-glass-{month:%Y-%m}.csv"'
    writer = csv.writer(answer)
    writer.writerow(COLUMNS)
    writer.writerows([inert(cell) for cell in _cells(_line(one, at))] for one in broken.of_month(month))
    return answer


@portal_page("POST")
def test(request: HttpRequest) -> HttpResponse:
    break_glass.ask_self_test(person=me(request), via=Via.WEB)
    messages.info(request, "It is being tested. Look again in a few seconds.")
    return SeeOther(reverse("break-glass-report"))


def _check(request: HttpRequest) -> None:
    if not belonging(request).sees_all:
        raise Refused("Only administrators and auditors see the report. Ask one of them.")


def _line(one: BreakGlass, at: datetime) -> Line:
    grant = getattr(one.access_request, "grant", None)
    held = "none"
    if grant is not None and grant.activated_at is not None:
        held = shown.time_words((one.ended_at or at) - grant.activated_at)
    hours = None
    if one.reviewed_at is not None and one.began_at is not None:
        hours = round((one.reviewed_at - one.began_at).total_seconds() / 3600, 1)
    return Line(one, shown.deed_of(one.access_request), tag_of(one, at=at), held, hours)


def _cells(line: Line) -> tuple[str, ...]:
    one, asked = line.broken, line.broken.access_request
    grant = getattr(asked, "grant", None)
    return (
        str(asked.pk),
        one.began_at.isoformat(timespec="seconds") if one.began_at else "",
        one.person.username,
        one.target.slug,
        " ".join(asked.roles),
        one.incident,
        asked.reason,
        "yes" if one.is_drill else "no",
        line.held,
        grant.ended_by if grant is not None else "",
        one.finding,
        one.reviewed_by.username if one.reviewed_by else "",
        "" if line.hours is None else str(line.hours),
        one.review_note,
        asked.decided_by if one.why_second else "",
    )


def _month(request: HttpRequest, at: datetime) -> datetime:
    """The month that is asked for, or this one."""
    year, _, month = request.GET.get("month", "").partition("-")
    if year.isascii() and year.isdigit() and month.isascii() and month.isdigit():
        try:
            return datetime(int(year), int(month), 1, tzinfo=UTC)
        except (ValueError, OverflowError):
            pass  # no such month: this one will do
    return _first_of(at)


def _first_of(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def _other(month: datetime, step: int) -> str:
    number = month.year * LAST_MONTH + month.month - 1 + step
    return f"{number // LAST_MONTH:04}-{number % LAST_MONTH + 1:02}"
