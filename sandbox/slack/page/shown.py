"""Turns blocks, messages and views into what the templates draw."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.utils.safestring import SafeString

from sandbox.slack import elements
from sandbox.slack.messages import replies_of
from sandbox.slack.page import mrkdwn
from sandbox.slack.page.places import Place, field_of, of_message
from sandbox.slack.page.seats import Seat
from sandbox.slack.wire import Document
from sandbox.slack.workspace import Message, User, Workspace

Drawn = dict[str, Any]
_INPUT_TYPES = {
    "email_text_input": "email",
    "url_text_input": "url",
    "number_input": "text",
    "plain_text_input": "text",
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "datetime-local",
}


class Drawing:
    """For one person, at one moment."""

    def __init__(self, workspace: Workspace, seat: Seat) -> None:
        self._workspace = workspace
        self._seat = seat
        self._now = datetime.now(UTC)
        self._names = {user.id: user.name for user in workspace.users.values()}
        self._names |= {channel.id: channel.name for channel in workspace.channels.values()}

    def message(self, message: Message, *, in_thread: bool = False) -> Drawn:
        user = self._workspace.users[message.user]
        at = datetime.fromtimestamp(float(message.ts), tz=UTC).astimezone()
        place = of_message(message, self._seat)
        return {
            "ts": message.ts,
            "author": self.person(user),
            "at": at.isoformat(),
            "time": f"{at:%H:%M}",
            "is_by_app": message.by_app,
            "is_edited": bool(message.edited),
            "is_only_for_you": bool(message.only_for),
            "place": place.name,
            "channel": message.channel,
            "text": self.text(message.text) if not message.blocks else "",
            "blocks": self.blocks(place),
            "replies": 0 if in_thread else len(replies_of(self._workspace, message)),
            "can_reply": not in_thread and not message.only_for and not message.thread_ts,
            "is_broadcast": message.reply_broadcast and not in_thread,
        }

    def person(self, user: User) -> Drawn:
        letters = "".join(part[0] for part in user.real_name.split()[:2])
        home = self._workspace.installation.team_id
        return {
            "name": user.name,
            "real_name": user.real_name,
            "letters": letters.upper(),
            "colour": sum(map(ord, user.name)) % 6,
            "is_bot": user.is_bot,
            "is_external": user.team_id != home,
        }

    def blocks(self, place: Place, *, errors: Mapping[str, str] | None = None) -> list[Drawn]:
        return [self._block(block, place, errors or {}) for block in place.blocks]

    def text(self, said: str) -> SafeString:
        return mrkdwn.html_of(said, names=self._names, now=self._now)

    def object(self, said: Any) -> SafeString:
        """A text object."""
        if not isinstance(said, dict):
            return SafeString("")
        if said["type"] == "mrkdwn":
            return self.text(said["text"])
        return mrkdwn.plain(said["text"], emoji=said.get("emoji", True))

    def _block(self, block: Document, place: Place, errors: Mapping[str, str]) -> Drawn:
        drawn: Drawn = {"kind": block["type"], "text": self.object(block.get("text"))}
        match block["type"]:
            case "section":
                accessory = block.get("accessory")
                drawn["fields"] = [self.object(each) for each in block.get("fields", ())]
                if accessory and accessory["type"] != "image":
                    drawn["element"] = self._element(block, accessory, place)
            case "actions":
                drawn["elements"] = [self._element(block, each, place) for each in block["elements"]]
            case "context":
                drawn["texts"] = [self.object(each) for each in block["elements"] if each["type"] != "image"]
            case "input":
                drawn |= {
                    "label": self.object(block["label"]),
                    "hint": self.object(block.get("hint")),
                    "is_optional": block.get("optional", False),
                    "error": errors.get(block["block_id"], ""),
                    "element": self._element(block, block["element"], place),
                }
                drawn["element"]["dispatches"] = block.get("dispatch_action", False)
                drawn["element"]["is_input"] = True
            case "image":
                drawn["text"] = mrkdwn.plain(block["alt_text"])
        return drawn

    def _element(self, block: Mapping[str, Any], element: Document, place: Place) -> Drawn:
        kind = element["type"]
        block_id, action_id = str(block["block_id"]), str(element["action_id"])
        field = field_of(block_id, action_id)
        drawn: Drawn = {
            "kind": kind,
            "field": field,
            "id": f"{place.name}/{field}".replace("/", "-").replace("%", "_"),
            "style": element.get("style", ""),
            "text": self.object(element.get("text")),
            "accessible": element.get("accessibility_label", ""),
            "is_link": bool(element.get("url")),
            "dispatches": True,
            "placeholder": element.get("placeholder", {}).get("text", ""),
        }
        if kind == "button":
            return drawn
        before = place.values.get(block_id, {}).get(action_id)
        state = before if before is not None and before["type"] == kind else None
        held = None if kind == "overflow" else elements.held(state or elements.initial(element))
        drawn["is_external"] = kind in elements.EXTERNAL
        drawn["is_multiple"] = kind in elements.MULTIPLE
        if kind in elements.SELECTS | elements.MULTIPLE | {"overflow", "users_select"}:
            drawn["groups"] = self._groups(element, held, offered=self._offered(place, block_id, action_id))
        else:
            drawn["input"] = _INPUT_TYPES[kind]
            drawn["value"] = _value(kind, held)
            drawn["is_long"] = bool(element.get("multiline"))
            drawn["longest"] = element.get("max_length", "")
        return drawn

    def _offered(self, place: Place, block_id: str, action_id: str) -> Document:
        return self._seat.offered.get((place.name, block_id, action_id), {})

    def _groups(self, element: Document, held: Any, *, offered: Document) -> list[Drawn]:
        """Every option under its group's label, the chosen ones marked and never missing."""
        if element["type"] == "users_select":
            people = [user for user in self._workspace.users.values() if not user.is_bot]
            options = [{"value": user.id, "text": {"type": "plain_text", "text": user.real_name}} for user in people]
            return [{"label": "", "options": [self._option(each, {held}) for each in options]}]
        source = {**element, **offered}
        chosen = [held] if isinstance(held, dict) else held or []
        marked = {option["value"] for option in chosen}
        groups = [(group["label"]["text"], group["options"]) for group in source.get("option_groups") or ()]
        groups += [("", source.get("options") or [])]
        known = {option["value"] for _, options in groups for option in options}
        groups += [("", [option for option in chosen if option["value"] not in known])]
        return [
            {"label": label, "options": [self._option(option, marked) for option in options]}
            for label, options in groups
            if options
        ]

    def _option(self, option: Document, marked: set[Any]) -> Drawn:
        return {
            "value": option["value"],
            "text": option["text"]["text"],
            "html": self.object(option["text"]),
            "description": self.object(option.get("description")),
            "is_chosen": option["value"] in marked,
        }


def _value(kind: str, held: Any) -> str:
    if kind == "datetimepicker" and held is not None:
        return f"{datetime.fromtimestamp(int(held), tz=UTC):%Y-%m-%dT%H:%M}"
    return "" if held is None else str(held)
