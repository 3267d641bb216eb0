"""One access request: what is asked, who decides, what happened, and what you can do about it."""

from __future__ import annotations

import hashlib
import secrets
from http import HTTPStatus
from typing import Any

from django.contrib import messages
from django.db import IntegrityError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest
from accessrequests.operations import access_requests
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import NotYours
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock, idempotency, voices
from accessrequests.queries.asks import Invalid
from accessrequests.web import request_page, requests_shown, unsent
from accessrequests.web.decide_forms import ApproveForm, CommentForm, DenyForm
from accessrequests.web.pages import STOP_POLLING, SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging

LARGEST = 2**63 - 1


@portal_page("GET")
def detail(request: HttpRequest, number: int) -> HttpResponse:
    """Beside the list of what waits, when one came from there. A part: what has happened since the page was read."""
    if request.htmx:  # type: ignore[attr-defined]
        return _news(request, at_hand(request, number))
    at = clock.now()
    context = request_page.with_list(request, current=number, at=at) if is_approval(request) else {}
    listed = (item.access_request for item in context.get("items", ()) if item.access_request.pk == number)
    access_request = next(listed, None) or at_hand(request, number)
    context |= request_page.context_of(request, access_request, forms=_typed_before(request, access_request), at=at)
    return show(request, "requests/request.html", context)


def _typed_before(request: HttpRequest, access_request: AccessRequest) -> dict[str, Any]:
    """The form that was being typed into when the session ended, as it was typed; what it is about is as of now."""
    kept = unsent.take_act(request)
    if kept is None:
        return {}
    act, typed = kept
    if act == "comments":
        return {"comment": CommentForm(initial={**typed.dict(), "once": secrets.token_urlsafe(16)})}
    initial = {**typed.dict(), "revision": access_request.revision}
    if act == "deny":
        return {"deny": DenyForm(initial=initial)}
    longest = access_request.approved_duration or access_request.duration
    return {"approve": ApproveForm(initial=initial, longest=longest)}


@portal_page("POST")
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    visible(request, number)
    access_requests.cancel(access_request_id=number, requester=me(request), via=Via.WEB)
    messages.info(request, "You took it back. Nobody has to decide any more.")
    return SeeOther(reverse("request", args=[number]))


@portal_page("POST")
def comment(request: HttpRequest, number: int) -> HttpResponse:
    access_request = visible(request, number)
    form = CommentForm(request.POST)
    if form.is_valid():
        try:
            _comment_once(request, number, **form.cleaned_data)
        except Invalid as error:
            form.blame(error)
        else:
            return SeeOther(f"{_back(request, number)}#activity")
    return again(request, access_request, forms={"comment": form})


def visible(request: HttpRequest, number: int) -> AccessRequest:
    """:raises NotYours: when it is not theirs to see. Whoever tries to act on it all the same is recorded."""
    found = request_queries.visible_to(me(request)).filter(pk=number).first()
    if found is None:
        raise NotYours(get_object_or_404(AccessRequest, pk=number))
    return found


def at_hand(request: HttpRequest, number: int) -> AccessRequest:
    """The same in fewer questions, with all that the page shows.

    :raises Http404: when it is not there, or not theirs to see.
    """
    found = request_queries.with_newest_policy(
        request_queries.as_shown().select_related("target__inventory", "grant__usage")
    )
    access_request = get_object_or_404(found, pk=number)
    if not belonging(request).sees(access_request):
        raise Http404
    return access_request


def again(request: HttpRequest, access_request: AccessRequest, *, forms: dict[str, Any]) -> HttpResponse:
    """The page once more, with a form that has to be put right."""
    at = clock.now()
    context = request_page.with_list(request, current=access_request.pk, at=at) if is_approval(request) else {}
    context |= request_page.context_of(request, access_request, forms=forms, at=at)
    return show(request, "requests/request.html", context, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _news(request: HttpRequest, access_request: AccessRequest) -> HttpResponse:
    """Nothing, as long as nothing has happened; then the newest of it, and no more questions."""
    seen = row_number(request, "seen") or 0
    newer = [event for event in voices.timeline_of(access_request) if event.sequence > seen]
    if not newer:
        return HttpResponse(status=HTTPStatus.NO_CONTENT)
    context = {"said": requests_shown.activity_of(newer)[-1:], "access_request": access_request}
    answer = show(request, "requests/_news.html", context)
    answer.status_code = STOP_POLLING
    return answer


def row_number(request: HttpRequest, name: str) -> int | None:
    """A row's number from the address, or nothing when it is none."""
    text = request.GET.get(name, "")
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(LARGEST)) else 0
    return number if 0 < number <= LARGEST else None


def is_approval(request: HttpRequest) -> bool:
    return request.path.startswith(reverse("approvals"))


def _back(request: HttpRequest, number: int) -> str:
    """Whoever is asked goes on among what waits for them, the others on the page of the request."""
    return reverse("approval" if request.POST.get("from") == "approvals" else "request", args=[number])


def _comment_once(request: HttpRequest, number: int, *, text: str, once: str) -> None:
    """A form that is sent twice by a double click says it once."""
    if not once:
        once = secrets.token_urlsafe(16)
    digest = hashlib.sha256(text.encode()).hexdigest()
    key = Idempotency(person_id=me(request).pk, key=f"comment:{once}:{digest}", path=request.path, body_hash=digest)
    if idempotency.first_use(person_id=key.person_id, key=key.key) is not None:
        return
    try:
        access_requests.comment(access_request_id=number, person=me(request), via=Via.WEB, text=text, idempotency=key)
    except IntegrityError:
        if idempotency.first_use(person_id=key.person_id, key=key.key) is None:
            raise
