"""The desk behind the stand-in: order faults, change settings and limits, see the calls that came in.

Everything is JSON under /control/ on the stand-in's own port, for whoever holds the control token as a Bearer:

    GET  PATCH         /control/settings            how slow, late and strict it is (settings.py)
    GET  POST  DELETE  /control/faults[/{id}]       what goes wrong next (faults.py)
    GET                /control/buckets             the rate limits
    PATCH              /control/buckets/{name}      {capacity, refill, seconds, remaining}
    DELETE             /control/tokens              take back every access token
    GET        DELETE  /control/calls               the last calls of the API, oldest first, without passwords
    POST               /control/invitations         {username, accepts}: what an invited person does with the mail
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sandbox.atlas.buckets import Buckets, UnknownBucket
from sandbox.atlas.credentials import Tokens
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.people import NotInvited, answer_invitation
from sandbox.atlas.wire import Answer, created, gone
from sandbox.desk import UnknownSetting, may_control
from sandbox.faults import Faults, UnknownFault

PREFIX = "/control"
_REMEMBERED_CALLS = 5000
_REFUSED = Answer(status=401, body={"detail": "Send the control token as a Bearer."})
_UNKNOWN = Answer(status=404, body={"detail": "There is no such thing to control."})


class Calls:
    """The last calls of the API."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: deque[dict[str, Any]] = deque(maxlen=_REMEMBERED_CALLS)

    def record(
        self, *, method: str, target: str, account: str | None, body: Any, status: int | None, code: str | None
    ) -> None:
        """`status` is None for a call whose connection was dropped."""
        call = {
            "at": datetime.now(UTC).isoformat(),
            "method": method,
            "target": target,
            "account": account,
            "body": _without_password(body),
            "status": status,
            "code": code,
        }
        with self._lock:
            self._calls.append(call)

    def as_list(self) -> list[dict[str, Any]]:
        with self._lock:
            return list(self._calls)

    def forget(self) -> None:
        with self._lock:
            self._calls.clear()


class Control:
    """Answers what is asked under /control/."""

    def __init__(
        self, *, token: str, organisation: Organisation, faults: Faults, buckets: Buckets, tokens: Tokens
    ) -> None:
        self._token = token
        self._organisation = organisation
        self._settings = organisation.settings
        self._faults = faults
        self._buckets = buckets
        self._tokens = tokens
        self.calls = Calls()

    def answer(self, *, method: str, segments: tuple[str, ...], headers: Mapping[str, str], body: Any) -> Answer:
        """Carry out one order; `segments` are those after /control."""
        if not may_control(headers, token=self._token):
            return _REFUSED
        try:
            return self._carry_out(method, segments or ("",), body)
        except (UnknownSetting, UnknownFault, UnknownBucket, NotInvited) as error:
            return Answer(status=422, body={"detail": str(error)})

    def _carry_out(self, method: str, segments: tuple[str, ...], body: Any) -> Answer:
        what, *rest = segments
        match what:
            case "settings":
                return self._answer_settings(method, body)
            case "faults":
                return self._answer_faults(method, rest, body)
            case "buckets":
                return self._answer_buckets(method, rest, body)
            case "tokens" if method == "DELETE":
                self._tokens.void()
                return gone()
            case "calls":
                return self._answer_calls(method)
            case "invitations" if method == "POST":
                return self._answer_invitations(_object(body))
        return _UNKNOWN

    def _answer_settings(self, method: str, body: Any) -> Answer:
        if method == "PATCH":
            self._settings.change(_object(body))
        return Answer(body=self._settings.as_dict())

    def _answer_faults(self, method: str, rest: list[str], body: Any) -> Answer:
        if method == "POST":
            return created(self._faults.order(_object(body)).as_dict())
        if method == "DELETE":
            self._faults.forget(int(rest[0]) if rest and rest[0].isdecimal() else None)
            return gone()
        return Answer(body=self._faults.as_list())

    def _answer_buckets(self, method: str, rest: list[str], body: Any) -> Answer:
        if method == "PATCH":
            self._buckets.change(rest[0] if rest else "", _object(body))
        return Answer(body=self._buckets.as_list())

    def _answer_calls(self, method: str) -> Answer:
        if method == "DELETE":
            self.calls.forget()
            return gone()
        return Answer(body=self.calls.as_list())

    def _answer_invitations(self, said: dict[str, Any]) -> Answer:
        with self._organisation.changing():
            answer_invitation(self._organisation, str(said.get("username")), accepts=said.get("accepts", True) is True)
        return gone()


def _object(body: Any) -> dict[str, Any]:
    """:raises UnknownSetting: the body is no JSON object."""
    if not isinstance(body, dict):
        raise UnknownSetting("Send a JSON object.")
    return body


def _without_password(body: Any) -> Any:
    return {name: value for name, value in body.items() if name != "password"} if isinstance(body, dict) else body
