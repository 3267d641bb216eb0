"""What a person does in Slack: presses, chooses, submits, types a command, writes; and what the app is told of it.

Payloads as on Slack's pages "Interaction payloads" and "Implementing slash commands".
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.slack import elements
from sandbox.slack.answers import Responses
from sandbox.slack.blocks import problems_of_options
from sandbox.slack.deliveries import Delivered, Deliveries
from sandbox.slack.messages import post, shown
from sandbox.slack.modals import Modals, view_shown
from sandbox.slack.triggers import ResponseUrl, Triggers
from sandbox.slack.wire import Document, SlackError, text_of
from sandbox.slack.workspace import Channel, Message, User, View, Workspace

Values = Mapping[str, Mapping[str, Document]]
NO_ANSWER = "Access did not answer in time. Try again."


class ActFailed(Exception):
    """What the person is told when the app did not answer as it should."""


@dataclass(frozen=True, slots=True)
class Acts:
    """Of everybody in one workspace."""

    workspace: Workspace
    deliveries: Deliveries
    triggers: Triggers
    modals: Modals
    responses: Responses
    command: str
    shortcut: str

    def press_in_message(
        self, user: User, message: Message, *, block_id: str, element: Document, value: Document | None, values: Values
    ) -> None:
        """:raises ActFailed: the app did not answer well."""
        with self.workspace.changing():
            channel = self.workspace.channels[message.channel]
            is_ephemeral = bool(message.only_for)
            container = {
                "type": "message",
                "message_ts": message.ts,
                "channel_id": channel.id,
                "is_ephemeral": is_ephemeral,
                **({"thread_ts": message.thread_ts} if message.thread_ts else {}),
            }
            url = self.triggers.open_url(
                user=user.id,
                channel=channel.id,
                ts=message.ts,
                is_ephemeral=is_ephemeral,
                thread_ts=message.thread_ts,
            )
            payload = {
                **self._payload("block_actions", user, trigger=True),
                "container": container,
                "channel": {"id": channel.id, "name": _name_of(channel)},
                "message": shown(self.workspace, message),
                "state": {"values": elements.state_of(message.blocks, values)},
                "response_url": self._response_url(url),
                "actions": [elements.action_of(element, block_id=block_id, value=value, at=_now())],
            }
        self._expect(self.deliveries.interact(payload))

    def press_in_view(
        self, user: User, view: View, *, block_id: str, element: Document, value: Document | None, values: Values
    ) -> None:
        """:raises ActFailed: the app did not answer well."""
        with self.workspace.changing():
            view.values = {name: dict(held) for name, held in values.items()}
            trigger = self.triggers.pull(user=user.id, view=view.id if view.payload["type"] == "modal" else "")
            payload = {
                **self._payload("block_actions", user),
                "trigger_id": trigger,
                "container": {"type": "view", "view_id": view.id},
                "view": view_shown(self.workspace, view),
                "actions": [elements.action_of(element, block_id=block_id, value=value, at=_now())],
            }
        self._expect(self.deliveries.interact(payload))

    def submit(self, user: User, view: View, values: Values) -> dict[str, str]:
        """The errors to show, by block; none: the app has taken it.

        :raises ActFailed: the app did not answer well.
        """
        with self.workspace.changing():
            view.values = {name: dict(held) for name, held in values.items()}
            missing = _missing(view)
            if missing:
                return missing
            payload = {
                **self._payload("view_submission", user),
                "trigger_id": self.triggers.pull(user=user.id, view=view.id),
                "view": view_shown(self.workspace, view),
                "response_urls": [],
            }
        came = self._expect(self.deliveries.interact(payload))
        with self.workspace.changing():
            try:
                return self.modals.answered(view, came.body)
            except SlackError as error:
                raise ActFailed(f"Access answered with something that Slack does not take: {error}.") from error

    def close(self, user: User, *, everything: bool = False) -> None:
        """:raises ActFailed: the app did not answer well."""
        with self.workspace.changing():
            view = self.workspace.top_view(user)
            if view is None:
                return
            told = view_shown(self.workspace, view) if view.payload.get("notify_on_close") else None
            is_last = bool(view.payload.get("clear_on_close"))
            self.modals.close(user, everything=everything or is_last)
        if told is not None:
            payload = {**self._payload("view_closed", user), "view": told, "is_cleared": everything}
            self._expect(self.deliveries.interact(payload))

    def suggest(self, user: User, place: View | Message, *, block_id: str, action_id: str, typed: str) -> Document:
        """`options` or `option_groups` for a select that asks the app.

        :raises ActFailed: the app did not answer, or not with options.
        """
        with self.workspace.lock:
            payload = {
                **self._payload("block_suggestion", user),
                "action_id": action_id,
                "block_id": block_id,
                "value": typed,
            }
            if isinstance(place, View):
                payload |= {
                    "container": {"type": "view", "view_id": place.id},
                    "view": view_shown(self.workspace, place),
                }
            else:
                payload |= {
                    "container": {"type": "message", "message_ts": place.ts, "channel_id": place.channel},
                    "message": shown(self.workspace, place),
                }
        came = self._expect(self.deliveries.interact(payload))
        problems = problems_of_options(came.body)
        if problems:
            raise ActFailed(f"Access offered no options that Slack takes: {problems[0]}.")
        found: Document = came.body
        return found

    def run_command(self, user: User, channel: Channel, typed: str, *, thread_ts: str = "") -> None:
        """`/access …`. :raises ActFailed: the app did not answer well."""
        command, _, text = typed.partition(" ")
        if command != self.command:
            self._tell_of_no_command(user, channel, command, thread_ts)
            return
        app = self.workspace.installation
        with self.workspace.changing():
            form = {
                "token": "deprecated",
                "team_id": app.team_id,
                "team_domain": app.team_domain,
                **({"enterprise_id": app.enterprise_id} if app.enterprise_id else {}),
                **({"enterprise_name": app.enterprise_name} if app.enterprise_id else {}),
                "channel_id": channel.id,
                "channel_name": _name_of(channel),
                "user_id": user.id,
                "user_name": user.name,
                "command": command,
                "text": self._escaped(text.strip()),
                "api_app_id": app.app_id,
                "is_enterprise_install": "false",
                "response_url": self._response_url(self.triggers.open_url(user=user.id, channel=channel.id)),
                "trigger_id": self.triggers.pull(user=user.id),
            }
        came = self._expect(self.deliveries.command(form))
        if isinstance(came.body, dict) and (text_of(came.body, "text") or came.body.get("blocks")):
            with self.workspace.changing():
                self._show(ResponseUrl(user=user.id, channel=channel.id, ts="", made_at=time.time()), came.body)

    def _tell_of_no_command(self, user: User, channel: Channel, command: str, thread_ts: str) -> None:
        """Slack's own words, to who typed it alone, where they typed it; the app hears nothing of it."""
        said = f"{_plain(command)} is not a valid command. Whatever begins with / is a command here; there is {self.command}."
        with self.workspace.changing():
            by = self.workspace.slackbot()
            post(self.workspace, channel, text=said, by=by, thread_ts=thread_ts, only_for=user.id)

    def pull_shortcut(self, user: User) -> None:
        """The app's global shortcut. :raises ActFailed: the app did not answer well."""
        with self.workspace.changing():
            payload = {
                **self._payload("shortcut", user, trigger=True),
                "callback_id": self.shortcut,
                "action_ts": _now(),
            }
        self._expect(self.deliveries.interact(payload))

    def open_home(self, user: User) -> None:
        """The app hears of it in the background."""
        with self.workspace.changing():
            channel = self.workspace.direct(user)
            home = self.workspace.home_of(user)
            event: Document = {"type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": "home"}
            if home is not None:
                event["view"] = view_shown(self.workspace, home)
        self.deliveries.event(event)

    def say(self, user: User, channel: Channel, text: str, *, thread_ts: str = "") -> None:
        """Write a message; the app hears of it where it is a member and may read."""
        with self.workspace.changing():
            message = post(self.workspace, channel, text=self._escaped(_plain(text)), by=user, thread_ts=thread_ts)
            event: Document = {
                "type": "message",
                "channel": channel.id,
                "user": user.id,
                "user_team": user.team_id,
                "text": message.text,
                "ts": message.ts,
                "team": self.workspace.installation.team_id,
                "channel_type": "group" if channel.is_private else "channel",
                **({"thread_ts": thread_ts} if thread_ts else {}),
            }
            scope = "groups:history" if channel.is_private else "channels:history"
            is_heard = self.workspace.has_bot(channel) and not channel.user and scope in self.workspace.scopes
        if is_heard:
            self.deliveries.event(event)

    def _payload(self, kind: str, user: User, *, trigger: bool = False) -> Document:
        app = self.workspace.installation
        team = {"id": app.team_id, "domain": app.team_domain}
        enterprise = None
        if app.enterprise_id:
            team |= {"enterprise_id": app.enterprise_id, "enterprise_name": app.enterprise_name}
            enterprise = {"id": app.enterprise_id, "name": app.enterprise_name}
        body: Document = {
            "type": kind,
            "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team_id},
            "api_app_id": app.app_id,
            "token": "deprecated",
            "team": team,
            "enterprise": enterprise,
            "is_enterprise_install": False,
        }
        if trigger:
            body["trigger_id"] = self.triggers.pull(user=user.id)
        return body

    def _response_url(self, token: str) -> str:
        return f"{self.workspace.origin}/hooks/actions/{self.workspace.installation.team_id}/{token}"

    def _expect(self, came: Delivered) -> Delivered:
        if not came.is_good:
            raise ActFailed(NO_ANSWER if came.status is None else f"Access answered with {came.status}. Try again.")
        return came

    def _show(self, address: ResponseUrl, body: Any) -> None:
        try:
            self.responses.write(address, body)
        except SlackError as error:
            raise ActFailed(f"Access answered with something that Slack does not take: {error}.") from error

    def _escaped(self, text: str) -> str:
        """Mentions of people and channels as ids, which `should_escape` in the manifest asks for."""

        def person(found: re.Match[str]) -> str:
            user = self.workspace.named(found[1])
            return f"<@{user.id}|{user.name}>" if user is not None else found[0]

        return re.sub(r"@([a-z0-9._-]+)", person, text)


def _missing(view: View) -> dict[str, str]:
    """What Slack itself asks for before it sends a form to the app."""
    missing: dict[str, str] = {}
    state = elements.state_of(view.payload["blocks"], view.values)
    for block in view.payload["blocks"]:
        if block["type"] != "input":
            continue
        element = block["element"]
        said = elements.held(state[block["block_id"]][element["action_id"]])
        if not said and not block.get("optional"):
            missing[block["block_id"]] = "Please complete this required field."
        elif isinstance(said, str) and said and len(said) < element.get("min_length", 0):
            missing[block["block_id"]] = f"Please enter at least {element['min_length']} characters."
        elif isinstance(said, str) and len(said) > element.get("max_length", 3000):
            missing[block["block_id"]] = f"Please enter at most {element.get('max_length', 3000)} characters."
    return missing


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _name_of(channel: Channel) -> str:
    return "directmessage" if channel.user else channel.name


def _now() -> str:
    return f"{time.time():.6f}"
