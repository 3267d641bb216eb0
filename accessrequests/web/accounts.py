"""Signing in and out, and confirming that it is still you. Nobody signs up."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from allauth.account import views
from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from allauth.account.forms import LoginForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accessrequests.domain.names import NAME
from accessrequests.domain.proofs import APP, Proof
from accessrequests.models import Person
from accessrequests.operations import sessions
from accessrequests.queries import people
from accessrequests.web import unsent

_NOBODY = "?"
_TOO_MANY = "too_many_login_attempts"
WAIT_SECONDS = 300
_KEPT = "_has_second_factor"
_WAYS = {
    "password": "a password",
    "provider": "the identity provider",
    "totp": "an authenticator app",
    "recovery_codes": "a recovery code",
}


class ClosedAdapter(DefaultAccountAdapter):
    """Allauth's behaviour, with sign-up closed and nothing told about who exists."""

    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "username_password_mismatch": "This name and this password do not belong together. Check both and try again.",
        "incorrect_password": "This is not your password. Try again.",
        _TOO_MANY: "Too many attempts did not succeed. Wait five minutes, then try again.",
    }

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Person | None:
        """Somebody who may not sign in is answered like somebody who does not exist."""
        person = super().authenticate(request, **credentials)
        return person if isinstance(person, Person) and person.is_active else None

    def login(self, request: HttpRequest, user: Any) -> None:
        """Every proof was given. Whoever watches over sign-ins finds them in the audit trail."""
        super().login(request, user)
        records = get_authentication_records(request, user)
        used = {str(record.get("type") or record["method"]): None for record in records}
        sessions.note_sign_in(person=user, ways=[_WAYS.get(way, way) for way in used])

    def is_ajax(self, request: HttpRequest) -> bool:
        """There is one way to sign in: the form."""
        return False

    def add_message(self, *_args: Any, **_options: Any) -> None:
        """The page that follows says enough."""


class SignInForm(LoginForm):
    """A name and a password."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, label in (("login", "User name"), ("password", "Password")):
            self.fields[name].label = label
            self.fields[name].error_messages["required"] = f"Type your {label.lower()}."
            self.fields[name].widget.attrs.pop("placeholder", None)
            self.fields[name].widget.attrs["class"] = "input"
        self.fields["login"].widget.attrs.update(autocapitalize="none", spellcheck="false")

    def clean_login(self) -> str:
        """The one spelling that a name has: look-alikes neither match nor count as attempts on somebody else."""
        typed = str(super().clean_login()).lower()
        return typed if NAME.fullmatch(typed) else _NOBODY


class ConfirmForm(ReauthenticateForm):
    """The password once more."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["password"].help_text = ""
        self.fields["password"].error_messages["required"] = "Type your password."
        self.fields["password"].widget.attrs = {"autocomplete": "current-password", "class": "input"}


def told(response: HttpResponse, form: BaseForm) -> HttpResponse:
    """A form with a mistake is 422; one too many is 429, and says when to come back."""
    codes = {error.code for errors in form.errors.as_data().values() for error in errors}
    response.status_code = HTTPStatus.UNPROCESSABLE_ENTITY
    if _TOO_MANY in codes:
        response.status_code = HTTPStatus.TOO_MANY_REQUESTS
        response["Retry-After"] = str(WAIT_SECONDS)
    return response


class SignIn(views.LoginView):
    form_class = SignInForm
    template_name = "account/login.html"

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        answer = told(super().form_invalid(form), form)
        if answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            sessions.note_too_many(username=str(form.cleaned_data.get("login", "")))
        return answer

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        return {
            **super().get_context_data(**more),
            "provider": provider_name(),
            "kept": unsent.is_waiting(self.request),
        }


class Confirm(views.ReauthenticateView):
    """Still you? By the password, or by whatever else this person signs in with."""

    form_class = ConfirmForm
    template_name = "account/reauthenticate.html"

    def _check_reauthentication_method_available(self, request: HttpRequest) -> None:
        """This page offers every way that there is, so it is always the right one."""

    def get_context_data(self, **more: Any) -> dict[str, Any]:
        person = self.request.user
        ways = {
            "has_password": person.has_usable_password(),
            "has_code": is_mfa_enabled(person, [Authenticator.Type.TOTP]),
            "provider": provider_name() if people.identity_of(person) else "",
        }
        return {**super().get_context_data(**more), **ways}

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        return told(super().form_invalid(form), form)


class SignOut(views.LogoutView):
    template_name = "account/logout.html"


def signup_closed(request: HttpRequest) -> HttpResponse:
    return render(request, "account/signup_closed.html", status=HTTPStatus.FORBIDDEN)


def provider_name() -> str:
    """What people call the provider of sign-ins; nothing where there is none."""
    return str(settings.ACCESS_OIDC_NAME) if settings.ACCESS_OIDC_ISSUER else ""


def closed(request: HttpRequest, rest: str) -> HttpResponse:  # noqa: ARG001 - whatever allauth would have there
    """Addresses and passwords are the operator's or the provider's to change."""
    return render(request, "account/closed.html", status=HTTPStatus.NOT_FOUND)


def signed_in_recently(request: HttpRequest) -> bool:
    """Whether this session proved who it is within `ACCOUNT_REAUTHENTICATION_TIMEOUT`, at sign-in or again since.

    Allauth's own check does not count the sign-in itself.
    """
    if not isinstance(request.user, Person):
        return False
    records = get_authentication_records(request, request.user)
    proved_at = max((record["at"] for record in records), default=0.0)
    limit = timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)
    return bool(0 <= time.time() - proved_at < limit.total_seconds())


def has_second_factor(request: HttpRequest) -> bool:
    """Looked up once for a page."""
    kept = request.__dict__.get(_KEPT)
    if not isinstance(kept, bool):
        kept = isinstance(request.user, Person) and is_mfa_enabled(request.user, [Authenticator.Type.TOTP])
        request.__dict__[_KEPT] = kept
    return kept


def second_factor_of(request: HttpRequest) -> Proof | None:
    """The second factor that this session gave last, at sign-in or since, if that was just now."""
    if not isinstance(request.user, Person) or not has_second_factor(request):
        return None
    given = [one for one in get_authentication_records(request, request.user) if one["method"] == "mfa"]
    if not given:
        return None
    last = max(given, key=lambda one: one["at"])
    at = datetime.fromtimestamp(last["at"], tz=UTC)
    proof = Proof(request.user.pk, _WAYS.get(str(last.get("type")), APP), at)
    return proof if proof.is_fresh(request.user.pk, datetime.now(tz=UTC)) else None
