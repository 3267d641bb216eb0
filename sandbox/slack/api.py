"""The Web API: who calls, may they, how often, what goes wrong on order, and what was answered; all of it is kept."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from http import HTTPStatus

from sandbox.faults import Dropped, Fault, Faults
from sandbox.slack.rates import Rates
from sandbox.slack.table import Method, check_scopes
from sandbox.slack.wire import Answer, Document, SlackError, refused, text_of
from sandbox.slack.workspace import Workspace

BEFORE = {
    "drop_before": "The connection ends before anything is done.",
    "error_before": "500, and nothing is done.",
    "unavailable": "503, and nothing is done.",
    "rate_limited": "429 with Retry-After: `seconds`; nothing is done.",
    "late": "Nothing happens for `seconds`; then it is done and answered.",
}
AFTER = {
    "error_after_commit": "500, but it is done.",
    "drop_after_commit": "The connection ends without an answer, but it is done.",
    "slow": "It is done at once, and answered after `seconds`.",
}
_BROKEN = {"ok": False, "error": "internal_error"}


class Record:
    """Every call of the Web API and every use of a response_url, oldest first, as they came; without any token."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: list[Document] = []

    def keep(self, method: str, arguments: Document, answer: object) -> None:
        said = {name: value for name, value in arguments.items() if name != "token"}
        with self._lock:
            self._calls.append({"method": method, "args": said, "answer": answer})

    def as_list(self) -> list[Document]:
        with self._lock:
            return list(self._calls)

    def forget(self) -> None:
        with self._lock:
            self._calls.clear()


class WebApi:
    """One workspace's."""

    def __init__(
        self, workspace: Workspace, *, methods: Mapping[str, Method], rates: Rates, faults: Faults, record: Record
    ) -> None:
        self._workspace = workspace
        self._methods = methods
        self._rates = rates
        self._faults = faults
        self._record = record

    def answer(self, name: str, arguments: Document, *, headers: Mapping[str, str]) -> Answer:
        """The whole way of one call.

        :raises Dropped: the connection has to end without an answer.
        """
        place = text_of(arguments, "channel")
        fault = self._faults.take(method=name, path=place, account=None, kinds=(*BEFORE, *AFTER))
        body: object = None
        try:
            answer = broken_before(fault) or self._carried_out(name, arguments, headers)
            answer = broken_after(fault) or answer
            body = answer.body
            return answer
        finally:
            self._record.keep(name, arguments, body)

    def _carried_out(self, name: str, arguments: Document, headers: Mapping[str, str]) -> Answer:
        try:
            method = self._methods.get(name)
            if method is None:
                raise SlackError("unknown_method", req_method=name)
            self._check_token(method, _token(arguments, headers))
            self._rates.take(name, tier=method.tier)
            with self._workspace.lock if method.reads else self._workspace.changing():
                check_scopes(self._workspace, method, arguments)
                return Answer(body={"ok": True, **method.call(arguments)})
        except SlackError as error:
            return refused(error)

    def _check_token(self, method: Method, token: str) -> None:
        app = self._workspace.installation
        if not token:
            raise SlackError("not_authed")
        if token not in (app.bot_token, app.app_token):
            raise SlackError("invalid_auth")
        if method.by_app_token is not (token == app.app_token):
            raise SlackError("not_allowed_token_type")
        if self._workspace.is_revoked:
            raise SlackError("token_revoked")


def broken_before(fault: Fault | None) -> Answer | None:
    """The answer in place of carrying a call out, if that was ordered.

    :raises Dropped: none at all.
    """
    if fault is None or fault.fault not in BEFORE:
        return None
    match fault.fault:
        case "drop_before":
            raise Dropped
        case "error_before":
            return Answer(body=_BROKEN, status=HTTPStatus.INTERNAL_SERVER_ERROR)
        case "unavailable":
            return Answer(body={"ok": False, "error": "service_unavailable"}, status=HTTPStatus.SERVICE_UNAVAILABLE)
        case "rate_limited":
            return refused(SlackError("ratelimited", retry_after=max(1, round(fault.seconds))))
    time.sleep(fault.seconds)
    return None


def broken_after(fault: Fault | None) -> Answer | None:
    """The answer in place of the true one, if that was ordered.

    :raises Dropped: none at all.
    """
    if fault is None or fault.fault not in AFTER:
        return None
    if fault.fault == "drop_after_commit":
        raise Dropped
    if fault.fault == "slow":
        time.sleep(fault.seconds)
        return None
    return Answer(body=_BROKEN, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _token(arguments: Document, headers: Mapping[str, str]) -> str:
    said = headers.get("authorization", "")
    return said.removeprefix("Bearer ") if said.startswith("Bearer ") else text_of(arguments, "token")
