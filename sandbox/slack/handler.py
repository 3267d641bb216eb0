"""HTTP itself: reads a call from its socket and writes the answer; a websocket's handshake turns the socket over."""

from __future__ import annotations

import socket
import traceback
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qs

from sandbox.faults import Dropped
from sandbox.slack.frames import accept_key
from sandbox.slack.sockets import Sockets
from sandbox.slack.wire import Answer

_IDLE_SECONDS = 65.0
_MOST_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Call:
    """One call."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]  # By names in small letters.
    content: bytes


class Handler(BaseHTTPRequestHandler):
    """One connection, kept open over its calls."""

    protocol_version = "HTTP/1.1"
    server_version = "slack"
    sys_version = ""
    timeout = _IDLE_SECONDS
    wbufsize = -1  # Headers and body in one packet.
    disable_nagle_algorithm = True

    @abstractmethod
    def reply(self, call: Call) -> Answer:
        """Answer a call.

        :raises Dropped: the connection has to end without an answer.
        """

    @property
    @abstractmethod
    def sockets(self) -> Sockets:
        """Who takes over websockets."""

    def handle_one_call(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/socket":
            self._upgrade(query)
            return
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > _MOST_BYTES or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self._write(Answer(status=HTTPStatus.LENGTH_REQUIRED))
            return
        call = Call(
            method=self.command,
            path=path,
            query=query,
            headers={name.lower(): value for name, value in self.headers.items()},
            content=self.rfile.read(int(length)),
        )
        try:
            answer = self.reply(call)
        except Dropped:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        except Exception:  # noqa: BLE001 - a fault of the stand-in itself must not look like one that was ordered
            traceback.print_exc()
            answer = Answer(status=HTTPStatus.INTERNAL_SERVER_ERROR, text="The stand-in failed; its log says where.")
        self._write(answer)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_one_call  # noqa: N815 - the base class's names

    def _upgrade(self, query: str) -> None:
        self.close_connection = True
        key = self.headers.get("Sec-WebSocket-Key", "")
        ticket = parse_qs(query).get("ticket", [""])[-1]
        if self.headers.get("Upgrade", "").lower() != "websocket" or not key or not self.sockets.admit(ticket):
            self._write(Answer(status=HTTPStatus.FORBIDDEN, text="Ask apps.connections.open for an address first."))
            return
        self.send_response(HTTPStatus.SWITCHING_PROTOCOLS)
        for name, value in (("Upgrade", "websocket"), ("Connection", "Upgrade")):
            self.send_header(name, value)
        self.send_header("Sec-WebSocket-Accept", accept_key(key))
        self.end_headers()
        self.wfile.flush()
        self.connection.settimeout(None)
        self.sockets.serve(self.connection, self.rfile)

    def _write(self, answer: Answer) -> None:
        content = answer.raw()
        self.send_response(answer.status)
        if content and "Content-Type" not in answer.headers:
            self.send_header("Content-Type", "application/json; charset=utf-8" if answer.text is None else "text/plain")
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Nothing: /record shows the calls."""
