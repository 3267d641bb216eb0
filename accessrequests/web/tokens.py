"""One's own personal tokens, and those of services that one owns: make one, end one."""

from __future__ import annotations

from datetime import timedelta
from http import HTTPStatus

from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain.events import Via
from accessrequests.models import Person, PersonalToken
from accessrequests.operations import people
from accessrequests.queries import clock
from accessrequests.queries import people as people_queries
from accessrequests.queries.asks import Invalid
from accessrequests.web.forms import TokenForm
from accessrequests.web.pages import SeeOther, fresh, me, portal_page, show

SCOPES = {
    "read": "read: see what you see here",
    "request": "request: ask and take back",
    "decide": "decide: approve and deny",
    "reveal": "reveal: see passwords, without signing in again",
    "end": "end: give back and revoke",
    "audit": "audit: read the audit trail",
    "admin": "admin: what only administrators may",
}


@portal_page("GET", "POST")
def tokens(request: HttpRequest) -> HttpResponse:
    return _make(request) if request.method == "POST" else _page(request, _form(me(request)))


@fresh
def _make(request: HttpRequest) -> HttpResponse:
    """A token acts for its owner for long, so a session that somebody else sits at must not be enough to make one."""
    person, form = me(request), _form(me(request), request)
    if not form.is_valid():
        return _page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    days = form.cleaned_data["days"]
    try:
        token, secret = people.create_token(
            person=form.whose or person,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            actor=people_queries.actor_of(person, Via.WEB),
            expires_at=clock.now() + timedelta(days=days) if days else None,
        )
    except Invalid as error:
        form.add_error("scopes", str(error))
        return _page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    return show(request, "tokens/token.html", {"token": token, "secret": secret}, status=HTTPStatus.CREATED)


@portal_page("POST")
def revoke(request: HttpRequest, number: int) -> HttpResponse:
    person = me(request)
    get_object_or_404(_in_hand(person), pk=number)
    people.revoke_token(token_id=number, person=person, actor=people_queries.actor_of(person, Via.WEB))
    return SeeOther(reverse("tokens"))


def _form(person: Person, request: HttpRequest | None = None) -> TokenForm:
    scopes = [(scope, SCOPES[scope]) for scope in people.scopes_of(person)]
    return TokenForm(request.POST if request else None, scopes=scopes, services=person.services.filter(is_active=True))


def _in_hand(person: Person) -> QuerySet[PersonalToken]:
    """The person's own, and those of service identities that they own."""
    return PersonalToken.objects.filter(Q(person=person) | Q(person__owner=person)).select_related("person")


def _page(request: HttpRequest, form: TokenForm, *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    mine = _in_hand(me(request)).order_by("-pk")
    return show(request, "tokens/tokens.html", {"form": form, "mine": mine, "now": clock.now()}, status=status)
