"""HTTP itself: reads a call from its socket, and writes the answer in the form that Atlas gives it."""

from __future__ import annotations

import json
import re
import socket
import traceback
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs

from sandbox.atlas.control import PREFIX, Control
from sandbox.atlas.digest import Unauthenticated
from sandbox.atlas.routes import Route
from sandbox.atlas.wire import Account, Answer, AtlasError, Request, decoded
from sandbox.faults import Dropped

_IDLE_SECONDS = 65.0
_JSON = re.compile(r"application/(json|vnd\.atlas\.[\w-]+\+json)\s*(;.*)?", re.IGNORECASE)
_PLAIN = "application/json"
# What we still answer of older versions is not gone yet: the announced end lies far ahead.
_SUNSET = "Thu, 01 Mar 2035 00:00:00 GMT"


@dataclass(slots=True)
class Call:
    """One call on its way through."""

    method: str
    target: str  # Path and query as they were sent.
    headers: Mapping[str, str]
    content: bytes
    peer: str
    account: Account | None = None
    body: Any = None

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def query(self) -> dict[str, tuple[str, ...]]:
        said = parse_qs(self.target.partition("?")[2], keep_blank_values=True)
        return {name: tuple(values) for name, values in said.items()}


class Handler(BaseHTTPRequestHandler):
    """One connection, kept open over its calls."""

    protocol_version = "HTTP/1.1"
    server_version = "atlas"
    sys_version = ""
    timeout = _IDLE_SECONDS
    wbufsize = -1  # Headers and body in one packet.
    disable_nagle_algorithm = True

    @abstractmethod
    def reply(self, call: Call) -> Answer:
        """Answer a call of the API.

        :raises AtlasError: it is refused.
        :raises Unauthenticated: nobody signed in.
        :raises Dropped: the connection has to end.
        """

    @property
    @abstractmethod
    def control(self) -> Control:
        """Who answers under /control/."""

    def handle_one_call(self) -> None:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._write(Answer(status=HTTPStatus.LENGTH_REQUIRED), pretty=False)
            return
        call = Call(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            content=self.rfile.read(int(length)),
            peer=str(self.client_address[0]),
        )
        if decoded(call.path)[0] == PREFIX.strip("/"):
            self._write(self._control(call), pretty=True)
            return
        try:
            answer = self._answer(call)
        except Dropped:
            self._record(call, status=None, code=None)
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self._record(call, status=answer.status, code=answer.headers.get("X-Error-Code"))
            self._write(answer, pretty=call.query.get("pretty") == ("true",) or "WWW-Authenticate" in answer.headers)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one_call  # noqa: N815 - the base class's names

    def _answer(self, call: Call) -> Answer:
        try:
            return self.reply(call)
        except Unauthenticated as error:
            code = {"WWW-Authenticate": error.challenge, "X-Error-Code": "UNEXPECTED_ERROR"}
            return Answer(status=HTTPStatus.UNAUTHORIZED, body=error.body(), headers=code)
        except AtlasError as error:
            refusal = error
        except Dropped:
            raise
        except Exception:  # noqa: BLE001 - A fault of the stand-in itself must not look like one that was ordered.
            traceback.print_exc()
            refusal = AtlasError("UNEXPECTED_ERROR", detail="The stand-in failed; its log says where.")
        headers = {**refusal.headers, "X-Error-Code": refusal.code, "Content-Type": _PLAIN}
        return enveloped(Answer(status=refusal.status, body=refusal.body(), headers=headers), call.query)

    def _control(self, call: Call) -> Answer:
        try:
            body = json.loads(call.content) if call.content else None
        except ValueError:
            return Answer(status=HTTPStatus.BAD_REQUEST, body={"detail": "Send JSON."})
        segments = decoded(call.path)[1:]
        return self.control.answer(method=call.method, segments=segments, headers=call.headers, body=body)

    def _record(self, call: Call, *, status: int | None, code: str | None) -> None:
        self.control.calls.record(
            method=call.method,
            target=call.target,
            account=call.account.key if call.account is not None else None,
            body=call.body,
            status=status,
            code=code,
        )

    def _write(self, answer: Answer, *, pretty: bool) -> None:
        content = _content(answer, pretty=pretty)
        self.send_response(answer.status)
        if content:
            self.send_header("Content-Type", answer.headers.get("Content-Type", _PLAIN))
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            if name != "Content-Type":
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing: /control/calls shows the calls, without their secrets."""


def json_body(call: Call) -> Any:
    """The body as JSON, or None.

    :raises AtlasError: it is not JSON, or does not say that it is.
    """
    if not call.content:
        return None
    said = call.headers.get("content-type")
    if said is not None and _JSON.fullmatch(said.strip()) is None:
        raise AtlasError("UNSUPPORTED_MEDIA_TYPE")
    try:
        return json.loads(call.content)
    except ValueError as error:
        raise AtlasError("MALFORMED_JSON") from error


def dressed(answer: Answer, request: Request, route: Route, headers: Mapping[str, str]) -> Answer:
    """The answer with the version that was agreed on, the rate limit's headers and, where asked for, its envelope."""
    added = {"Content-Type": f"application/vnd.atlas.{request.version}+json;charset=utf-8", **headers}
    if request.version != route.version:
        newer = min(version for version in route.versions() if version > request.version)
        superseded = datetime.fromisoformat(newer).replace(tzinfo=UTC)
        added |= {"Deprecation": format_datetime(superseded, usegmt=True), "Sunset": _SUNSET}
    return enveloped(replace(answer, headers={**added, **answer.headers}), request.query)


def enveloped(answer: Answer, query: Mapping[str, tuple[str, ...]]) -> Answer:
    """With envelope=true, the status inside a body, for clients that cannot see it; 204 has to become another, then."""
    if query.get("envelope") != ("true",) or answer.text is not None:
        return answer
    body = {"status": answer.status, "content": {} if answer.body is None else answer.body}
    return replace(answer, body=body, status=HTTPStatus.OK if answer.status == HTTPStatus.NO_CONTENT else answer.status)


def _content(answer: Answer, *, pretty: bool) -> bytes:
    if answer.text is not None:
        return answer.text.encode()
    if answer.body is None:
        return b""
    separators, indent = ((",", " : "), 2) if pretty else ((",", ":"), None)
    return json.dumps(answer.body, separators=separators, indent=indent).encode()
