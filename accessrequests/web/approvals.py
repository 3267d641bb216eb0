"""Deciding: what waits for this person, and the two buttons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest
from accessrequests.operations import access_requests
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock
from accessrequests.queries.asks import Invalid
from accessrequests.web import requests, shown
from accessrequests.web.forms import ApproveForm, DenyForm
from accessrequests.web.pages import SeeOther, me, portal_page, show

MOST_WAITING = 100


@dataclass(frozen=True, slots=True)
class Waiting:
    """One request that waits for a decision."""

    access_request: AccessRequest
    title: str
    environment: shown.Tag
    lapses_in: str
    is_urgent: bool


@portal_page("GET")
def inbox(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    found = request_queries.inbox_of(me(request))[:MOST_WAITING]
    return show(request, "approvals/inbox.html", {"items": [_waiting(one, at) for one in found]})


@portal_page("POST")
def approve(request: HttpRequest, number: int) -> HttpResponse:
    access_request = requests.visible(request, number)
    form = ApproveForm(request.POST, longest=access_request.approved_duration or access_request.duration)
    if form.is_valid():
        try:
            decided = access_requests.approve(
                access_request_id=number, approver=me(request), via=Via.WEB, **form.cleaned_data
            )
        except Invalid as error:
            _blame(form, error)
        else:
            messages.success(request, _approved(decided))
            return SeeOther(reverse("approval", args=[number]))
    shown_forms = {**requests.decide_forms(access_request), "approve": form}
    return requests.page(request, access_request, forms=shown_forms, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@portal_page("POST")
def deny(request: HttpRequest, number: int) -> HttpResponse:
    access_request = requests.visible(request, number)
    form = DenyForm(request.POST)
    if form.is_valid():
        try:
            access_requests.deny(access_request_id=number, approver=me(request), via=Via.WEB, **form.cleaned_data)
        except Invalid as error:
            _blame(form, error)
        else:
            messages.success(request, "You denied it. The requester is told why.")
            return SeeOther(reverse("approval", args=[number]))
    shown_forms = {**requests.decide_forms(access_request), "deny": form}
    return requests.page(request, access_request, forms=shown_forms, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _approved(access_request: AccessRequest) -> str:
    if access_request.state == AccessRequestState.APPROVED:
        return "You approved it. The access is being set up."
    return "You approved it. It still waits for others."


def _blame(form: ApproveForm | DenyForm, error: Invalid) -> None:
    for name, sentences in error.errors.items():
        for sentence in sentences:
            form.add_error(name if name in form.fields else None, sentence)


def _waiting(access_request: AccessRequest, at: datetime) -> Waiting:
    left = access_request.lapses_at - at
    return Waiting(
        access_request=access_request,
        title=shown.title_of(access_request),
        environment=shown.environment_tag(access_request.target),
        lapses_in=shown.time_words(left),
        is_urgent=left < shown.SOON,
    )
