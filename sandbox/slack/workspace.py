"""The workspace: its people, channels, messages and views, kept in memory under one lock."""

from __future__ import annotations

import secrets
import string
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sandbox.desk import Adjustable
from sandbox.slack.wire import Document, SlackError

_LETTERS = string.ascii_uppercase + string.digits


def new_id(letter: str) -> str:
    """Such as U0A1B2C3D4E."""
    return letter + "0" + "".join(secrets.choice(_LETTERS) for _ in range(9))


@dataclass(slots=True)
class Settings(Adjustable):
    """How strict and how slow it is; the seed's values are Slack's own."""

    post_burst: int = 3  # Messages in one channel at once; then one a second.
    rate_limits: bool = True
    trigger_seconds: float = 3.0
    response_url_seconds: float = 1800.0
    response_url_uses: int = 5
    answer_seconds: float = 3.0  # How long an answer of the app is waited for.
    second_retry_seconds: float = 60.0  # The first comes at once.
    third_retry_seconds: float = 300.0
    news_seconds: float = 1.0  # How long a form of the page waits for what the app does after it has answered.
    edit_window_closed: bool = False
    home_tab: bool = True


@dataclass(slots=True)
class User:
    """A member, the app's bot, or somebody of another organisation."""

    id: str
    name: str
    real_name: str
    email: str
    team_id: str
    deleted: bool = False
    is_bot: bool = False
    is_workflow_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False
    is_invited_user: bool = False
    is_email_confirmed: bool = True
    is_admin: bool = False


@dataclass(slots=True)
class Channel:
    """A channel, or (`user` is set) the conversation of one person with the app."""

    id: str
    name: str
    members: list[str] = field(default_factory=list)
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    is_pending_ext_shared: bool = False
    topic: str = ""
    user: str = ""


@dataclass(slots=True)
class Message:
    """One message; with `only_for` an ephemeral one, which nobody else sees and nothing can change."""

    ts: str
    channel: str
    user: str
    text: str
    blocks: list[Document] = field(default_factory=list)
    thread_ts: str = ""
    reply_broadcast: bool = False
    by_app: bool = True
    edited: str = ""
    only_for: str = ""
    metadata: Document | None = None


@dataclass(slots=True)
class View:
    """A modal, or (`type` is home) somebody's Home."""

    id: str
    user: str
    payload: Document
    hash: str
    root: str
    previous: str | None = None
    values: Document = field(default_factory=dict)

    @property
    def external_id(self) -> str:
        return str(self.payload.get("external_id", ""))


@dataclass(frozen=True, slots=True)
class Installation:
    """Who the app is in this workspace, and with what it proves it."""

    team_id: str
    team_name: str
    team_domain: str
    app_id: str
    bot_id: str
    bot_user: str
    bot_token: str
    app_token: str
    signing_secret: str
    enterprise_id: str = ""
    enterprise_name: str = ""


class Workspace:
    """Everything that is there. Whoever reads or changes it holds `lock`; `changing` also wakes who waits for news."""

    def __init__(self, installation: Installation, *, origin: str = "http://127.0.0.1") -> None:
        self.installation = installation
        self.origin = origin
        self.settings = Settings()
        self.lock = threading.RLock()
        self._news = threading.Condition(self.lock)
        self.version = 0
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.messages: dict[str, list[Message]] = {}
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}  # The modals that somebody sees, the one on top last.
        self.homes: dict[str, str] = {}
        self.scopes: set[str] = set()
        self.is_revoked = False
        self._last_ts = 0

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self.lock:
            yield
            self.version += 1
            self._news.notify_all()

    def await_news(self, version: int, *, seconds: float) -> int:
        """Wait until something has changed after `version`, or the time is over; the version then."""
        with self.lock:
            self._news.wait_for(lambda: self.version != version, timeout=seconds)
            return self.version

    def new_ts(self) -> str:
        """A timestamp that no other message has; Slack's are microseconds, and so they sort."""
        self._last_ts = max(self._last_ts + 1, int(time.time() * 1_000_000))
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06}"

    def remember_ts(self, ts: str) -> None:
        """What was there before a restart is older than what comes."""
        seconds, _, rest = ts.partition(".")
        self._last_ts = max(self._last_ts, int(seconds) * 1_000_000 + int(rest or 0))

    def user(self, identifier: str, *, otherwise: str = "user_not_found") -> User:
        """:raises SlackError: there is no such user."""
        found = self.users.get(identifier)
        if found is None:
            raise SlackError(otherwise)
        return found

    def slackbot(self) -> User:
        """Who says what Slack itself has to say."""
        team = self.installation.team_id
        bot = User("USLACKBOT", "slackbot", "Slackbot", "", team, is_bot=True)
        return self.users.setdefault(bot.id, bot)

    def named(self, name: str) -> User | None:
        return next((user for user in self.users.values() if user.name == name), None)

    def channel(self, identifier: str) -> Channel:
        """:raises SlackError: there is no such channel, or the bot may not see it."""
        found = self.channels.get(identifier)
        if found is None or (found.is_private and not self.has_bot(found)):
            raise SlackError("channel_not_found")
        return found

    def channel_named(self, name: str) -> Channel | None:
        return next((channel for channel in self.channels.values() if channel.name == name and not channel.user), None)

    def has_bot(self, channel: Channel) -> bool:
        return self.installation.bot_user in channel.members

    def direct(self, user: User) -> Channel:
        """The conversation of this person with the app, which the first message opens."""
        for channel in self.channels.values():
            if channel.user == user.id:
                return channel
        members = [user.id, self.installation.bot_user]
        made = Channel(id=new_id("D"), name=user.name, members=members, is_private=True, user=user.id)
        self.channels[made.id] = made
        return made

    def message(self, channel: str, ts: str) -> Message | None:
        return next((each for each in self.messages.get(channel, ()) if each.ts == ts), None)

    def seen_by(self, user: User, channel: Channel) -> list[Message]:
        """What this person sees there, oldest first."""
        return [each for each in self.messages.get(channel.id, ()) if each.only_for in ("", user.id)]

    def channels_of(self, user: User) -> list[Channel]:
        mine = [each for each in self.channels.values() if user.id in each.members and not each.user]
        return sorted(mine, key=lambda each: each.name)

    def view_of(self, identifier: str) -> View:
        """:raises SlackError: it is not there, or nobody sees it any more."""
        found = self.views.get(identifier)
        if found is None:
            raise SlackError("not_found")
        return found

    def top_view(self, user: User) -> View | None:
        stack = self.stacks.get(user.id)
        return self.views[stack[-1]] if stack else None

    def show(self, user: User, stack: list[str]) -> None:
        """These modals and no others; what nobody sees any more is gone."""
        for gone in set(self.stacks.get(user.id, ())) - set(stack):
            del self.views[gone]
        self.stacks[user.id] = stack

    def home_of(self, user: User) -> View | None:
        identifier = self.homes.get(user.id)
        return self.views[identifier] if identifier else None

    def add_channel(self, said: Mapping[str, Any]) -> Channel:
        channel = Channel(**said)
        self.channels[channel.id] = channel
        return channel
