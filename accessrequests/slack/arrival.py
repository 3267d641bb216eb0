"""What Slack sends, read into one shape: what it is, from which workspace and by whom."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

from accessrequests.operations.slack_identities import Account

Payload = Mapping[str, Any]
# No database holds NUL, and half of a character is no text: PostgreSQL's documentation, 8.3 (Character Types).
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


class Unreadable(Exception):
    """Nothing that Slack would send."""


class Foreign(Exception):
    """Of an app, a workspace or an enterprise that is not ours."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """`kind` is Slack's own word for it. `payload` is as Slack sent it."""

    kind: str
    payload: Payload

    def part(self, *path: str) -> Any:
        """What stands there; nothing where there is no such place."""
        here: Any = self.payload
        for name in path:
            here = here.get(name) if isinstance(here, Mapping) else None
        return here

    def text(self, *path: str) -> str:
        found = self.part(*path)
        return found if isinstance(found, str) else ""

    @property
    def account(self) -> Account:
        """Who did it, as Slack knows them."""
        user = self.text("user", "id") or self.text("user_id") or self.text("event", "user")
        name = self.text("user", "username") or self.text("user", "name") or self.text("user_name")
        return Account(settings.ACCESS_SLACK_ENTERPRISE_ID, settings.ACCESS_SLACK_TEAM_ID, user, name)

    @property
    def is_of_a_stranger(self) -> bool:
        """Somebody of another workspace, in a channel that is shared. On Enterprise Grid the home may be the enterprise."""
        home = self.text("user", "team_id") or self.text("event", "user_team")
        return bool(home) and home not in {settings.ACCESS_SLACK_TEAM_ID, settings.ACCESS_SLACK_ENTERPRISE_ID}


def read(body: bytes, *, content_type: str) -> Arrival:
    """:raises Unreadable: when it is neither of the two forms that Slack uses."""
    try:
        if content_type.partition(";")[0].strip().lower() == "application/json":
            return of_payload(json.loads(body.decode()))
        form = dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=50))
        if "payload" in form:
            return of_payload(json.loads(form["payload"]))
    except (ValueError, RecursionError) as error:
        raise Unreadable from error
    return of_command(form)


def of_command(form: Mapping[str, Any]) -> Arrival:
    """:raises Unreadable: when it names no command, or holds what is no text."""
    if "command" not in form or _holds_no_text(form):
        raise Unreadable
    return Arrival("command", form)


def of_payload(payload: object) -> Arrival:
    """:raises Unreadable: when it does not say what it is, or holds what is no text."""
    kind = payload.get("type") if isinstance(payload, dict) else None
    if not isinstance(payload, dict) or not isinstance(kind, str) or _holds_no_text(payload):
        raise Unreadable
    return Arrival(kind, payload)


def _holds_no_text(payload: object) -> bool:
    """Whether any name or value, however deep, is something that cannot be kept."""
    left = [payload]
    while left:
        part = left.pop()
        if isinstance(part, str):
            if _NO_TEXT.search(part):
                return True
        elif isinstance(part, Mapping):
            left += [*part.keys(), *part.values()]
        elif isinstance(part, list):
            left += part
    return False


def check_home(arrival: Arrival) -> None:
    """:raises Foreign: unless it is of our app in our workspace."""
    team = arrival.text("team", "id") or arrival.text("team_id")
    enterprise = (
        arrival.text("enterprise", "id") or arrival.text("enterprise_id") or arrival.text("team", "enterprise_id")
    )
    if arrival.text("api_app_id") != settings.ACCESS_SLACK_APP_ID:
        raise Foreign("it is of another app")
    if team != settings.ACCESS_SLACK_TEAM_ID:
        raise Foreign("it is of another workspace")
    if enterprise != settings.ACCESS_SLACK_ENTERPRISE_ID:
        raise Foreign("it is of another enterprise")
