"""One's own access: what is live, its one-time password, and its end."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain.certificates import file_of
from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import EndReason, GrantState
from accessrequests.domain.situation import headline
from accessrequests.models import Approval, Grant
from accessrequests.operations import credentials, grants
from accessrequests.operations.credentials import Revealed
from accessrequests.operations.refusals import NotYours
from accessrequests.queries import clock, diagnoses, extensions, holdings, standing
from accessrequests.queries import grants as grant_queries
from accessrequests.queries.access_requests import newest_policy
from accessrequests.web import grants_shown, requests_shown, shown, unsent
from accessrequests.web.doctor_shown import doctor_shown
from accessrequests.web.extend_shown import extending
from accessrequests.web.forms import ExtendForm, RevokeForm
from accessrequests.web.grants_shown import Held, held_shown
from accessrequests.web.pages import STOP_POLLING, SeeOther, fresh, me, portal_page, show
from accessrequests.web.whoami import belonging

MOST_ALIVE = 10
MOST_OVER = 5
MOST_WAITING = 25
_APPROVALS = Prefetch(
    "access_request__approvals", Approval.objects.select_related("person", "on_behalf_of").order_by("pk")
)
ENDING = "It is being ended. This page says when the target confirms that it is gone."


@portal_page("GET")
def mine(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    own = holdings.grants_of(me(request)).values_list("pk", flat=True)
    tally = grant_queries.tally(me(request))
    pages = Paginator(own.exclude(state=GrantState.REVOKED.value).order_by("expires_at", "pk"), MOST_ALIVE)
    pages.count = tally.total
    page = pages.get_page(request.GET.get("page"))
    not_over, over = list(page), list(own.filter(state=GrantState.REVOKED.value).order_by("-pk")[:MOST_OVER])
    read = _in_list([*not_over, *over])
    alive = [read[pk] for pk in not_over]
    waiting = me(request).access_requests.filter(state="pending").select_related("target", "requester", "beneficiary")
    silent = standing.silent_workers(alive, at=at)
    return show(
        request,
        "access/mine.html",
        {
            "headline": headline(tally),
            "page": page,
            "alive": [held_shown(grant, at=at, is_mine=True, silent=silent) for grant in alive],
            "over": [held_shown(read[pk], at=at, is_mine=True) for pk in over],
            "pending": [(one, shown.deed_of(one)) for one in waiting.order_by("lapses_at")[:MOST_WAITING]],
        },
    )


@portal_page("GET")
def detail(request: HttpRequest, number: int) -> HttpResponse:
    grant = at_hand(request, number)
    if request.headers.get("HX-Request") == "true":
        return _now(request, grant)
    kept = unsent.take_act(request)
    act, typed = kept if kept is not None else ("", None)
    revoke_form = RevokeForm(initial=typed.dict()) if typed is not None and act == "revoke" else None
    return page(request, grant, revoke_form=revoke_form, extend_with=typed if act == "extend" else None)


@portal_page("POST")
@fresh
def reveal(request: HttpRequest, number: int) -> HttpResponse:
    """The only answer that holds a secret. It is never stored, and a reload does not bring it back."""
    _visible_or_recorded(request, number)
    revealed = credentials.reveal(grant_id=number, person=me(request), via=Via.WEB)
    held = held_shown(at_hand(request, number), at=clock.now(), is_mine=True)
    if revealed.certificate:
        ends = revealed.certificate_ends_at
        outlives = ends is not None and ends > revealed.expires_at
        told = {"revealed": revealed, "held": held, "outlives": outlives, **_file(held, revealed)}
        return show(request, "access/certificate.html", told)
    return show(request, "access/reveal.html", {"revealed": revealed, "held": held})


@portal_page("POST")
def rotate(request: HttpRequest, number: int) -> HttpResponse:
    _visible_or_recorded(request, number)
    grant = credentials.rotate(grant_id=number, person=me(request), via=Via.WEB)
    messages.info(request, _on_its_way(grant))
    return SeeOther(reverse("grant", args=[number]))


@portal_page("POST")
def release(request: HttpRequest, number: int) -> HttpResponse:
    visible(request, number)
    grants.release(grant_id=number, holder=me(request), via=Via.WEB)
    messages.info(request, ENDING)
    return SeeOther(reverse("grant", args=[number]))


@portal_page("POST")
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    visible(request, number)
    grant = at_hand(request, number)
    form = RevokeForm(request.POST)
    if not form.is_valid():
        return page(request, grant, revoke_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    grants.revoke(grant_id=number, person=me(request), via=Via.WEB, reason=form.cleaned_data["reason"])
    messages.info(request, ENDING)
    return SeeOther(reverse("grant", args=[number]))


def visible(request: HttpRequest, number: int) -> Grant:
    """:raises NotYours: when it is not theirs to see. Whoever tries to end it all the same is recorded."""
    found = grant_queries.visible_to(me(request)).filter(pk=number).first()
    if found is None:
        raise NotYours(get_object_or_404(Grant, pk=number))
    return found


def at_hand(request: HttpRequest, number: int) -> Grant:
    """The same in fewer questions, with all that the page shows.

    :raises Http404: when it is not there, or not theirs to see.
    """
    found = (
        grant_queries.as_shown()
        .select_related(
            "access_request__requester",
            "access_request__beneficiary",
            "diagnosis__asked_by",
            "access_request__target__inventory",
            "access_request__policy_version",
        )
        .defer("access_request__target__inventory__databases")
        .prefetch_related(_APPROVALS)
        .annotate(newest_policy=newest_policy())
    )
    grant = get_object_or_404(found, pk=number)
    extensions.look_up([grant])
    if not me(request).stands_for(grant.holder) and not belonging(request).sees(grant.access_request):
        raise Http404
    return grant


def page(
    request: HttpRequest,
    grant: Grant,
    *,
    revoke_form: RevokeForm | None = None,
    extend_form: ExtendForm | None = None,
    extend_with: QueryDict | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> HttpResponse:
    at = clock.now()
    is_mine = me(request).stands_for(grant.holder)
    held = _held(request, grant, at)
    context: dict[str, Any] = {
        "held": held,
        "grant": grant,
        "gates": grants_shown.gates_shown(grant, at=at),
        "doctor": doctor_shown(grant) if held.is_alive else None,
        "may_ask_why": held.is_alive and diagnoses.may_ask(belonging(request), grant),
        "timeline": shown.timeline_of(grant.access_request),
        "lets_you_do": shown.lets_you_do(grant.access_request),
        "hands": grants_shown.hands_of(grant),
        "who_may_end": grants_shown.who_may_end(grant),
        "who_ends_it": requests_shown.who_ends_it(grant.access_request),
        "can_ask_again": is_mine and held.is_over and grant.end_reason != EndReason.TARGET_RETIRED,
        "revoke_form": revoke_form or RevokeForm(),
        "extending": extending(grant, at=at, form=extend_form, typed=extend_with) if is_mine and held.is_live else None,
        "may_revoke": held.is_alive and not is_mine and belonging(request).may_end(grant.access_request),
    }
    return show(request, "access/grant.html", context, status=status)


def _now(request: HttpRequest, grant: Grant) -> HttpResponse:
    """Only the part that changes by itself. What changed for good needs the whole page, so that is loaded again."""
    held = _held(request, grant, clock.now())
    answer = show(request, "access/_now.html", {"held": held, "grant": grant})
    was = request.GET.get("was", "")
    if was and was != held.mark:
        answer["HX-Refresh"] = "true"
    if not held.pace or "HX-Refresh" in answer:
        answer.status_code = STOP_POLLING
    return answer


def _held(request: HttpRequest, grant: Grant, at: datetime) -> Held:
    silent = standing.silent_workers([grant], at=at)
    is_mine, is_moving = me(request).stands_for(grant.holder), extensions.is_moving(grant)
    return held_shown(grant, at=at, is_mine=is_mine, silent=silent, is_moving=is_moving)


def _file(held: Held, revealed: Revealed) -> dict[str, str]:
    """The certificate as a file that the page itself carries: a second answer with it would be a second copy."""
    content = base64.b64encode(revealed.certificate.encode()).decode()
    return {"file": file_of(held.grant.username), "href": f"data:application/x-pem-file;base64,{content}"}


def _in_list(numbers: Sequence[int]) -> dict[int, Grant]:
    """With what a list shows of them, few tables in one question: to plan a dozen takes longer than to read them."""
    whose = ("access_request__requester", "access_request__beneficiary")
    known = Grant.objects.select_related("target__inventory", "holder", "credential", *whose)
    found = known.defer("target__inventory__databases", "target__inventory__roles").prefetch_related(_APPROVALS)
    read = found.in_bulk(numbers)
    for grant in read.values():
        grant.access_request.target = grant.target
    return read


def _on_its_way(grant: Grant) -> str:
    if grant.access_request.has_certificate:
        return "A new certificate is on its way. The one that you have works until the end that is written in it."
    return "A new password is on its way. The old one works until the target has the new one."


def _visible_or_recorded(request: HttpRequest, number: int) -> None:
    """Whoever reaches for the password of a grant that they may not even see is told nothing, and recorded."""
    if not grant_queries.visible_to(me(request)).filter(pk=number).exists():
        raise NotYours(get_object_or_404(Grant, pk=number), "Somebody reached for a password that is not theirs.")
