"""How often one person may call."""

from __future__ import annotations

from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accessrequests.models import Person
from accessrequests.operations import calls


class CallsPerSecond(BaseThrottle):
    """`ACCESS_CALLS_PER_SECOND` calls per person and second."""

    def allow_request(self, request: Request, view: Any) -> bool:
        return not isinstance(request.user, Person) or calls.may_call(person=request.user)

    def wait(self) -> float:
        return 1
