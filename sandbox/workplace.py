"""The Slack workspace of the sandbox: its people, channels and app; and the stand-in of a world that serves it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from sandbox.catalogue import MEMBERS, NAMES
from sandbox.processes import PortReservation
from sandbox.slack.seed import SEED
from sandbox.slack.table import SCOPES
from sandbox.slack.workspace import new_id

OUTSIDER, PARTNER, BOT = "olga", "petra", "access"
_OTHER_NAMES: Mapping[str, str] = {OUTSIDER: "Olga Orlova", PARTNER: "Petra Peters", BOT: "Access"}
_CHANNELS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "general": ("Everybody", (*NAMES, OUTSIDER)),
    "data-access": ("Requests for access to data, and what became of them", (*NAMES, OUTSIDER)),
    "security": ("What needs the eyes of security", (*MEMBERS["security"], *MEMBERS["administrators"])),
    "break-glass": ("Access in an emergency, told at once", tuple(NAMES)),
    "partner-payments": ("With our payment provider", ("alice", "bob", PARTNER)),
}
_PRIVATE, _SHARED = ("security",), ("partner-payments",)
_WITHOUT_BOT = ("general",)
# Where the people of each group are asked; `*` is every other group, `break-glass` where every break-glass is told as well.
_ASKED_IN = {"data-owners": "data-access", "security": "security", "*": "data-access", "break-glass": "break-glass"}
ACCOUNTS = "accounts.json"

Document = dict[str, Any]


def _token(kind: str) -> str:
    return f"{kind}-{secrets.randbelow(10**12)}-{secrets.token_urlsafe(18)}"


@dataclass(frozen=True, slots=True)
class SlackKeys:
    """Ids and secrets of one workspace and the app that is installed in it."""

    team_id: str = field(default_factory=lambda: new_id("T"))
    app_id: str = field(default_factory=lambda: new_id("A"))
    bot_id: str = field(default_factory=lambda: new_id("B"))
    bot_token: str = field(default_factory=lambda: _token("xoxb"), repr=False)
    app_token: str = field(default_factory=lambda: _token("xapp-1"), repr=False)
    signing_secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    users: Mapping[str, str] = field(
        default_factory=lambda: {name: new_id("U") for name in (*NAMES, OUTSIDER, PARTNER, BOT)}
    )
    channels: Mapping[str, str] = field(default_factory=lambda: {name: new_id("C") for name in _CHANNELS})


def workspace_document(keys: SlackKeys) -> Document:
    """The seed of the stand-in. Petra is of another organisation and shares one channel with this one."""
    return {
        "installation": {
            "team_id": keys.team_id,
            "team_name": "Example",
            "team_domain": "example",
            "app_id": keys.app_id,
            "bot_id": keys.bot_id,
            "bot_user": keys.users[BOT],
            "bot_token": keys.bot_token,
            "app_token": keys.app_token,
            "signing_secret": keys.signing_secret,
        },
        "scopes": sorted(SCOPES),
        "users": [_user(keys, name, full_name) for name, full_name in {**NAMES, **_OTHER_NAMES}.items()],
        "channels": [_channel(keys, name) for name in _CHANNELS],
    }


def _user(keys: SlackKeys, name: str, full_name: str) -> Document:
    is_partner = name == PARTNER
    return {
        "id": keys.users[name],
        "name": name,
        "real_name": full_name,
        "email": f"{name}@{'partner.example' if is_partner else 'example.com'}",
        "team_id": "T0PARTNER00" if is_partner else keys.team_id,
        "is_bot": name == BOT,
        "is_stranger": is_partner,
        "is_admin": name in MEMBERS["administrators"],
    }


def _channel(keys: SlackKeys, name: str) -> Document:
    topic, members = _CHANNELS[name]
    return {
        "id": keys.channels[name],
        "name": name,
        "topic": topic,
        "members": [*members, *(() if name in _WITHOUT_BOT else (BOT,))],
        "is_private": name in _PRIVATE,
        "is_ext_shared": name in _SHARED,
    }


class SlackStandIn:
    """The stand-in of a world: its process, and what it and the product are told of each other."""

    def __init__(self, directory: Path, *, by_socket: bool = False) -> None:
        self.directory = directory / "slack"
        self.by_socket = by_socket
        self.keys = SlackKeys()
        self._port = PortReservation()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port.port}"

    def environment(self, *, control_token: str, app: str) -> dict[str, str]:
        """For its own process. `app` is the origin of the product, which hears of everything; by socket it comes itself."""
        return {
            "SLACK_DIRECTORY": str(self.directory),
            "SLACK_PORT": str(self._port.port),
            "SLACK_CONTROL_TOKEN": control_token,
            "SLACK_APP_URL": "" if self.by_socket else f"{app}/slack/events",
        }

    def of_product(self) -> dict[str, str]:
        """For the product's processes: what an operator copies from the pages of the app."""
        channels = {group: self.keys.channels[channel] for group, channel in _ASKED_IN.items()}
        way = {"ACCESS_SLACK_SIGNING_SECRETS": self.keys.signing_secret}
        if self.by_socket:
            way = {"ACCESS_SLACK_MODE": "socket"}
        return way | {
            "ACCESS_SLACK_API_URL": f"{self.url}/api/",
            "ACCESS_SLACK_BOT_TOKEN": self.keys.bot_token,
            "ACCESS_SLACK_APP_ID": self.keys.app_id,
            "ACCESS_SLACK_TEAM_ID": self.keys.team_id,
            "ACCESS_SLACK_CHANNELS": ",".join(f"{group}={channel}" for group, channel in channels.items()),
        }

    def write_files(self) -> None:
        """The seed of the workspace, and for the product whose account is whose."""
        self.directory.mkdir(mode=0o700)
        linked = {name: self.keys.users[name] for name in NAMES}
        for name, document in ((SEED, workspace_document(self.keys)), (ACCOUNTS, linked)):
            path = self.directory / name
            path.touch(mode=0o600)
            path.write_text(json.dumps(document), encoding="utf-8")

    def state(self, *, control_token: str) -> Document:
        """How to use it, for the state file."""
        keys = self.keys
        return {
            "url": self.url,
            "signing_secret": keys.signing_secret,
            "team_id": keys.team_id,
            "app_id": keys.app_id,
            "bot_token": keys.bot_token,
            "users": {name: keys.users[name] for name in NAMES},
            "outsider": keys.users[OUTSIDER],
            "partner": keys.users[PARTNER],
            "channels": dict(keys.channels),
            "record_url": f"{self.url}/record",
            "trigger_url": f"{self.url}/trigger",
            "control_url": f"{self.url}/control",
            "control_token": control_token,
        }

    def is_heard(self, *, control_token: str) -> bool:
        """Whether what is pressed there arrives. By socket somebody has to be connected."""
        if not self.by_socket:
            return True
        desk = {"Authorization": f"Bearer {control_token}"}
        try:
            answer = httpx2.get(f"{self.url}/control/connections", headers=desk, trust_env=False)
        except httpx2.TransportError:
            return False
        return answer.is_success and bool(answer.json()["count"])

    def release(self) -> None:
        self._port.release()
