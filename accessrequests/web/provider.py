"""Signing in through a provider that speaks OpenID Connect: code flow with PKCE, state and nonce, and nothing by name."""

from __future__ import annotations

import hmac
import io
import json
import secrets
import time
from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import requests
import structlog
from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import get_next_redirect_url, perform_login
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect.views import OpenIDConnectOAuth2Adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from accessrequests.domain import claims
from accessrequests.domain.claims import Claims, Unusable
from accessrequests.models import Person
from accessrequests.operations import identities
from accessrequests.operations.refusals import Refused

PROVIDER_ID = "oidc"
WAY = "provider"
LARGEST_ANSWER = 256 * 1024
_LONG_AGO = 1.0  # no moment of a proof: what was not said is no proof for anything that wants a fresh one
_UNHEARD = "The provider did not answer as it should. Try again; if it stays so, tell your administrators."
_NOT_YOURS = "This answer does not belong to a sign-in that was begun in this browser. Begin again."

log = structlog.get_logger(__name__)


class BoundedSession(requests.Session):
    """Follows nobody elsewhere, and reads no more than an answer can honestly hold."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        response = super().send(request, **{**options, "stream": True, "allow_redirects": False})
        body = response.raw.read(LARGEST_ANSWER + 1, decode_content=True)
        response.close()
        if len(body) > LARGEST_ANSWER:
            raise requests.RequestException("The answer is larger than any that is taken.")
        response.raw = io.BytesIO(body)
        return response


class Conversation(OpenIDConnectOAuth2Adapter):
    """Allauth's, but for the provider that the settings name, and with the signature of every ID token verified."""

    @property
    def openid_config(self) -> dict[str, Any]:
        config: dict[str, Any] = super().openid_config
        if str(config.get("issuer", "")).rstrip("/") != settings.ACCESS_OIDC_ISSUER:
            raise OAuth2Error("The provider calls itself by another name than the settings do.")
        return config

    def get_callback_url(self, request: HttpRequest, app: Any) -> str:
        return f"{settings.ACCESS_BASE_URL.rstrip('/')}{reverse('provider-callback')}"

    def _decode_id_token(self, app: Any, id_token: str) -> dict[str, Any]:
        self.did_fetch_access_token = False  # which is when allauth verifies the signature
        try:
            decoded: dict[str, Any] = super()._decode_id_token(app, id_token)
        except (KeyError, TypeError, ValueError) as error:
            raise OAuth2Error("The provider's keys do not fit its token.") from error
        return decoded


