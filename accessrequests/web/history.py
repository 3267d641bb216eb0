"""What is over of one's own: how it ended, how long it was held, and a way to ask again."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import urlencode

from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest, Grant
from accessrequests.models.access_requests import Answer
from accessrequests.queries import clock, history, standing
from accessrequests.web import shown
from accessrequests.web.pages import me, portal_page, show
from accessrequests.web.sheets import inert

PAGE = 25
MOST_EXPORTED = 5_000
LONGEST_NUMBER = 18
WORDS = {"": "Everything", "ended": "Ended", "denied": "Denied", "taken-back": "Taken back", "lapsed": "Lapsed"}
COLUMNS = ("request", "access", "target", "environment", "filed", "started", "ended", "held", "how", "why", "ticket")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that is over."""

    access_request: AccessRequest
    grant: Grant | None
    deed: str
    environment: shown.Tag
    tag: shown.Tag
    why: str
    held: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Chip:
    """One way to narrow the list."""

    words: str
    address: str
    is_on: bool


@portal_page("GET")
def page(request: HttpRequest) -> HttpResponse:
    at, how, target = clock.now(), request.GET.get("how", ""), request.GET.get("target", "")
    found = history.over(me(request), how=how, target=target, before=_before(request), most=PAGE + 1)
    context = {
        "rows": [_row(one, at=at) for one in found[:PAGE]],
        "chips": [Chip(words, _address(how=key, target=target), key == how) for key, words in WORDS.items()],
        "places": [
            Chip(slug, _address(how=how, target="" if slug == target else slug), slug == target)
            for slug in history.targets_of(me(request))
        ],
        "older": _address(how=how, target=target, before=str(found[PAGE - 1].pk)) if len(found) > PAGE else "",
        "newest": _address(how=how, target=target) if _before(request) else "",
        "export": f"{reverse('history-export')}?{urlencode({'how': how, 'target': target})}",
        "is_narrowed": bool(how or target),
    }
    return show(request, "history/history.html", context)


@portal_page("GET")
def export(request: HttpRequest) -> HttpResponse:
    """The newest of it for a spreadsheet, in which no cell is a formula."""
    at, how, target = clock.now(), request.GET.get("how", ""), request.GET.get("target", "")
    found = history.over(me(request), how=how, target=target, before=None, most=MOST_EXPORTED)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = 'attachment; filename="my-access-history.csv"'
    writer = csv.writer(answer)
    writer.writerow(COLUMNS)
    writer.writerows([inert(cell) for cell in _cells(_row(one, at=at))] for one in found)
    return answer


def _cells(row: Row) -> Sequence[str]:
    asked, started = row.access_request, row.grant.activated_at if row.grant else None
    return (
        str(asked.pk),
        row.deed,
        asked.target.slug,
        asked.target.environment,
        asked.filed_at.isoformat(timespec="seconds"),
        started.isoformat(timespec="seconds") if started else "",
        row.ended_at.isoformat(timespec="seconds") if row.ended_at else "",
        row.held,
        row.tag.words,
        row.why,
        asked.ticket,
    )


def _row(access_request: AccessRequest, *, at: datetime) -> Row:
    grant = getattr(access_request, "grant", None)
    deed, environment = shown.deed_of(access_request), shown.environment_tag(access_request.target)
    if not isinstance(grant, Grant):
        tag, why = _came_to_nothing(access_request)
        return Row(access_request, None, deed, environment, tag, why, "none", access_request.decided_at)
    told = standing.situation_of(grant, at=at, is_mine=True)
    ended_at = grant.cut_at or grant.revoked_at
    held = max(timedelta(), ended_at - grant.activated_at) if grant.activated_at and ended_at else None
    words = f"{shown.time_words(held)} of {shown.time_words(grant.length)}" if held is not None else "none"
    return Row(access_request, grant, deed, environment, shown.Tag(told.word, told.tone), told.heading, words, ended_at)


def _came_to_nothing(access_request: AccessRequest) -> tuple[shown.Tag, str]:
    if access_request.state == AccessRequestState.DENIED:
        said = [one.comment for one in access_request.approvals.all() if one.answer == Answer.DENY.value]
        return shown.Tag(f"denied by {access_request.decided_by}", "bad"), said[-1] if said else ""
    if access_request.state == AccessRequestState.EXPIRED:
        return shown.Tag("lapsed"), "Nobody answered in time."
    return shown.Tag("void" if access_request.note else "taken back"), access_request.note


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def _address(**wanted: str) -> str:
    said = {name: value for name, value in wanted.items() if value}
    return f"{reverse('history')}?{urlencode(said)}" if said else reverse("history")
