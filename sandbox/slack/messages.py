"""Messages: posted, changed, made ephemeral, and as the Web API shows them."""

from __future__ import annotations

import hashlib
from typing import Any

from sandbox.slack import limits
from sandbox.slack.blocks import completed, problems_of_message
from sandbox.slack.wire import Document, SlackError
from sandbox.slack.workspace import Channel, Message, User, Workspace


def shown(workspace: Workspace, message: Message) -> Document:
    """A message as the API and interactions give it."""
    app = workspace.installation
    body: Document = {"type": "message", "user": message.user, "text": message.text, "ts": message.ts}
    if message.by_app:
        body |= {"bot_id": app.bot_id, "app_id": app.app_id}
    body["team"] = app.team_id
    if message.blocks:
        body["blocks"] = message.blocks
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
        if message.reply_broadcast:
            body["subtype"] = "thread_broadcast"
    replies = replies_of(workspace, message)
    if replies and not message.thread_ts:
        body |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "latest_reply": replies[-1].ts,
            "reply_users": sorted({each.user for each in replies}),
        }
    if message.edited:
        body["edited"] = {"user": message.user, "ts": message.edited}
    if message.metadata is not None:
        body["metadata"] = message.metadata
    return body


def replies_of(workspace: Workspace, message: Message) -> list[Message]:
    """What everybody sees in its thread."""
    known = workspace.messages.get(message.channel, ())
    return [each for each in known if each.thread_ts == message.ts and not each.only_for]


def checked_content(arguments: Document) -> tuple[str, list[Document] | None]:
    """Text and blocks of a message; None where no blocks were sent at all.

    :raises SlackError: it holds nothing, too much, or blocks that are none.
    """
    text, blocks = arguments.get("text"), arguments.get("blocks")
    if text is not None and not isinstance(text, str):
        raise SlackError("invalid_arguments", messages=["must provide a string [json-pointer:/text]"])
    if isinstance(blocks, str):
        raise SlackError("invalid_blocks_format")
    if blocks:
        problems = problems_of_message(blocks)
        if problems:
            raise SlackError("invalid_blocks", messages=problems)
    if not text and not blocks and not arguments.get("attachments"):
        raise SlackError("no_text")
    if len(text or "") > limits.MESSAGE_TEXT:
        raise SlackError("msg_too_long")
    return text or "", None if blocks is None else completed(blocks)


def post(
    workspace: Workspace,
    channel: Channel,
    *,
    text: str,
    blocks: list[Document] | None = None,
    by: User | None = None,
    thread_ts: str = "",
    reply_broadcast: bool = False,
    only_for: str = "",
    metadata: Any = None,
) -> Message:
    """Put a message there; `by` is a person, and without one it is the app's."""
    message = Message(
        ts=workspace.new_ts(),
        channel=channel.id,
        user=by.id if by is not None else workspace.installation.bot_user,
        text=text,
        blocks=list(blocks or ()),
        thread_ts=thread_ts,
        reply_broadcast=reply_broadcast,
        by_app=by is None,
        only_for=only_for,
        metadata=metadata if isinstance(metadata, dict) else None,
    )
    workspace.messages.setdefault(channel.id, []).append(message)
    return message


def change(workspace: Workspace, message: Message, *, text: str, blocks: list[Document] | None) -> None:
    """With blocks they are replaced, and nothing says so; text alone takes the blocks away and marks it as edited."""
    message.text = text
    message.blocks = list(blocks or ())
    if not blocks:
        message.edited = workspace.new_ts()


def remove(workspace: Workspace, message: Message) -> None:
    workspace.messages[message.channel].remove(message)


def fingerprint(message: Message) -> str:
    """Changes when what can be pressed does, so that nobody presses what is not there any more."""
    return hashlib.sha256(repr((message.text, message.blocks)).encode()).hexdigest()[:16]
