"""Looking for anything that one may see: one box, on every page of the portal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse

from accessrequests.domain.rules import Rule
from accessrequests.models import AccessRequest
from accessrequests.queries import access_requests, clock, search
from accessrequests.web import shown
from accessrequests.web.pages import portal_page, show
from accessrequests.web.whoami import belonging

MOST_DIGITS = 18
AROUND = 200  # characters of a reason that are shown

Pieces = list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class Line:
    """One request that was found."""

    request: AccessRequest
    title: Pieces
    quote: Pieces
    tag: shown.Tag


@portal_page("GET")
def search_page(request: HttpRequest) -> HttpResponse:
    text, before = request.GET.get("q", "")[: search.LONGEST], request.GET.get("before", "")
    is_number = before.isascii() and before.isdecimal() and len(before) <= MOST_DIGITS
    found = search.find(belonging(request), text=text, before=int(before) if is_number else None)
    at = clock.now()
    context = {
        "text": text,
        "found": found,
        "lines": [_line(one, found.words) for one in found.requests],
        "grants": [(one, pieces(one.username, found.words), shown.grant_tag(one, at=at)) for one in found.grants],
        "targets": [(one, pieces(f"{one.slug}, {one.name}", found.words)) for one in found.targets],
        "people": [(one, pieces(f"{one.name} ({one.username})", found.words)) for one in found.people],
        "rules": [(pieces(one.name, found.words), _groups(one)) for one in found.rules],
        "is_older": is_number,
    }
    is_part = request.headers.get("HX-Request") == "true"
    return show(request, "search/_found.html" if is_part else "search/search.html", context)


def pieces(text: str, words: Sequence[str]) -> Pieces:
    """The text cut where the words begin and end, so that a template can mark them and escape everything."""
    if not words:
        return [(text, False)]
    pattern = re.compile(
        "(" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")", re.IGNORECASE
    )
    return [(part, bool(number % 2)) for number, part in enumerate(pattern.split(text)) if part]


def _line(one: AccessRequest, words: Sequence[str]) -> Line:
    quote = one.reason if len(one.reason) <= AROUND else f"{one.reason[:AROUND]}…"
    said = f"{one.ticket}: {quote}" if one.ticket else quote
    return Line(one, pieces(access_requests.title_of(one), words), pieces(said, words), shown.request_tag(one))


def _groups(rule: Rule) -> str:
    """Who may ask by it, and who approves."""
    steps = [f"{step.needed} of {step.group}" for step in rule.approvals]
    return f"For {', '.join(sorted(rule.eligible)) or 'nobody'}; {' and '.join(steps) or 'nobody has to approve'}."
