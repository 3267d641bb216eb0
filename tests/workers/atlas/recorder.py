"""A tiny Atlas: it says on real sockets what a test tells it to say, and keeps every byte that it was sent."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

TOKEN_PATH = "/api/oauth/token"


@dataclass(frozen=True)
class Call:
    method: str
    path: str  # raw, with the query
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Say:
    """An answer; `drop` closes the connection without one, `after` is waited for before anything is said."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    after: threading.Event | None = None


def error(status: int, code: str, **headers: str) -> Say:
    body = {"detail": f"Text of {code}.", "error": status, "errorCode": code, "parameters": [], "reason": "No"}
    return Say(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


class Recorder:
    """Answers with what is in `answers`, in this order, then with an empty object; mints tokens."""

    def __init__(self, *, account: str, secret: str) -> None:
        self.answers: list[Say] = []
        self.mints: list[Say] = []  # what to say instead of a token
        self.calls: list[Call] = []
        self.minted: list[str] = []
        self.refused: set[str] = set()
        self.life = 3600
        self.open_to_all = False
        self.on_mint: Callable[[], object] = lambda: None
        self.basic = "Basic " + base64.b64encode(f"{account}:{secret}".encode()).decode()
        self.lock = threading.Lock()
        self.url = ""

    @property
    def asked(self) -> list[Call]:
        """Calls of the API itself."""
        return [call for call in self.calls if call.path != TOKEN_PATH]

    @property
    def token_calls(self) -> list[Call]:
        return [call for call in self.calls if call.path == TOKEN_PATH]

    def answer_to(self, call: Call) -> Say:
        with self.lock:
            self.calls.append(call)
        if call.path == TOKEN_PATH:
            return self._token(call)
        bearer = call.headers.get("Authorization", "").removeprefix("Bearer ")
        with self.lock:
            if bearer in self.refused or not (self.open_to_all or bearer in self.minted):
                return error(401, "UNEXPECTED_ERROR")
            return self.answers.pop(0) if self.answers else Say(200, {})

    def _token(self, call: Call) -> Say:
        self.on_mint()
        with self.lock:
            if self.mints:
                return self.mints.pop(0)
            if call.headers.get("Authorization") != self.basic or b"grant_type=client_credentials" not in call.body:
                return Say(401, {"error": "invalid_client"})
            self.minted.append(f"token-canary-{len(self.minted) + 1}")
            return Say(200, {"access_token": self.minted[-1], "token_type": "Bearer", "expires_in": self.life})


@contextmanager
def serving(recorder: Recorder) -> Iterator[Recorder]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize: ClassVar[int] = -1  # one packet an answer

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = recorder.answer_to(Call(self.command, self.path, dict(self.headers.items()), body))
            if said.after is not None:
                said.after.wait(10)
            if said.drop:
                self.close_connection = True
                return
            content = said.body if isinstance(said.body, bytes) else b""
            if said.body is not None and not isinstance(said.body, bytes):
                content = json.dumps(said.body).encode()
            self.send_response_only(said.status)
            for name, value in {"Date": formatdate(usegmt=True), **said.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            self.wfile.flush()

        def log_message(self, *args: Any) -> None:
            pass

    for method in ("GET", "POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler._answer)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: Any) -> None:
            """A client that hangs up is no error of ours."""

    with Server(("127.0.0.1", 0), Handler) as server:
        recorder.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield recorder
        server.shutdown()
        thread.join()
