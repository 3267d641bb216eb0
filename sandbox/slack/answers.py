"""What the app writes to a response_url: a message for the person, for the channel, or in place of what was pressed.

As on Slack's page "Handling user interaction": five uses within thirty minutes.
"""

from __future__ import annotations

from sandbox.slack.messages import change, checked_content, post, remove
from sandbox.slack.triggers import ResponseUrl, Triggers
from sandbox.slack.wire import Document, SlackError, is_true, text_of
from sandbox.slack.workspace import Workspace


class Responses:
    """Of one workspace."""

    def __init__(self, workspace: Workspace, triggers: Triggers) -> None:
        self._workspace = workspace
        self._triggers = triggers

    def take(self, token: str, arguments: Document) -> Document:
        """:raises SlackError: the address is dead, or what was sent is no message."""
        address = self._triggers.use_url(token)
        self.write(address, arguments)
        return {"ok": True}

    def write(self, address: ResponseUrl, arguments: Document) -> None:
        """:raises SlackError: it is no message, or what it should replace is gone."""
        workspace = self._workspace
        original = workspace.message(address.channel, address.ts) if address.ts else None
        if is_true(arguments, "delete_original"):
            if original is None:
                raise SlackError("message_not_found")
            remove(workspace, original)
            return
        text, blocks = checked_content(arguments)
        if is_true(arguments, "replace_original"):
            if original is None:
                raise SlackError("message_not_found")
            change(workspace, original, text=text, blocks=blocks)
            return
        everybody = text_of(arguments, "response_type") == "in_channel"
        post(
            workspace,
            workspace.channels[address.channel],
            text=text,
            blocks=blocks,
            thread_ts=text_of(arguments, "thread_ts") or address.thread_ts,
            only_for="" if everybody else address.user,
        )
