"""One's own account: who one is here, the second factor, the time zone, the other sessions."""

from __future__ import annotations

from http import HTTPStatus
from zoneinfo import available_timezones

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.models import Person
from accessrequests.operations import sessions
from accessrequests.queries import clock, delegations, people
from accessrequests.queries.asks import Invalid
from accessrequests.web import accounts
from accessrequests.web.pages import SeeOther, me, portal_page, show
from accessrequests.web.whoami import belonging


class ZoneForm(forms.Form):
    """The time zone, by its name."""

    time_zone = forms.ChoiceField(
        label="Time zone",
        help_text="Dates beside a record are shown in it; sentences, mails and the audit trail say UTC by name.",
        choices=lambda: [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones())],
        widget=forms.Select(attrs={"class": "input"}),
        error_messages={"invalid_choice": "Choose a time zone from the list, such as Europe/Berlin."},
    )


@portal_page("GET", "POST")
def account(request: HttpRequest) -> HttpResponse:
    person = me(request)
    if request.method != "POST":
        return _page(request, ZoneForm(initial={"time_zone": person.time_zone}))
    form = ZoneForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    try:
        sessions.set_time_zone(person=person, time_zone=form.cleaned_data["time_zone"])
    except Invalid as error:
        form.add_error("time_zone", str(error))
        return _page(request, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)
    messages.success(request, "Moments are shown in this zone from now on.")
    return SeeOther(reverse("account"))


@portal_page("POST")
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Everywhere but here: this session is told of the new round."""
    held = sessions.end_sessions(person=me(request))
    update_session_auth_hash(request, held)
    messages.success(request, "You are signed out everywhere else.")
    return SeeOther(reverse("account"))


def _page(request: HttpRequest, form: ZoneForm, *, status: HTTPStatus = HTTPStatus.OK) -> HttpResponse:
    person = me(request)
    factors = {factor.type: factor for factor in Authenticator.objects.filter(user=person)}
    codes = factors.get(Authenticator.Type.RECOVERY_CODES)
    working = person.tokens.filter(Q(expires_at=None) | Q(expires_at__gt=clock.now()), revoked_at=None)
    context = {
        "form": form,
        "person": person,
        "memberships": person.memberships.current().select_related("group").order_by("group__name"),
        "has_code": Authenticator.Type.TOTP in factors,
        "codes_left": len(codes.wrap().get_unused_codes()) if codes else 0,
        "tokens": working.count(),
        "is_asked": delegations.may_be_asked(belonging(request)),
        "signs_in_with": _ways_of(person),
        "slack_accounts": person.slack_identities.order_by("pk"),
    }
    return show(request, "account/account.html", context, status=status)


def _ways_of(person: Person) -> str:
    ways = ["a password"] if person.has_usable_password() else []
    identity = people.identity_of(person)
    if identity is not None:
        ways.append(accounts.provider_name() or "a provider that is no longer named in the settings")
    return " or ".join(ways) or "nothing yet: ask your administrators"
