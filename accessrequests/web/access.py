"""One's own access: what is live, its one-time password, and its end."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import CredentialState, GrantState
from accessrequests.models import Grant
from accessrequests.operations import credentials, grants
from accessrequests.operations.refusals import NotYours
from accessrequests.queries import clock, holdings, standing
from accessrequests.queries import grants as grant_queries
from accessrequests.web import shown
from accessrequests.web.forms import RevokeForm
from accessrequests.web.pages import SeeOther, fresh, me, portal_page, show

MOST_OVER = 25


@dataclass(frozen=True, slots=True)
class Held:
    """One grant as its holder sees it."""

    grant: Grant
    deed: str
    sentence: str
    tag: shown.Tag
    environment: shown.Tag
    fuse: shown.Fuse | None
    credential: CredentialState
    command: str

    @property
    def is_alive(self) -> bool:
        return self.grant.state in {GrantState.PENDING, GrantState.ACTIVE}

    @property
    def is_live(self) -> bool:
        return self.grant.state == GrantState.ACTIVE


@portal_page("GET")
def mine(request: HttpRequest) -> HttpResponse:
    at = clock.now()
    own = holdings.grants_held(me(request))
    alive = own.exclude(state=GrantState.REVOKED.value).order_by("expires_at", "pk")
    over = own.filter(state=GrantState.REVOKED.value).order_by("-pk")[:MOST_OVER]
    waiting = me(request).access_requests.filter(state="pending").select_related("target", "requester", "beneficiary")
    return show(
        request,
        "access/mine.html",
        {
            "alive": [held_shown(grant, at=at) for grant in alive],
            "over": [held_shown(grant, at=at) for grant in over],
            "pending": [(one, shown.deed_of(one)) for one in waiting.order_by("lapses_at")],
        },
    )


@portal_page("GET")
def detail(request: HttpRequest, number: int) -> HttpResponse:
    return page(request, visible(request, number))


@portal_page("POST")
@fresh
def reveal(request: HttpRequest, number: int) -> HttpResponse:
    """The only answer that holds a password. It is never stored, and a reload does not bring it back."""
    _visible_or_recorded(request, number)
    revealed = credentials.reveal(grant_id=number, person=me(request), via=Via.WEB)
    held = held_shown(visible(request, number), at=clock.now())
    return show(request, "access/reveal.html", {"revealed": revealed, "held": held})


@portal_page("POST")
def rotate(request: HttpRequest, number: int) -> HttpResponse:
    visible(request, number)
    credentials.rotate(grant_id=number, person=me(request), via=Via.WEB)
    messages.info(request, "A new password is on its way. The old one works until the target has the new one.")
    return SeeOther(reverse("grant", args=[number]))


@portal_page("POST")
def release(request: HttpRequest, number: int) -> HttpResponse:
    visible(request, number)
    grants.release(grant_id=number, holder=me(request), via=Via.WEB)
    messages.info(request, "It is being ended. This page says when the target confirms that it is gone.")
    return SeeOther(reverse("grant", args=[number]))


@portal_page("POST")
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    grant = visible(request, number)
    form = RevokeForm(request.POST)
    if not form.is_valid():
        return page(request, grant, revoke_form=form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    grants.revoke(grant_id=number, person=me(request), via=Via.WEB, reason=form.cleaned_data["reason"])
    messages.info(request, "It is being ended. This page says when the target confirms that it is gone.")
    return SeeOther(reverse("grant", args=[number]))


def visible(request: HttpRequest, number: int) -> Grant:
    """:raises Http404: when it is not there, or not theirs to see."""
    return get_object_or_404(_with_request(grant_queries.visible_to(me(request))), pk=number)


def page(
    request: HttpRequest, grant: Grant, *, revoke_form: RevokeForm | None = None, status: HTTPStatus = HTTPStatus.OK
) -> HttpResponse:
    person = me(request)
    held = held_shown(grant, at=clock.now())
    context: dict[str, Any] = {
        "held": held,
        "grant": grant,
        "title": shown.title_of(grant.access_request),
        "gates": list(grant.gates.all()),
        "timeline": shown.timeline_of(grant.access_request),
        "lets_you_do": shown.lets_you_do(grant.access_request),
        "is_mine": grant.holder_id == person.pk,
        "revoke_form": revoke_form or RevokeForm(),
    }
    context["may_revoke"] = held.is_alive and not context["is_mine"] and grant_queries.may_revoke(person, grant)
    return show(request, "access/grant.html", context, status=status)


def held_shown(grant: Grant, *, at: datetime) -> Held:
    return Held(
        grant=grant,
        deed=shown.deed_of(grant.access_request),
        sentence=standing.sentence_of(grant, at=at),
        tag=shown.grant_tag(grant, at=at),
        environment=shown.environment_tag(grant.target),
        fuse=shown.fuse_of(grant, at=at),
        credential=shown.credential_of(grant),
        command=connect_command(grant),
    )


def connect_command(grant: Grant) -> str:
    """What to type. It never holds the password, which would stay in the shell's history: mongosh asks for it."""
    connect_to = grant.target.connect_to
    query = urlencode({"authSource": "admin", **connect_to.get("options", {})})
    address = f"mongodb://{','.join(connect_to['hosts'])}/?{query}"
    return f"mongosh {shlex.quote(address)} --username {shlex.quote(grant.username)}"


def _with_request(found: QuerySet[Grant]) -> QuerySet[Grant]:
    return found.select_related("access_request__target", "access_request__requester", "access_request__beneficiary")


def _visible_or_recorded(request: HttpRequest, number: int) -> None:
    """Whoever reaches for the password of a grant that they may not even see is told nothing, and recorded."""
    if not grant_queries.visible_to(me(request)).filter(pk=number).exists():
        raise NotYours(get_object_or_404(Grant, pk=number))