class ProviderAdapter(DefaultSocialAccountAdapter):
    """Where allauth hands over: who it is here is decided by an operation, from issuer and subject."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        return False

    def get_requests_session(self) -> requests.Session:
        session = BoundedSession()
        session.request = partial(session.request, timeout=settings.SOCIALACCOUNT_REQUESTS_TIMEOUT)  # type: ignore[method-assign]
        return session

    def on_authentication_error(
        self,
        request: HttpRequest,
        provider: Any,
        error: Any = None,
        exception: Exception | None = None,
        extra_context: Any = None,
    ) -> None:
        log.warning("provider_sign_in_failed", error=str(error), kind=type(exception).__name__)
        context = extra_context or {}
        sentence = _UNHEARD if exception or context.get("state") else _NOT_YOURS
        if str(error) == "cancelled":
            sentence = "The sign-in was given up at the provider. Nothing was changed."
        raise ImmediateHttpResponse(turned_away(request, sentence))

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        try:
            person = _arrived(sociallogin)
        except (Refused, Unusable) as refusal:
            raise ImmediateHttpResponse(turned_away(request, str(refusal))) from refusal
        if not person.is_active:
            raise ImmediateHttpResponse(
                turned_away(request, "Your account is off, here or at the provider. Ask your administrators.")
            )
        wanted = sociallogin.get_redirect_url(request)
        if request.user.is_authenticated and request.user != person:
            get_account_adapter(request).logout(request)
        was_here = request.user.is_authenticated
        record_authentication(request, person, WAY, at=_proved_at(sociallogin), reauthenticated=was_here or None)
        if was_here:
            raise ImmediateHttpResponse(HttpResponseRedirect(wanted or resolve_url(settings.LOGIN_REDIRECT_URL)))
        raise ImmediateHttpResponse(perform_login(request, person, redirect_url=wanted))


def _arrived(sociallogin: SocialLogin) -> Person:
    """:raises Unusable: when the answer is not the one that this browser asked for, or says nothing that can be used.
    :raises Refused: when nobody may be made of it.
    """
    said = sociallogin.account.extra_data
    id_token, userinfo = said.get("id_token"), said.get("userinfo") or {}
    if not isinstance(id_token, dict) or not isinstance(userinfo, dict):
        raise Unusable(_UNHEARD)
    nonce = (sociallogin.state.get("data") or {}).get("nonce") or secrets.token_hex()
    if not hmac.compare_digest(str(id_token.get("nonce", "")).encode(), nonce.encode()):
        raise Unusable(_NOT_YOURS)
    if userinfo.get("sub", id_token.get("sub")) != id_token.get("sub"):
        raise Unusable(_UNHEARD)
    if sociallogin.state.get("data", {}).get("again") and not _is_recent(_proved_at(sociallogin)):
        raise Unusable("The provider did not ask you again who you are. Sign out there, then try once more.")
    token = sociallogin.token
    tokens = {
        "refresh": token.token_secret or "",
        "access": token.token or "",
        "until": token.expires_at.timestamp() if token.expires_at else None,
    }
    claimed = read_claims({**id_token, **userinfo})
    return identities.arrive(issuer=settings.ACCESS_OIDC_ISSUER, claims=claimed, tokens=json.dumps(tokens))


def _proved_at(sociallogin: SocialLogin) -> float:
    """When the provider asked who it is, as it says itself; long ago where it does not say.

    It is asked to say so with `max_age`, but that and `prompt` pass through the browser, which may leave them out: an
    open session at the provider would answer for whoever sits there.
    """
    auth_time = sociallogin.account.extra_data["id_token"].get("auth_time")
    if isinstance(auth_time, bool) or not isinstance(auth_time, int | float):
        return _LONG_AGO
    return float(min(max(auth_time, _LONG_AGO), time.time()))


def _is_recent(proved_at: float) -> bool:
    return time.time() - proved_at < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


def read_claims(said: Mapping[str, Any]) -> Claims:
    """:raises Unusable: when the answer cannot be used."""
    return claims.read(
        said, groups_claim=settings.ACCESS_OIDC_GROUPS_CLAIM, active_claim=settings.ACCESS_OIDC_ACTIVE_CLAIM
    )


def start(request: HttpRequest) -> HttpResponse:
    """Off to the provider, on a press that carries a CSRF token: nobody is signed in by a link of somebody else.

    The way leads over a page of ours: a form may lead nowhere but here (form-action), a link of this page may.
    """
    if not settings.ACCESS_OIDC_ISSUER:
        raise Http404
    if request.method != "POST":
        return HttpResponseRedirect(reverse("account_login"))
    nonce = secrets.token_urlsafe(24)
    again = request.user.is_authenticated
    oldest = settings.ACCOUNT_REAUTHENTICATION_TIMEOUT if again else settings.SESSION_COOKIE_AGE
    provider = Conversation(request, PROVIDER_ID).get_provider()
    provider.oauth2_adapter_class = Conversation
    try:
        answer = provider.redirect(
            request,
            process="login",
            next_url=get_next_redirect_url(request),
            data={"nonce": nonce, "again": again},
            auth_params={"nonce": nonce, "max_age": str(oldest), **({"prompt": "login"} if again else {})},
        )
    except (requests.RequestException, OAuth2Error, KeyError, ValueError) as error:
        log.warning("provider_away", kind=type(error).__name__)
        return turned_away(request, _UNHEARD)
    address = answer.get("Location", "")
    if urlsplit(address).scheme not in ({"https", "http"} if settings.ACCESS_SANDBOX else {"https"}):
        return turned_away(request, _UNHEARD)
    page = render(request, "socialaccount/leave.html", {"address": address, "provider": settings.ACCESS_OIDC_NAME})
    add_never_cache_headers(page)
    return page


def callback(request: HttpRequest) -> HttpResponse:
    """Back from the provider. An answer of another issuer (RFC 9207) is none to us."""
    if not settings.ACCESS_OIDC_ISSUER:
        raise Http404
    if request.GET.get("iss", settings.ACCESS_OIDC_ISSUER).rstrip("/") != settings.ACCESS_OIDC_ISSUER:
        return turned_away(request, _NOT_YOURS)
    try:
        answer: HttpResponse = OAuth2CallbackView.adapter_view(Conversation(request, PROVIDER_ID))(request)
    except (KeyError, TypeError, ValueError) as error:
        log.warning("provider_answer_unusable", kind=type(error).__name__)
        return turned_away(request, _UNHEARD)
    return answer


def turned_away(request: HttpRequest, sentence: str) -> HttpResponse:
    """What is true and what to do, without a word of the provider's own."""
    context = {"sentence": sentence, "provider": settings.ACCESS_OIDC_NAME}
    return render(request, "socialaccount/turned_away.html", context, status=HTTPStatus.FORBIDDEN)
