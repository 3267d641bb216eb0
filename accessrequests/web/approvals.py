"""Deciding: what waits for this person, what they decided, what lives because of it, and the two buttons."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest
from accessrequests.operations import access_requests
from accessrequests.operations.refusals import NeedsSecondFactor
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock, live
from accessrequests.queries.asks import Invalid
from accessrequests.web import accounts, inbox_shown, request_page, requests
from accessrequests.web.decide_forms import ApproveForm, DenyForm
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging

PAGE = 25


@portal_page("GET")
def inbox(request: HttpRequest) -> HttpResponse:
    """`?show=` chooses the tab; what waits is shown when it says nothing that we know."""
    wanted = request.GET.get("show", "")
    if wanted == "live":
        return show(request, "approvals/live.html", _live(request))
    if wanted in {"decided", "all"}:
        return show(request, "approvals/past.html", _past(request, wanted))
    return _waiting(request)


@portal_page("POST")
def approve(request: HttpRequest, number: int) -> HttpResponse:
    access_request = requests.visible(request, number)
    form = ApproveForm(request.POST, longest=access_request.approved_duration or access_request.duration)
    if form.is_valid():
        try:
            decided = access_requests.approve(
                access_request_id=number,
                approver=me(request),
                via=Via.WEB,
                proof=accounts.second_factor_of(request),
                **form.cleaned_data,
            )
        except NeedsSecondFactor:
            return code_first(request, back=reverse("approval", args=[number]))
        except Invalid as error:
            form.blame(error)
        else:
            messages.success(request, _approved(decided))
            return SeeOther(reverse("approval", args=[number]))
    return requests.again(request, access_request, forms={"approve": form})


@portal_page("POST")
def deny(request: HttpRequest, number: int) -> HttpResponse:
    access_request = requests.visible(request, number)
    form = DenyForm(request.POST)
    if form.is_valid():
        try:
            access_requests.deny(access_request_id=number, approver=me(request), via=Via.WEB, **form.cleaned_data)
        except Invalid as error:
            form.blame(error)
        else:
            messages.success(request, "You denied it. The requester is told why.")
            return SeeOther(reverse("approval", args=[number]))
    return requests.again(request, access_request, forms={"deny": form})


def code_first(request: HttpRequest, *, back: str) -> HttpResponse:
    """Off to the page that asks for the second factor, and back to the button; or to where one is added."""
    if accounts.has_second_factor(request):
        messages.info(
            request, "The policy wants your second factor for this. Nothing was decided: press Approve again."
        )
        return SeeOther(f"{reverse('mfa_reauthenticate')}?{urlencode({'next': back})}")
    messages.error(
        request, "The policy wants a second factor for this, and you have none. Nothing was decided. Add one."
    )
    return SeeOther(reverse("account"))


def _approved(access_request: AccessRequest) -> str:
    if access_request.state == AccessRequestState.APPROVED and access_request.extends_id:
        return (
            f"You approved it. The new end counts once {access_request.target.slug} has it; until then the access is "
            "live and ends as before."
        )
    if access_request.state == AccessRequestState.APPROVED:
        return "You approved it. The access is being set up."
    return "You approved it. It still waits for others."


def _waiting(request: HttpRequest) -> HttpResponse:
    """The list; beside it, where there is room, the first of them, ready to be decided."""
    at = clock.now()
    context = request_page.with_list(request, current=requests.row_number(request, "at"), at=at)
    if request.htmx:  # type: ignore[attr-defined]
        return show(request, "approvals/_waiting.html", context)
    if context["items"]:
        context |= request_page.context_of(request, context["items"][0].access_request, forms={}, at=at)
    return show(request, "approvals/inbox.html", context)


def _past(request: HttpRequest, wanted: str) -> dict[str, Any]:
    at, person = clock.now(), me(request)
    ways = request_queries.answered_ways(person) if wanted == "decided" else request_queries.ways_to_see(person)
    found = request_queries.newest(ways, before=requests.row_number(request, "before"), most=PAGE + 1)
    items = [inbox_shown.item_of(one, at=at) for one in found[:PAGE]]
    older = items[-1].access_request.pk if len(found) > PAGE else None
    return {"items": items, "older": older, "is_first": not requests.row_number(request, "before"), "show": wanted}


def _live(request: HttpRequest) -> dict[str, Any]:
    at, who = clock.now(), belonging(request)
    found = live.live_for(who)
    there = live.counted(found)
    pages = Paginator(found, PAGE)
    pages.count = min(there, live.MOST_LISTED)
    page = pages.get_page(request.GET.get("page"))
    items = [inbox_shown.alive_item(grant, who, at) for grant in page]
    return {"items": items, "page": page, "are_more": there > live.MOST_LISTED, "show": "live"}
