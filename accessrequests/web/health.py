"""Whether access ends on time, and everything that it takes: for those who watch over it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain import sentences
from accessrequests.domain.events import Event, Queue, Via
from accessrequests.domain.window import parse_moment
from accessrequests.models import AuditEvent, Grant
from accessrequests.models.people import GroupRole
from accessrequests.operations import grants
from accessrequests.operations.refusals import Refused
from accessrequests.queries import (
    authorities,
    broken,
    charts,
    clock,
    offline_kits,
    on_call,
    quarantine,
    slack_places,
    watch,
)
from accessrequests.web import drawing, shown
from accessrequests.web.offline_kits import row_of
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging

PARTS = {"relay": "Relay", "worker": "Workers", "worker_urgent": "Urgent workers"}
QUEUES = {
    Queue.REVOKE: "Ending access",
    Queue.BREAK_GLASS: "Urgent access",
    Queue.PROVISION: "Setting up access",
    Queue.NOTIFY: "Telling people",
    Queue.RECONCILE: "Looking at targets",
}
AWAY = "The target does not answer."
LONG = timedelta(minutes=1)
STALE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Late:
    """A grant that may still work although it should not."""

    grant: Grant
    deed: str
    since: datetime
    late: str
    why: str


@portal_page("GET")
def health_page(request: HttpRequest) -> HttpResponse:
    roles = belonging(request).roles
    if not roles & {GroupRole.AUDITOR, GroupRole.ADMINISTRATOR}:
        raise Refused("Only administrators and auditors see how the product is. Ask one of them.")
    at = clock.now()
    kits = offline_kits.standing()
    seen, figures, troubled = watch.seen(at), watch.figures(at), watch.troubled()
    context = {
        "at": at,
        "quarantined": quarantine.why(),
        "may_hurry": GroupRole.ADMINISTRATOR in roles,
        "overdue": [_late(grant, at) for grant in watch.overdue(at)],
        "most": watch.MOST_SHOWN,
        "away": [
            (target, shown.time_words(at - target.unreachable_since))
            for target in troubled
            if target.unreachable_since is not None
        ],
        "warned": [target for target in troubled if target.warnings and target.retired_at is None],
        "waiting": [
            (one, QUEUES[Queue(one.queue)], shown.time_words(at - (one.since or at)), at - (one.since or at) > LONG)
            for one in watch.waiting(at)
        ],
        "signs": [(sign, PARTS[sign.who], shown.time_words(at - (sign.at or at))) for sign in figures.signs],
        "skews": [_happened(event) for event in seen if event.event in watch.SKEWS],
        "slack": slack_places.troubles(at),
        "orphans": [_happened(event) for event in seen if event.event == watch.ORPHAN],
        "schedules": on_call.everything(at),
        "failing": broken.failing_alarms(),
        "test": broken.last_self_test(),
        "kits": [row_of(one.kit, at=at) for one in kits],
        "kit_uses": [one for one in kits if one.use_id],
        "authorities": [_happened(event) for event in authorities.warned_of(at)],
        "anchor": _anchor(at),
        "figures": figures,
        "charts": drawing.of_health(charts.numbers(at=at)),
        "most_rows": charts.MOST_ROWS,
    }
    return show(request, "health/_live.html" if request.htmx else "health/health.html", context)  # type: ignore[attr-defined]


@portal_page("POST")
def hurry(request: HttpRequest, number: int) -> HttpResponse:
    grant = grants.hurry(grant_id=number, person=me(request), via=Via.WEB)
    messages.success(request, f"{grant.username} on {grant.target.slug} is being ended again now.")
    return SeeOther(reverse("health"))


def _late(grant: Grant, at: datetime) -> Late:
    since = min(moment for moment in (grant.expires_at, grant.revocation_started_at, at) if moment is not None)
    why = grant.last_error or "No step of it has failed yet; it may still be waiting for a worker."
    if grant.target.unreachable_since is not None:
        why = grant.last_error if grant.last_error.startswith(AWAY) else f"{AWAY} {grant.last_error}".strip()
    return Late(grant, shown.deed_of(grant.access_request), since, shown.time_words(at - since), why)


def _happened(event: AuditEvent) -> shown.Happened:
    sentence = sentences.timeline(Event(event.event), actor=event.actor, facts=event.facts)
    return shown.Happened(event.at, f"{event.subject.partition('/')[2]}: {sentence}")


def _anchor(at: datetime) -> dict[str, object]:
    found = watch.anchored()
    written = parse_moment(found.at) if found.at else None
    return {
        "trouble": found.trouble,
        "sequence": found.sequence,
        "at": written,
        "age": shown.time_words(at - written) if written else "",
        "is_stale": written is not None and at - written > STALE,
    }
