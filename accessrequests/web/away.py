"""While one is away: who answers in one's place, from when, until when; and in whose place one answers."""

from __future__ import annotations

from http import HTTPStatus

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accessrequests.domain.delegating import LONGEST
from accessrequests.domain.events import Via
from accessrequests.operations import delegations as verbs
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, delegations
from accessrequests.queries.asks import Invalid
from accessrequests.web.fields import Moment, text_line
from accessrequests.web.forms import Blamed
from accessrequests.web.pages import SeeOther, fresh, me, portal_page, show
from accessrequests.web.whoami import belonging

PAGE = 20


class AwayForm(Blamed):
    """Who, from when, until when."""

    stand_in = forms.CharField(
        label="Who answers for you",
        max_length=64,
        widget=text_line(spellcheck="false", autocapitalize="none"),
        help_text="A user name, like bob.",
        error_messages={"required": "Name somebody."},
    )
    starts_at = Moment(
        label="From (UTC)",
        required=False,
        widget=forms.TextInput(attrs={"class": "input", "type": "datetime-local"}),
        help_text="Empty: at once.",
    )
    ends_at = Moment(
        label="Until (UTC)",
        widget=forms.TextInput(attrs={"class": "input", "type": "datetime-local"}),
        help_text=f"At most {LONGEST.days} days after it begins.",
        error_messages={"required": "Say until when. It ends by itself then."},
    )


@portal_page("GET", "POST")
def away(request: HttpRequest) -> HttpResponse:
    return _make(request) if request.method == "POST" else _page(request, AwayForm())


@fresh
def _make(request: HttpRequest) -> HttpResponse:
    """It goes on after the session, so a session that somebody else sits at must not be enough for it."""
    form = AwayForm(request.POST)
    if form.is_valid():
        try:
            made = verbs.delegate(giver=me(request), via=Via.WEB, **form.cleaned_data)
        except Invalid as error:
            form.blame(error)
        except Refused as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"{made.stand_in.name} answers in your place. You are both told by mail.")
            return SeeOther(reverse("away"))
    return _page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


@portal_page("POST")
def end(request: HttpRequest, number: int) -> HttpResponse:
    get_object_or_404(delegations.visible_to(me(request)), pk=number)
    verbs.end(delegation_id=number, person=me(request), via=Via.WEB)
    messages.success(request, "It is ended. What was answered stands, and you are both told by mail.")
    return SeeOther(reverse("away"))


def _page(request: HttpRequest, form: AwayForm, *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    page = Paginator(delegations.own(me(request)), PAGE).get_page(request.GET.get("page"))
    context = {"form": form, "page": page, "person": me(request), "now": clock.now()}
    context |= {"is_asked": delegations.may_be_asked(belonging(request))}
    return show(request, "account/away.html", context, status=status)
