"""A stand-in for Slack in this process, and an app that it talks to: one that answers what a test tells it to."""

from __future__ import annotations

import html as markup
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import httpx2
from slack_sdk import WebClient

from sandbox.slack.seed import grown
from sandbox.slack.server import SlackServer
from sandbox.slack.workspace import Channel, User
from sandbox.supervisor import wait_for
from sandbox.workplace import SlackKeys, workspace_document

CONTROL_TOKEN = "desk"
_TLS = ssl.create_default_context()  # Never used here, and slow to make for each client.
Payload = dict[str, Any]


@dataclass
class Arrival:
    """One delivery, as the app got it."""

    headers: Mapping[str, str]
    body: bytes
    payload: Payload


@dataclass
class App:
    """What is installed in the workspace. `answer` says what it answers: nothing, JSON, or a status."""

    url: str = ""
    answer: Callable[[Payload], Any] = field(default=lambda _payload: None)
    arrivals: list[Arrival] = field(default_factory=list)

    @property
    def payloads(self) -> list[Payload]:
        return [each.payload for each in self.arrivals]

    def await_arrivals(self, count: int) -> list[Payload]:
        assert wait_for(lambda: len(self.arrivals) >= count, seconds=10, pause=0.01), self.payloads
        return self.payloads


class _AppHandler(BaseHTTPRequestHandler):
    server: _AppServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        payload = payload_of(body, headers["content-type"])
        app = self.server.app
        app.arrivals.append(Arrival(headers=headers, body=body, payload=payload))
        said = app.answer(payload)
        self.send_response(said if isinstance(said, int) else 200)
        content = b"" if said is None or isinstance(said, int) else json.dumps(said).encode()
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's
        """Nothing."""


class _AppServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, app: App) -> None:
        super().__init__(("127.0.0.1", 0), _AppHandler)
        self.app = app


def payload_of(body: bytes, content_type: str) -> Payload:
    if content_type == "application/json":
        payload: Payload = json.loads(body)
        return payload
    form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
    return json.loads(form["payload"]) if "payload" in form else form


@dataclass
class Slack:
    """The running stand-in, and ways to use it."""

    server: SlackServer
    app: App
    keys: SlackKeys
    web: WebClient
    page: httpx2.Client

    def user(self, name: str) -> User:
        found = self.server.workspace.named(name)
        assert found is not None
        return found

    def channel(self, name: str) -> Channel:
        found = self.server.workspace.channel_named(name)
        assert found is not None
        return found

    def control(self, method: str, path: str, body: Any = None, *, token: str = CONTROL_TOKEN) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return self.page.request(method, path, json=body, headers=headers)

    def order(self, fault: str, **said: Any) -> None:
        answer = self.control("POST", "/control/faults", {"fault": fault, **said})
        assert answer.status_code == 201, answer.text

    def set(self, **settings: Any) -> None:
        assert self.control("PATCH", "/control/settings", settings).status_code == 200

    def trigger(self, name: str) -> Payload:
        answer = self.control("POST", "/trigger", {"user": self.keys.users[name]})
        assert answer.status_code == 200, answer.text
        made: Payload = answer.json()
        return made

    def calls(self, method: str) -> list[Payload]:
        made = self.control("GET", "/record").json()["calls"]
        return [call for call in made if call["method"] == method]

    def see(self, path: str) -> str:
        answer = self.page.get(path, follow_redirects=True)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def do(self, name: str, deed: str, **form: Any) -> str:
        """Send a form as this person; the page that follows."""
        answer = self.page.post(f"/as/{name}/{deed}", data=form, follow_redirects=True)
        assert answer.status_code == 200, answer.text
        return answer.text

    def press(self, name: str, page: str, label: str, **form: Any) -> str:
        """Press a button of a page by its words, with what the form around it holds."""
        html = self.see(page)
        for found in re.finditer(r'<form method="post" action="/as/\w+/(\w+)">(.*?)</form>', html, re.DOTALL):
            button = re.search(rf'<button[^>]*name="(\w+)" value="([^"]*)"[^>]*>{re.escape(label)}</button>', found[2])
            if button is not None:
                hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', found[2]))
                fields = {**hidden, button[1]: button[2], **form}
                return self.do(name, found[1], **{each: markup.unescape(value) for each, value in fields.items()})
        raise AssertionError(f"{page} has no button {label}:\n{html}")


@contextmanager
def slack_running(*, by_socket: bool = False) -> Iterator[Slack]:
    keys, app = SlackKeys(), App()
    app_server = _AppServer(app)
    app.url = f"http://127.0.0.1:{app_server.server_address[1]}/slack/events"
    workspace = grown(workspace_document(keys), origin="")
    workspace.settings.news_seconds = 0.0
    server = SlackServer(
        port=0, workspace=workspace, control_token=CONTROL_TOKEN, app_url=None if by_socket else app.url
    )
    threads = [
        threading.Thread(target=each.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        for each in (server, app_server)
    ]
    for thread in threads:
        thread.start()
    web = WebClient(token=keys.bot_token, base_url=f"{server.origin}/api/", ssl=_TLS)
    try:
        with httpx2.Client(base_url=server.origin, trust_env=False, verify=_TLS, timeout=20) as page:
            yield Slack(server=server, app=app, keys=keys, web=web, page=page)
    finally:
        server.sockets.disconnect("warning")
        for each in (server, app_server):
            each.shutdown()
            each.server_close()
        for thread in threads:
            thread.join()
