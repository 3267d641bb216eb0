"""Makes a workspace out of a seed, or out of the snapshot of one, and writes such a snapshot."""

from __future__ import annotations

import dataclasses
import json
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.slack.wire import Document
from sandbox.slack.workspace import Channel, Installation, Message, User, View, Workspace

SEED, SNAPSHOT = "seed.json", "workspace.json"
_PAUSE = 0.2  # Many changes come together.
# A workspace with ten thousand messages takes a second to write.
_RESTS, _LONGEST_REST = 20, 5.0


def grown(seed: Mapping[str, Any], *, origin: str) -> Workspace:
    """The workspace of a seed: {installation, scopes, users: [..], channels: [{…, members: [name]}]}; the bot is one."""
    workspace = Workspace(Installation(**seed["installation"]), origin=origin)
    app = workspace.installation
    workspace.scopes = set(seed["scopes"])
    workspace.settings.change(seed.get("settings", {}))
    for said in seed["users"]:
        user = User(**said)
        workspace.users[user.id] = user
    ids = {user.name: user.id for user in workspace.users.values()}
    for said in seed["channels"]:
        workspace.add_channel({**said, "members": [ids[name] for name in said["members"]]})
    if app.bot_user not in workspace.users:
        raise KeyError(app.bot_user)
    return workspace


def snapshot(workspace: Workspace) -> Document:
    with workspace.lock:
        return {
            "installation": dataclasses.asdict(workspace.installation),
            "scopes": sorted(workspace.scopes),
            "settings": workspace.settings.as_dict(),
            "is_revoked": workspace.is_revoked,
            "users": [dataclasses.asdict(each) for each in workspace.users.values()],
            "channels": [dataclasses.asdict(each) for each in workspace.channels.values()],
            "messages": [dataclasses.asdict(each) for known in workspace.messages.values() for each in known],
            "views": [dataclasses.asdict(each) for each in workspace.views.values()],
            "stacks": workspace.stacks,
            "homes": workspace.homes,
        }


def restored(kept: Mapping[str, Any], *, origin: str) -> Workspace:
    workspace = Workspace(Installation(**kept["installation"]), origin=origin)
    workspace.scopes = set(kept["scopes"])
    workspace.settings.change(kept["settings"])
    workspace.is_revoked = kept["is_revoked"]
    workspace.users = {each["id"]: User(**each) for each in kept["users"]}
    workspace.channels = {each["id"]: Channel(**each) for each in kept["channels"]}
    for said in kept["messages"]:
        message = Message(**said)
        workspace.messages.setdefault(message.channel, []).append(message)
        workspace.remember_ts(message.ts)
    workspace.views = {each["id"]: View(**each) for each in kept["views"]}
    workspace.stacks, workspace.homes = dict(kept["stacks"]), dict(kept["homes"])
    return workspace


class Keeper(threading.Thread):
    """Writes the workspace to disk within seconds of a change; a restart after a clean end finds every message again."""

    def __init__(self, workspace: Workspace, path: Path) -> None:
        super().__init__(name="keeper", daemon=True)
        self._workspace = workspace
        self._path = path
        self._writing = threading.Lock()

    def run(self) -> None:
        version = -1
        while True:
            version = self._workspace.await_news(version, seconds=60.0)
            began = time.monotonic()
            self.write()
            time.sleep(max(_PAUSE, min(_LONGEST_REST, _RESTS * (time.monotonic() - began))))

    def write(self) -> None:
        with self._writing:
            draft = self._path.with_suffix(".draft")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(snapshot(self._workspace)), encoding="utf-8")
            draft.replace(self._path)
