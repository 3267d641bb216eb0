"""The desk behind the stand-in: order faults, change settings, people and channels, see what was sent.

Everything is JSON, for whoever holds the control token as a Bearer:

    GET        DELETE  /record                       every call of the Web API, refused ones too
    POST               /trigger                      {user, channel?}: a trigger_id and a response_url, both live
    GET  PATCH         /control/settings             how strict and slow it is (workspace.py)
    GET  POST  DELETE  /control/faults[/{id}]        what goes wrong next (api.py, deliveries.py)
    GET                /control/deliveries           what was sent to the app, and what came of it
    GET  PATCH         /control/scopes               {scopes: [..]}: what the bot may do
    PATCH              /control/users/{name}         {deleted, is_restricted, email, real_name, …}
    GET  PATCH         /control/channels/{name}      {is_ext_shared, is_archived, members, …}; a shared one is told
    POST               /control/events               {event}: any event, such as {"type": "app_uninstalled"}
    POST               /control/verify               asks the app for its url_verification
    GET                /control/connections          {count}: how many Socket Mode connections are open
    POST               /control/disconnect           {reason}: end the Socket Mode connections
    DELETE             /control/rates                every bucket is full again
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from sandbox.desk import UnknownSetting, may_control
from sandbox.faults import Faults, UnknownFault
from sandbox.slack.api import Record
from sandbox.slack.deliveries import Deliveries
from sandbox.slack.rates import Rates
from sandbox.slack.sockets import Sockets
from sandbox.slack.table import SCOPES
from sandbox.slack.triggers import Triggers
from sandbox.slack.wire import Answer, Document, SlackError
from sandbox.slack.workspace import Channel, User, Workspace

_REFUSED = Answer(status=HTTPStatus.UNAUTHORIZED, body={"detail": "Send the control token as a Bearer."})
_UNKNOWN = Answer(status=HTTPStatus.NOT_FOUND, body={"detail": "There is no such thing to control."})
_GONE = Answer(status=HTTPStatus.NO_CONTENT)


@dataclasses.dataclass(frozen=True, slots=True)
class Control:
    """Answers what is asked at the desk."""

    token: str = dataclasses.field(repr=False)
    workspace: Workspace
    faults: Faults
    rates: Rates
    triggers: Triggers
    deliveries: Deliveries
    sockets: Sockets
    record: Record

    def answer(self, *, method: str, segments: tuple[str, ...], headers: Mapping[str, str], body: Any) -> Answer:
        """Carry out one order; `segments` are those after /control, or record and trigger by themselves."""
        if not may_control(headers, token=self.token):
            return _REFUSED
        what, *rest = segments or ("",)
        desk = self._desks.get(what)
        if desk is None:
            return _UNKNOWN
        try:
            return desk(method, rest, body)
        except (UnknownSetting, UnknownFault, SlackError, TypeError) as error:
            return Answer(status=HTTPStatus.UNPROCESSABLE_ENTITY, body={"detail": str(error)})

    @property
    def _desks(self) -> Mapping[str, Callable[[str, list[str], Any], Answer]]:
        return {
            "record": self._answer_record,
            "trigger": self._answer_trigger,
            "settings": self._answer_settings,
            "faults": self._answer_faults,
            "deliveries": lambda _method, _rest, _body: Answer(body=self.deliveries.as_list()),
            "scopes": self._answer_scopes,
            "users": self._answer_users,
            "channels": self._answer_channels,
            "events": self._answer_events,
            "verify": self._answer_verify,
            "connections": lambda _method, _rest, _body: Answer(body={"count": self.sockets.count}),
            "disconnect": self._answer_disconnect,
            "rates": self._answer_rates,
        }

    def _answer_record(self, method: str, _rest: list[str], _body: Any) -> Answer:
        if method == "DELETE":
            self.record.forget()
            return _GONE
        return Answer(body={"calls": self.record.as_list()})

    def _answer_trigger(self, _method: str, _rest: list[str], body: Any) -> Answer:
        said = _object(body)
        workspace = self.workspace
        with workspace.changing():
            user = workspace.user(str(said.get("user")))
            channel = workspace.channel(str(said["channel"])) if "channel" in said else workspace.direct(user)
            ts = str(said.get("message_ts", ""))
            token = self.triggers.open_url(user=user.id, channel=channel.id, ts=ts)
            url = f"{workspace.origin}/hooks/actions/{workspace.installation.team_id}/{token}"
            return Answer(body={"trigger_id": self.triggers.pull(user=user.id), "response_url": url})

    def _answer_settings(self, method: str, _rest: list[str], body: Any) -> Answer:
        if method == "PATCH":
            self.workspace.settings.change(_object(body))
        return Answer(body=self.workspace.settings.as_dict())

    def _answer_faults(self, method: str, rest: list[str], body: Any) -> Answer:
        if method == "POST":
            return Answer(status=HTTPStatus.CREATED, body=self.faults.order(_object(body)).as_dict())
        if method == "DELETE":
            self.faults.forget(int(rest[0]) if rest and rest[0].isdecimal() else None)
            return _GONE
        return Answer(body=self.faults.as_list())

    def _answer_scopes(self, method: str, _rest: list[str], body: Any) -> Answer:
        if method == "PATCH":
            said = set(_object(body).get("scopes", ()))
            if said - SCOPES:
                raise UnknownSetting(f"There are no scopes {sorted(said - SCOPES)} in the manifest.")
            self.workspace.scopes = said
        return Answer(body={"scopes": sorted(self.workspace.scopes)})

    def _answer_users(self, method: str, rest: list[str], body: Any) -> Answer:
        found = self.workspace.named(rest[0]) if rest else None
        if found is None:
            return _UNKNOWN
        if method == "PATCH":
            with self.workspace.changing():
                _set(found, _object(body))
        return Answer(body=dataclasses.asdict(found))

    def _answer_channels(self, method: str, rest: list[str], body: Any) -> Answer:
        found = self.workspace.channel_named(rest[0]) if rest else None
        if found is None:
            return _UNKNOWN
        if method == "PATCH":
            was_shared = found.is_ext_shared
            with self.workspace.changing():
                _set(found, _object(body))
            if found.is_ext_shared is not was_shared:
                kind = "channel_shared" if found.is_ext_shared else "channel_unshared"
                team = self.workspace.installation.team_id
                self.deliveries.event({"type": kind, "connected_team_id": team, "channel": found.id})
        return Answer(body=dataclasses.asdict(found))

    def _answer_events(self, _method: str, _rest: list[str], body: Any) -> Answer:
        event = _object(_object(body).get("event"))
        if event.get("type") in {"app_uninstalled", "tokens_revoked"}:
            self.workspace.is_revoked = True
        if not isinstance(event.get("type"), str):
            raise UnknownSetting("An event has a type.")
        self.deliveries.event(event)
        return _GONE

    def _answer_verify(self, _method: str, _rest: list[str], _body: Any) -> Answer:
        came = self.deliveries.verify_url()
        return Answer(body={"status": came.status, "body": came.body, "reason": came.reason})

    def _answer_disconnect(self, _method: str, _rest: list[str], body: Any) -> Answer:
        self.sockets.disconnect(str((body or {}).get("reason", "refresh_requested")))
        return _GONE

    def _answer_rates(self, _method: str, _rest: list[str], _body: Any) -> Answer:
        self.rates.forget()
        return _GONE


def _object(body: Any) -> Document:
    """:raises UnknownSetting: it is no JSON object."""
    if not isinstance(body, dict):
        raise UnknownSetting("Send a JSON object.")
    return body


def _set(thing: User | Channel, said: Document) -> None:
    """:raises UnknownSetting: there is no such field, or it holds something else."""
    for name, value in said.items():
        kind = type(getattr(thing, name, None))
        if name == "id" or kind is type(None) or not isinstance(value, kind):
            raise UnknownSetting(f"{name} cannot be set to {value!r}.")
    for name, value in said.items():
        setattr(thing, name, value)
