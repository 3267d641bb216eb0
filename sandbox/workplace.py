"""The Slack workspace of the sandbox: who is a member, which channels there are, and the app in it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.catalogue import MEMBERS, NAMES
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
