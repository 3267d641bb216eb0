"""A receiver of webhooks in this process: keeps what it hears, and answers as it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import yaml

SECRET = "whsec-0123456789abcdef0123456789abcdef"


class Receiver:
    """`heard` are headers and bodies; `status` is what the next is answered with."""

    def __init__(self, port: int = 0) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self.status = 204
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.heard.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", receiver.url)
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                """Tests are quiet."""

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook?from=access"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.heard]

    @contextmanager
    def listening(self) -> Iterator[Receiver]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def entry(url: str, **more: Any) -> dict[str, Any]:
    return {"url": url, "secret": SECRET, "is_internal": True, **more}


def written(directory: Path, **receivers: dict[str, Any]) -> str:
    """The operator's file of them."""
    path = directory / "webhooks.yaml"
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump({"receivers": receivers}), encoding="utf-8")
    return str(path)
