"""Who calls, by personal token only, and whether that token may do this. Cookies mean nothing here."""

from __future__ import annotations

from typing import Any

from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accessrequests.api.problems import MissingScope
from accessrequests.models import Person, PersonalToken
from accessrequests.operations.quarantined import Quarantined
from accessrequests.queries import clock, people, quarantine

SHORTEST, LONGEST = 20, 200


class PersonalTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <personal token>`."""

    def authenticate(self, request: Request) -> tuple[Person, PersonalToken] | None:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer":
            return None
        secret = secret.strip()
        # What cannot be a token is turned away before the database is asked.
        may_be = SHORTEST <= len(secret) <= LONGEST and secret.isascii() and secret.isprintable()
        token = people.person_by_token(secret, at=clock.now()) if may_be else None
        if token is None and quarantine.why():
            raise Quarantined
        if token is None:
            raise AuthenticationFailed("This token is not known, has expired or was revoked. Make a new one.")
        return token.person, token

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="access-requests"'


class HasScope(BasePermission):
    """The view says, per method, which scope it needs; a view that says nothing is closed."""

    def has_permission(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Person) or not isinstance(request.auth, PersonalToken):
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method == "OPTIONS" or not hasattr(view, method.lower()):
            return True  # the view itself answers 405
        needed: str = getattr(view, "scopes", {}).get(method, "")
        if not needed or needed not in request.auth.scopes:
            raise MissingScope(f"This needs a token with the scope {needed or 'of nobody'}. Make one that has it.")
        return True
