"""A second factor: an app that shows codes, and recovery codes. Allauth does the counting; its secrets are sealed."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base import views as base
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.mfa.totp.forms import ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY
from django.contrib.auth.views import redirect_to_login
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse, reverse_lazy

from accessrequests import sealing
from accessrequests.domain.events import Event
from accessrequests.models import Person
from accessrequests.operations import second_factors, sessions
from accessrequests.queries.sealed import PURPOSE_OF_FACTORS
from accessrequests.web import accounts
from accessrequests.web.pages import ask_again, me

APP = "an authenticator app"


class SealedAdapter(DefaultMFAAdapter):
    """Allauth's behaviour, with secrets sealed in the database and our own sentences. No mail leaves the web."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right, or not any more. Type the one that the app shows now.",
    }

    def encrypt(self, text: str) -> str:
        return sealing.seal(text, purpose=PURPOSE_OF_FACTORS).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return sealing.open_sealed(encrypted_text.encode(), purpose=PURPOSE_OF_FACTORS)

    def get_totp_label(self, user: Any) -> str:
        return str(user)

    def send_notification_mail(self, *_args: Any, **_options: Any) -> None:
        """The audit trail keeps it."""


def _dressed(form: BaseForm) -> BaseForm:
    field = form.fields["code"]
    field.label = "Code"
    field.error_messages["required"] = "Type the code."
    field.widget.attrs = {"class": "input mono", "autocomplete": "one-time-code", "inputmode": "numeric"}
    return form


class _Once:
    """A code counts once, wherever it is typed."""

    def clean_code(self) -> str:
        code = str(super().clean_code())  # type: ignore[misc]
        if not second_factors.spend(person=self.user, code=code):  # type: ignore[attr-defined]
            raise get_adapter().validation_error("incorrect_code")
        return code


class _SignInForm(_Once, AuthenticateForm):
    pass


class _ConfirmForm(_Once, ReauthenticateForm):
    pass


class _AddForm(_Once, ActivateTOTPForm):
    pass


class _CodePage:
    """What every page with a code has in common."""

    def get_form(self, *args: Any) -> BaseForm:
        return _dressed(super().get_form(*args))  # type: ignore[misc]

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        return accounts.told(super().form_invalid(form), form)  # type: ignore[misc]


class _Fresh:
    """Only for a session that proved who it is a short while ago; others are asked, and press again afterwards."""

    def dispatch(self, request: HttpRequest, *args: Any, **options: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(reverse("account"))
        if not accounts.signed_in_recently(request):
            return ask_again(request, back=reverse("account"))
        answer: HttpResponseBase = super().dispatch(request, *args, **options)  # type: ignore[misc]
        return answer


class AskCode(base.AuthenticateView):
    """The second step of signing in."""

    template_name = "mfa/authenticate.html"
    form_class = _SignInForm

    def _build_forms(self) -> BaseForm | None:
        posted: BaseForm | None = super()._build_forms()
        _dressed(self.auth_form)
        return posted

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        return accounts.told(super().form_invalid(form), form)


class ConfirmCode(_CodePage, base.ReauthenticateView):
    """Still you? By a code."""

    template_name = "mfa/reauthenticate.html"
    form_class = _ConfirmForm


class AddApp(_Fresh, _CodePage, totp.ActivateTOTPView):
    """Shows the secret as a picture and as text, and takes the first code as the proof that the app has it."""

    template_name = "mfa/totp/activate_form.html"
    form_class = _AddForm
    success_url = reverse_lazy("mfa_view_recovery_codes")

    def get_form(self, *args: Any) -> BaseForm:
        """The secret waits in the session until the first code proves it, and a session is a row: sealed there too."""
        session = self.request.session
        if SECRET_SESSION_KEY in session:
            session[SECRET_SESSION_KEY] = _opened(str(session[SECRET_SESSION_KEY]))
        form = super().get_form(*args)
        session[SECRET_SESSION_KEY] = get_adapter().encrypt(form.secret)  # type: ignore[attr-defined]
        return form

    def get_success_url(self) -> str:
        return str(self.success_url)

    def form_valid(self, form: BaseForm) -> HttpResponse:
        valid = super().form_valid
        answer = _changed(self.request, Event.PERSON_SECOND_FACTOR_ADDED, APP, lambda: valid(form))
        answer.status_code = HTTPStatus.SEE_OTHER
        return answer


class RemoveApp(_Fresh, totp.DeactivateTOTPView):
    """The second factor goes, and the recovery codes with it."""

    template_name = "mfa/totp/deactivate_form.html"
    success_url = reverse_lazy("account")

    def form_valid(self, form: BaseForm) -> HttpResponse:
        valid = super().form_valid
        answer = _changed(self.request, Event.PERSON_SECOND_FACTOR_REMOVED, APP, lambda: valid(form))
        answer.status_code = HTTPStatus.SEE_OTHER
        return answer


class RecoveryCodes(_Fresh, recovery_codes.ViewRecoveryCodesView):
    """The codes, the first time that this page is looked at."""

    template_name = "mfa/recovery_codes/index.html"


class MakeRecoveryCodes(_Fresh, recovery_codes.GenerateRecoveryCodesView):
    """New codes; the old ones no longer work."""

    template_name = "mfa/recovery_codes/generate.html"

    def form_valid(self, form: BaseForm) -> HttpResponse:
        valid = super().form_valid
        answer = _changed(self.request, Event.PERSON_RECOVERY_CODES_MADE, "", lambda: valid(form))
        answer.status_code = HTTPStatus.SEE_OTHER
        return answer

    def form_invalid(self, form: BaseForm) -> HttpResponse:
        return accounts.told(super().form_invalid(form), form)


def _opened(sealed: str) -> str:
    """Nothing when it cannot be opened: then another secret is made, and the code of this one is wrong."""
    try:
        return str(get_adapter().decrypt(sealed))
    except sealing.CannotOpen:
        return ""


def _changed(request: HttpRequest, event: Event, way: str, change: Callable[[], HttpResponse]) -> HttpResponse:
    """Both or neither: a factor that nobody knows of could not be explained, nor a fact of one that is not there."""
    person: Person = me(request)
    return sessions.change_second_factor(person=person, event=event, way=way, change=change)
