"""The audit trail for people: look, narrow, check it, and take a copy away."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.http import urlencode

from accessrequests.domain import sentences
from accessrequests.domain.events import PRODUCT, Event, Via
from accessrequests.models import AuditEvent, Target
from accessrequests.operations import trail as trail_operations
from accessrequests.operations.refusals import Refused
from accessrequests.queries import audit, clock, trail
from accessrequests.queries.trail import Wanted
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.sheets import inert
from accessrequests.web.whoami import belonging

PAGE = 25
LONGEST_TYPED = 200
LARGEST = 2**63 - 1
COLUMNS = ("sequence", "at", "event", "actor", "via", "subject", "facts", "previous", "hash")
FAMILIES = (
    *("access_request.*", "access_review.*", "grant.*", "credential.*", "policy.*", "target.*", "clock.*"),
    *("person.*", "group.*", "token.*", "audit.*"),
)
SINCE = {"1h": "Last hour", "24h": "Last 24 hours", "7d": "Last 7 days", "30d": "Last 30 days"}
SAVED: tuple[tuple[str, dict[str, str]], ...] = (
    ("Everything", {}),
    ("Failures", {"event": "grant.attempt_failed"}),
    ("Drift and orphans", {"event": "grant.drift_found"}),
    ("Passwords shown", {"event": "credential.revealed"}),
    ("Refused to people", {"event": "grant.refused"}),
    ("Policies", {"event": "policy.*"}),
    ("Copies taken", {"event": "audit.exported"}),
)
_WORDS = {"text": "q"}  # what an address calls it, where that is shorter


@dataclass(frozen=True, slots=True)
class Row:
    """One event as it is shown."""

    event: AuditEvent
    who: str
    sentence: str
    about: str
    tone: str
    facts: str


@dataclass(frozen=True, slots=True)
class Chip:
    """One part of the filter that is on, and the address without it."""

    words: str
    without: str


@portal_page("GET")
def audit_page(request: HttpRequest) -> HttpResponse:
    person, at, wanted = me(request), clock.now(), _wanted(request.GET)
    sees_all = belonging(request).sees_all
    matching = trail.matching(person, wanted, at=at, sees_all=sees_all)
    found = trail.page(matching, before=_before(request), most=PAGE + 1)
    context = {
        "rows": [_row(event) for event in found[:PAGE]],
        "older": _address(wanted, before=str(found[PAGE - 1].sequence)) if len(found) > PAGE else "",
        "newest": _address(wanted) if _before(request) else "",
        "wanted": wanted,
        "chips": _chips(wanted),
        "saved": [(words, _address(Wanted(**narrowed)), wanted == Wanted(**narrowed)) for words, narrowed in SAVED],
        "choices": {
            "families": FAMILIES,
            "via": [via.value for via in Via],
            "since": SINCE.items(),
            "targets": list(Target.objects.order_by("slug").values_list("slug", flat=True)[:500]),
        },
        "sees_all": sees_all,
        "check": trail.last_check() if sees_all else None,
        "head": audit.head_sequence() if sees_all else None,
        "narrowed": any(asdict(wanted).values()),
    }
    return show(request, "audit/trail.html", context)


@portal_page("GET")
def event_page(request: HttpRequest, number: int) -> HttpResponse:
    event = get_object_or_404(audit.visible_to(me(request)), sequence=min(number, LARGEST))
    return show(request, "audit/event.html", {"row": _row(event)})


@portal_page("POST")
def verify(request: HttpRequest) -> HttpResponse:
    person = me(request)
    if not belonging(request).sees_all:
        raise Refused("Only auditors and administrators can check the audit trail. Ask one of them.")
    trail_operations.note_check(report=audit.checked_now(), person=person, via=Via.WEB)
    messages.success(request, "The whole trail was read and checked. What was found stands at the top.")
    return SeeOther(reverse("audit"))


@portal_page("POST")
def export(request: HttpRequest) -> HttpResponse:
    """A copy of what the filter of the page shows; that it was taken is an event itself."""
    person, wanted = me(request), _wanted(request.POST)
    written = "csv" if request.POST.get("written") == "csv" else "jsonl"
    narrowed = {name: value for name, value in asdict(wanted).items() if value}
    up_to = trail_operations.note_export(written=written, narrowed=narrowed, person=person, via=Via.WEB)
    events = trail.oldest_first(trail.matching(person, wanted, at=clock.now()), up_to=up_to)
    lines = _csv(events) if written == "csv" else _json_lines(events)
    kind = "text/csv; charset=utf-8" if written == "csv" else "application/jsonl"
    answer = StreamingHttpResponse(lines, content_type=kind)
    completeness = "full" if belonging(request).sees_all and not narrowed else "partial"
    answer["Content-Disposition"] = f'attachment; filename="audit-events-{completeness}.{written}"'
    return cast("HttpResponse", answer)  # Django gives the two no common type


def _wanted(given: Mapping[str, str]) -> Wanted:
    """What the address or the form says; anything that we do not understand narrows to nothing that could be there."""
    names = ("text", "who", "event", "via", "target", "subject", "since")
    read = {name: given.get(_WORDS.get(name, name), "").replace("\0", "").strip()[:LONGEST_TYPED] for name in names}
    return Wanted(**read)


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= audit.MOST_DIGITS else None


def _address(wanted: Wanted, **more: str) -> str:
    said = {_WORDS.get(name, name): value for name, value in (asdict(wanted) | more).items() if value}
    return f"{reverse('audit')}?{urlencode(said)}" if said else reverse("audit")


def _chips(wanted: Wanted) -> list[Chip]:
    labels = {"text": "Search", "who": "Who", "event": "Event", "via": "Through", "target": "Target"}
    labels |= {"subject": "About", "since": "Since"}
    said = asdict(wanted)
    return [
        Chip(f"{labels[name]}: {SINCE.get(value, value)}", _address(Wanted(**(said | {name: ""}))))
        for name, value in said.items()
        if value
    ]


def _row(event: AuditEvent) -> Row:
    known = event.event in set(Event)
    sentence = (
        sentences.timeline(Event(event.event), actor=event.actor, facts=event.facts) if known else f"{event.event}."
    )
    facts = json.dumps(event.facts, indent=2, sort_keys=True, ensure_ascii=False)
    who = "the product itself" if event.actor == PRODUCT else event.actor
    return Row(event, who, sentence, _about(event.subject), _tone(event.event), facts)


def _about(subject: str) -> str:
    """The page of what the event is about, where there is one."""
    kind, _, name = subject.partition("/")
    pages = {"access_request": "request", "grant": "grant", "access_review": "access-review"}
    if kind in pages and name.isascii() and name.isdecimal():
        return reverse(pages[kind], args=[int(name)])
    if kind == "target" and name:
        return reverse("target", args=[name])
    return f"{reverse('policies')}?{urlencode({'version': name})}" if kind == "policy" else ""


def _tone(event: str) -> str:
    fact = event.partition(".")[2]
    if "fail" in fact or "refused" in fact or fact in {"drift_found", "unreachable", "orphan_ended", "denied"}:
        return "bad"
    if "skewed" in fact or fact in {"expired", "revocation_started", "revocation_hurried"}:
        return "warn"
    return "ok" if fact in {"activated", "approved", "revoked", "reachable"} else ""


def _json_lines(events: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    for event in events:
        yield json.dumps(event, ensure_ascii=False, sort_keys=True) + "\n"


class _Line:
    """What csv writes to: it hands back the line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def _csv(events: Iterator[Mapping[str, Any]]) -> Iterator[str]:
    writer = csv.writer(_Line())
    yield str(writer.writerow(COLUMNS))
    for event in events:
        yield str(writer.writerow([inert(_cell(event[name])) for name in COLUMNS]))


def _cell(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True) if isinstance(value, Mapping) else str(value)
