"""Slack's Web API: a message posted, drawn anew or whispered. Every failure is one of two: later, or never.

Methods and errors: docs.slack.dev, reference/methods (chat.postMessage, chat.update, chat.postEphemeral,
conversations.history, conversations.replies); rate limits: docs.slack.dev, apis/web-api/rate-limits (HTTP 429 with Retry-After in seconds).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web import SlackResponse

from accessrequests.domain import slack_links
from accessrequests.domain.block_kit import Block, Message
from accessrequests.domain.slack_places import ChannelState, state_of
from accessrequests.domain.wording import one_line

SECONDS = 2
LONGEST_CHANNEL = 80
STOPPED = "Slack takes nothing from us now. The health page says why."
STOPPED_PAUSE = timedelta(minutes=1)
TOO_MANY = 429
SERVER_ERROR = 500
SKEW = timedelta(minutes=5)  # between Slack's clock and ours
MOST_LOOKED_AT = 999  # what one page of a channel's history may hold
# An operator, or Slack itself, mends these; the message is as good as before then.
_LATER = frozenset(
    {
        *("ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"),
        *("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope"),
        *("not_in_channel", "team_access_not_granted", "accesslimited"),
    }
)
_NO_TOKEN = frozenset({"invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"})
# Who is told something that others are not to see has left the channel, or the channel cannot have it.
_NOT_THERE = frozenset({"user_not_in_channel", "channel_not_found", "not_in_channel", "messages_tab_disabled"})


class NotSent(Exception):
    """Slack did not take it now. `after` seconds it may; the text names no secret."""

    def __init__(self, sentence: str, *, after: float = 0.0) -> None:
        super().__init__(sentence)
        self.after = after


class NeverSent(Exception):
    """Slack will not take it, however often it is tried. `name`: Slack's word for why, where it has said one."""

    def __init__(self, sentence: str, *, name: str = "") -> None:
        super().__init__(sentence)
        self.name = name


class Outdated(NeverSent):
    """Slack has another view than the one that this was to replace."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where Slack has put a message: of a person's, the direct channel, which is what an update needs."""

    channel: str
    ts: str


def post(channel: str, message: Message, *, thread_ts: str = "") -> Place:
    """:raises NotSent: to be tried again.
    :raises NeverSent: not to be tried again.
    """
    answer = _called(
        lambda: _client().chat_postMessage(
            channel=channel,
            text=message.text,
            blocks=list(message.blocks),
            thread_ts=thread_ts or None,
            unfurl_links=False,
            unfurl_media=False,
        )
    )
    return Place(str(answer["channel"]), str(answer["ts"]))


def find(channel: str, marker: str, *, thread_ts: str, since: datetime) -> Place | None:
    """A message that was posted since then and whose first block has this id; none where we may not look.

    :raises NotSent: when Slack does not say now.
    """
    place: dict[str, Any] = {"channel": channel, "oldest": str((since - SKEW).timestamp()), "limit": MOST_LOOKED_AT}
    client = _client()
    try:
        answer: Any = _called(
            lambda: (
                client.conversations_replies(**place, ts=thread_ts)
                if thread_ts
                else client.conversations_history(**place)
            ),
            never=frozenset({"missing_scope"}),
        )
    except NeverSent:
        return None
    for message in answer.get("messages", []):
        blocks = message.get("blocks") or [{}]
        if blocks[0].get("block_id") == marker:
            return Place(channel, str(message["ts"]))
    return None


@dataclass(frozen=True, slots=True)
class Seen:
    """How a channel is, and what it is called where Slack says so."""

    state: ChannelState
    name: str = ""


def look_at(channel: str) -> Seen:
    """What stands in a channel is read by all who are in it: it must be of our company alone, alive, and have us in it.

    A private channel that the app is not in is none that Slack tells of.

    :raises NotSent: when Slack does not say now.
    :raises NeverSent: when it does not say at all.
    """
    try:
        found: Any = _called(lambda: _client().conversations_info(channel=channel))["channel"]
    except NeverSent as error:
        if error.name == "channel_not_found":
            return Seen(ChannelState.ABSENT)
        raise
    state = state_of(
        is_shared=bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared")),
        is_archived=bool(found.get("is_archived")),
        is_member=bool(found.get("is_member")),
    )
    return Seen(state, one_line(str(found.get("name") or ""), LONGEST_CHANNEL))


