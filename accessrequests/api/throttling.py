"""How often one token may call."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accessrequests.models import Person, PersonalToken
from accessrequests.operations import calls


class CallsPerSecond(BaseThrottle):
    """`ACCESS_CALLS_PER_SECOND` calls per token and second."""

    def allow_request(self, request: Request, view: Any) -> bool:
        person, token = request.user, request.auth
        if not isinstance(person, Person) or not isinstance(token, PersonalToken):
            return True
        return calls.may_call(person=person, token=token)

    def wait(self) -> float:
        return 1
