"""What an interaction lets the app do: open a modal within three seconds, once, and write to its response_url."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass

from sandbox.slack.wire import SlackError
from sandbox.slack.workspace import Settings


@dataclass(slots=True)
class Trigger:
    user: str
    view: str  # The modal in which it was pulled, if it was one.
    made_at: float
    is_used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    user: str
    channel: str
    ts: str  # The message in which something was pressed, if there is one.
    made_at: float
    is_ephemeral: bool = False
    thread_ts: str = ""
    uses: int = 0


class Triggers:
    """Those of one workspace, under its lock."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._triggers: dict[str, Trigger] = {}
        self._urls: dict[str, ResponseUrl] = {}

    def pull(self, *, user: str, view: str = "") -> str:
        identifier = f"{secrets.randbelow(10**13)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
        self._triggers[identifier] = Trigger(user=user, view=view, made_at=time.time())
        return identifier

    def exchange(self, identifier: str) -> Trigger:
        """:raises SlackError: it is none, too old, or used already."""
        trigger = self._triggers.get(identifier)
        if trigger is None:
            raise SlackError("invalid_trigger_id")
        if trigger.is_used:
            raise SlackError("exchanged_trigger_id")
        if time.time() - trigger.made_at > self._settings.trigger_seconds:
            raise SlackError("expired_trigger_id")
        trigger.is_used = True
        return trigger

    def open_url(
        self, *, user: str, channel: str, ts: str = "", is_ephemeral: bool = False, thread_ts: str = ""
    ) -> str:
        """The end of a path, which is all that somebody needs to know to use it."""
        token = f"{secrets.randbelow(10**13)}/{secrets.token_urlsafe(18)}"
        self._urls[token] = ResponseUrl(
            user=user, channel=channel, ts=ts, made_at=time.time(), is_ephemeral=is_ephemeral, thread_ts=thread_ts
        )
        return token

    def use_url(self, token: str) -> ResponseUrl:
        """:raises SlackError: it is none, too old, or used up."""
        found = self._urls.get(token)
        if found is None:
            raise SlackError("invalid_token")
        if time.time() - found.made_at > self._settings.response_url_seconds:
            raise SlackError("expired_url")
        if found.uses >= self._settings.response_url_uses:
            raise SlackError("used_url")
        found.uses += 1
        return found