def why_no_token() -> str:
    """Why Slack refuses the app's token, in its own word; nothing when it takes it.

    :raises NotSent: when Slack does not say now.
    :raises NeverSent: when it says something else.
    """
    try:
        _called(lambda: _client().auth_test(), never=_NO_TOKEN)
    except NeverSent as error:
        if error.name in _NO_TOKEN:
            return error.name
        raise
    return ""


def is_member(user: str) -> bool:
    """Whether an account is a full one of somebody of the workspace.

    :raises NotSent: when Slack does not say now.
    :raises NeverSent: when it does not say at all.
    """
    found: Any = _called(lambda: _client().users_info(user=user), never=frozenset({"missing_scope"}))["user"]
    return slack_links.is_member(found)


def update(place: Place, message: Message) -> None:
    """Both text and blocks, always: without blocks Slack takes away those that are there.

    :raises NotSent: to be tried again.
    :raises NeverSent: not to be tried again.
    """
    _called(
        lambda: _client().chat_update(
            channel=place.channel, ts=place.ts, text=message.text, blocks=list(message.blocks)
        )
    )


def publish(user: str, view: Block, *, known_hash: str = "") -> str:
    """The Home of one person; Slack's own mark of it, which guards the next one.

    docs.slack.dev, reference/methods/views.publish.

    :raises Outdated: when Slack does not have the one that is marked `known_hash`.
    :raises NotSent: to be tried again.
    :raises NeverSent: not to be tried again.
    """
    answer = _called(lambda: _client().views_publish(user_id=user, view=view, hash=known_hash or None))
    found: Any = answer.get("view") or {}
    return str(found.get("hash", ""))[:64]


def whisper(channel: str, user: str, message: Message, *, thread_ts: str = "") -> None:
    """To one person, in the channel where they pressed; directly, where that cannot be.

    :raises NotSent: to be tried again.
    :raises NeverSent: not to be tried again.
    """
    try:
        _called(
            lambda: _client().chat_postEphemeral(
                channel=channel,
                user=user,
                text=message.text,
                blocks=list(message.blocks),
                thread_ts=thread_ts or None,
            ),
            never=_NOT_THERE,
        )
    except NeverSent:
        post(user, message)


def _client() -> WebClient:
    return WebClient(
        token=settings.ACCESS_SLACK_BOT_TOKEN,
        base_url=settings.ACCESS_SLACK_API_URL,
        timeout=SECONDS,
        retry_handlers=[],  # a handler makes one bounded call; when it is made again stands in the outbox
    )


def _called(call: Callable[[], SlackResponse], *, never: frozenset[str] = frozenset()) -> SlackResponse:
    try:
        return call()
    except SlackApiError as error:
        answer: Any = error.response
        status, name = int(answer.status_code), str(answer.get("error", ""))
        if status == TOO_MANY:
            raise NotSent("Slack asks for patience.", after=_seconds(answer.headers)) from error
        if name == "hash_conflict":
            raise Outdated("Slack has another view already.") from error
        if status < SERVER_ERROR and (name in never or name not in _LATER):
            raise NeverSent(f"Slack refused it ({name[:60]}).", name=name) from error
        raise NotSent(f"Slack did not take it ({name[:60] or status}).") from error
    except (SlackClientError, OSError, ValueError) as error:
        raise NotSent(f"Slack did not answer ({type(error).__name__}).") from error


def _seconds(headers: Any) -> float:
    """HTTP has names of headers in any case; without a number it is the usual one second."""
    for name, value in headers.items():
        if str(name).lower() == "retry-after":
            said = value[0] if isinstance(value, list) else value
            return float(said) if str(said).isdigit() else 1.0
    return 1.0
