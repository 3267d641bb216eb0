"""What this provider says of its people, and the ways to change it from outside, for tests and for trying it."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.idp.oidc.adapter import DefaultOIDCAdapter
from django.contrib.auth.models import Group, User
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.views.decorators.csrf import csrf_exempt

from sandbox.identity.people import subject_of

# One process serves it all; what a test wants said instead is gone with it.
_SAID_INSTEAD: dict[str, dict[str, Any]] = {}


class AccountAdapter(DefaultAccountAdapter):
    """People are seeded; nobody signs up."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        return False


class Provider(DefaultOIDCAdapter):
    """Subjects that are known beforehand, and groups among the claims."""

    def get_user_sub(self, _client: Any, user: Any) -> str:
        return subject_of(user.username)

    def get_user_by_sub(self, client: Any, sub: str) -> Any:
        users = User.objects.filter(is_active=True)
        return next((user for user in users if self.get_user_sub(client, user) == sub), None)

    def get_claims(
        self, purpose: Any, user: Any, client: Any, scopes: Iterable[str], email: str | None = None, **more: Any
    ) -> dict[str, Any]:
        claims: dict[str, Any] = super().get_claims(purpose, user, client, scopes, email=email, **more)
        claims |= {
            "email": user.email,
            "email_verified": True,
            "groups": sorted(user.groups.values_list("name", flat=True)),
        }
        if purpose == "id_token" and user.last_login is not None:
            claims["auth_time"] = int(user.last_login.timestamp())
        return claims | _SAID_INSTEAD.get(user.username, {})


@csrf_exempt
def control(request: HttpRequest, name: str) -> HttpResponse:
    """Switch somebody off or on, move them between groups, or have something else said of them."""
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(token.encode(), os.environ["IDENTITY_CONTROL_TOKEN"].encode()):
        return HttpResponse(status=HTTPStatus.FORBIDDEN)
    user, wanted = get_object_or_404(User, username=name), json.loads(request.body or b"{}")
    if "active" in wanted:
        user.is_active = bool(wanted["active"])
        user.save(update_fields=["is_active"])
    if "groups" in wanted:
        user.groups.set([Group.objects.get_or_create(name=group)[0] for group in wanted["groups"]])
    if "claims" in wanted:
        _SAID_INSTEAD[name] = dict(wanted["claims"])
    return JsonResponse({"name": name, "active": user.is_active})


def home(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("Example ID, the sandbox's OpenID provider.", content_type="text/plain")
