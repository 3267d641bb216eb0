"""One access request: what is asked, who decides, what happened, and what you can do about it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain import policy
from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.window import spell_duration
from accessrequests.models import AccessRequest
from accessrequests.operations import access_requests
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock, holdings
from accessrequests.web import shown
from accessrequests.web.forms import ApproveForm, DenyForm
from accessrequests.web.pages import SeeOther, me, portal_page, show


@portal_page("GET")
def detail(request: HttpRequest, number: int) -> HttpResponse:
    return page(request, visible(request, number))


@portal_page("POST")
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    visible(request, number)
    access_requests.cancel(access_request_id=number, requester=me(request), via=Via.WEB)
    return SeeOther(reverse("request", args=[number]))


def visible(request: HttpRequest, number: int) -> AccessRequest:
    """:raises Http404: when it is not there, or not theirs to see."""
    return get_object_or_404(request_queries.visible_to(me(request)), pk=number)


def page(
    request: HttpRequest,
    access_request: AccessRequest,
    *,
    forms: dict[str, Any] | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    """The page, with the decide forms when the person may decide, and why not when they may not."""
    is_pending = access_request.state == AccessRequestState.PENDING
    today = holdings.judged_today(access_request) if is_pending else ""
    verdict = policy.from_json(access_request.verdict) if isinstance(today, str) else today
    context = {
        "access_request": access_request,
        "grant": getattr(access_request, "grant", None),
        "title": shown.title_of(access_request),
        "tag": shown.request_tag(access_request),
        "environment": shown.environment_tag(access_request.target),
        "sentence": shown.sentence_of(access_request, verdict),
        "length": spell_duration(access_request.duration),
        "shortened": _shortened(access_request),
        "verdict": verdict,
        "steps": shown.steps_of(access_request, verdict),
        "lets_you_do": shown.lets_you_do(access_request),
        "timeline": shown.timeline_of(access_request),
        "is_pending": is_pending,
        "is_mine": access_request.requester_id == me(request).pk,
    }
    if is_pending:
        why_not = holdings.why_not_decide(me(request), access_request, at=clock.now())
        deciding = {"why_not": why_not} if why_not else {**decide_forms(access_request), **(forms or {})}
        why_not_approve = today if isinstance(today, str) else ""
        context |= {"changes": shown.changes_for(access_request), "why_not_approve": why_not_approve, **deciding}
    return show(request, "requests/request.html", context, status=status)


def decide_forms(access_request: AccessRequest) -> dict[str, Any]:
    initial = {"revision": access_request.revision}
    longest = access_request.approved_duration or access_request.duration
    return {"approve": ApproveForm(initial=initial, longest=longest), "deny": DenyForm(initial=initial)}


def _shortened(access_request: AccessRequest) -> str:
    approved = access_request.approved_duration
    return spell_duration(approved) if approved and approved < access_request.duration else ""
