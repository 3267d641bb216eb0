"""The HTTP server of the stand-in: the Web API, response_urls, websockets, the desk and the page behind one port."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from urllib.parse import unquote

from sandbox.faults import Faults
from sandbox.slack import api, deliveries
from sandbox.slack.acts import Acts
from sandbox.slack.answers import Responses
from sandbox.slack.api import Record, WebApi
from sandbox.slack.chat import Chat
from sandbox.slack.control import Control
from sandbox.slack.deliveries import Deliveries
from sandbox.slack.handler import Call, Handler
from sandbox.slack.modals import Modals
from sandbox.slack.page.client import Client
from sandbox.slack.rates import Rates
from sandbox.slack.sockets import Sockets
from sandbox.slack.table import methods
from sandbox.slack.triggers import Triggers
from sandbox.slack.wire import Answer, Document, SlackError, arguments_of
from sandbox.slack.workspace import Workspace

LOOPBACK = "127.0.0.1"
COMMAND, SHORTCUT = "/access", "request.open"  # As in the app's manifest.
_DESKS = ("record", "trigger")


class _Handler(Handler):
    server: SlackServer

    def reply(self, call: Call) -> Answer:
        return self.server.answer(call)

    @property
    def sockets(self) -> Sockets:
        return self.server.sockets


class SlackServer(ThreadingHTTPServer):
    """One workspace behind one port; `app_url` is where the app listens, and None where it connects to us."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *, port: int, workspace: Workspace, control_token: str, app_url: str | None) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        workspace.origin = self.origin
        self.workspace = workspace
        self.record = Record()
        self.sockets = Sockets(app_id=workspace.installation.app_id)
        self.faults = Faults(kinds=(*api.BEFORE, *api.AFTER, *deliveries.FAULTS))
        rates, triggers = Rates(workspace.settings), Triggers(workspace.settings)
        modals = Modals(workspace, triggers)
        self._responses = Responses(workspace, triggers)
        self.deliveries = Deliveries(workspace, faults=self.faults, sockets=self.sockets, url=app_url)
        table = methods(workspace=workspace, chat=Chat(workspace, rates), modals=modals, sockets=self.sockets)
        self._api = WebApi(workspace, methods=table, rates=rates, faults=self.faults, record=self.record)
        self._control = Control(
            token=control_token,
            workspace=workspace,
            faults=self.faults,
            rates=rates,
            triggers=triggers,
            deliveries=self.deliveries,
            sockets=self.sockets,
            record=self.record,
        )
        self.acts = Acts(
            workspace,
            deliveries=self.deliveries,
            triggers=triggers,
            modals=modals,
            responses=self._responses,
            command=COMMAND,
            shortcut=SHORTCUT,
        )
        self._client = Client(workspace, self.acts)

    @property
    def origin(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def server_close(self) -> None:
        super().server_close()
        self.deliveries.close()

    def answer(self, call: Call) -> Answer:
        """:raises Dropped: the connection has to end."""
        segments = tuple(unquote(each) for each in call.path.lstrip("/").split("/"))
        match segments:
            case ("api", name):
                return self._call_api(name, call)
            case ("hooks", "actions", _team, *token):
                return self._write("/".join(token), call)
            case ("control", *_) | ("record" | "trigger",):
                return self._order(segments, call)
        if call.method == "POST" and call.headers.get("origin", self.origin) != self.origin:
            return Answer(status=HTTPStatus.FORBIDDEN, text="Another site sent this.")
        return self._client.answer(method=call.method, path=segments, content=call.content)

    def _call_api(self, name: str, call: Call) -> Answer:
        try:
            arguments = _arguments(call)
        except SlackError as error:
            self.record.keep(name, {}, error.body())
            return Answer(body=error.body())
        return self._api.answer(name, arguments, headers=call.headers)

    def _write(self, token: str, call: Call) -> Answer:
        """What is posted to a response_url."""
        fault = self.faults.take(method="response_url", path="", account=None, kinds=(*api.BEFORE, *api.AFTER))
        arguments: Document = {}
        body: object = None
        try:
            arguments = _arguments(call)
            answer = api.broken_before(fault) or self._written(token, arguments)
            answer = api.broken_after(fault) or answer
            body = answer.body
            return answer
        except SlackError as error:
            body = error.body()
            return Answer(status=HTTPStatus.BAD_REQUEST, body=body)
        finally:
            self.record.keep("response_url", arguments, body)

    def _written(self, token: str, arguments: Document) -> Answer:
        try:
            with self.workspace.changing():
                return Answer(body=self._responses.take(token, arguments))
        except SlackError as error:
            return Answer(status=HTTPStatus.NOT_FOUND, body=error.body())

    def _order(self, segments: tuple[str, ...], call: Call) -> Answer:
        try:
            body = json.loads(call.content) if call.content else None
        except ValueError:
            return Answer(status=HTTPStatus.BAD_REQUEST, body={"detail": "Send JSON."})
        place = segments if segments[0] in _DESKS else tuple(each for each in segments[1:] if each not in _DESKS)
        return self._control.answer(method=call.method, segments=place, headers=call.headers, body=body)


def _arguments(call: Call) -> Document:
    headers: Mapping[str, str] = call.headers
    return arguments_of(query=call.query, content=call.content, content_type=headers.get("content-type", ""))
