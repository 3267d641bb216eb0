"""chat.*: messages of the app. Errors as on the pages of chat.postMessage, chat.update and chat.postEphemeral."""

from __future__ import annotations

from sandbox.slack.messages import change, checked_content, post, shown
from sandbox.slack.rates import Rates
from sandbox.slack.wire import Document, SlackError, is_true, text_of
from sandbox.slack.workspace import Channel, Workspace


class Chat:
    """The methods, with the pace at which messages may come."""

    def __init__(self, workspace: Workspace, rates: Rates) -> None:
        self._workspace = workspace
        self._rates = rates

    def post_message(self, arguments: Document) -> Document:
        channel = self._place(text_of(arguments, "channel"))
        text, blocks = checked_content(arguments)
        thread = text_of(arguments, "thread_ts")
        self._check_thread(channel, thread)
        self._rates.take_post(channel.id)
        message = post(
            self._workspace,
            channel,
            text=text,
            blocks=blocks,
            thread_ts=thread,
            reply_broadcast=is_true(arguments, "reply_broadcast"),
            metadata=arguments.get("metadata"),
        )
        body = shown(self._workspace, message)
        return {"channel": channel.id, "ts": message.ts, "message": body}

    def update(self, arguments: Document) -> Document:
        workspace = self._workspace
        channel = workspace.channel(text_of(arguments, "channel"))
        if channel.is_archived:
            raise SlackError("is_archived")
        message = workspace.message(channel.id, text_of(arguments, "ts"))
        if message is None or message.only_for:
            raise SlackError("message_not_found")
        if not message.by_app:
            raise SlackError("cant_update_message")
        if workspace.settings.edit_window_closed:
            raise SlackError("edit_window_closed")
        text, blocks = checked_content(arguments)
        change(workspace, message, text=text, blocks=blocks)
        return {"channel": channel.id, "ts": message.ts, "text": text, "message": shown(workspace, message)}

    def post_ephemeral(self, arguments: Document) -> Document:
        channel = self._place(text_of(arguments, "channel"))
        user = self._workspace.user(text_of(arguments, "user"))
        if user.id not in channel.members:
            raise SlackError("user_not_in_channel")
        text, blocks = checked_content(arguments)
        thread = text_of(arguments, "thread_ts")
        message = post(self._workspace, channel, text=text, blocks=blocks, thread_ts=thread, only_for=user.id)
        return {"message_ts": message.ts}

    def permalink(self, arguments: Document) -> Document:
        channel = self._workspace.channel(text_of(arguments, "channel"))
        ts = text_of(arguments, "message_ts")
        if self._workspace.message(channel.id, ts) is None:
            raise SlackError("message_not_found")
        origin = self._workspace.origin
        return {"channel": channel.id, "permalink": f"{origin}/archives/{channel.id}/p{ts.replace('.', '')}"}

    def _place(self, said: str) -> Channel:
        """Where a message goes: a channel, by id or name, or a person, whose conversation with the app it opens."""
        workspace = self._workspace
        if said in workspace.users:
            user = workspace.users[said]
            if user.deleted or user.is_bot or user.team_id != workspace.installation.team_id:
                raise SlackError("channel_not_found")
            return workspace.direct(user)
        named = workspace.channel_named(said.removeprefix("#"))
        channel = workspace.channel(named.id if named is not None else said)
        if not workspace.has_bot(channel):
            raise SlackError("not_in_channel")
        if channel.is_archived:
            raise SlackError("is_archived")
        return channel

    def _check_thread(self, channel: Channel, ts: str) -> None:
        if ts:
            parent = self._workspace.message(channel.id, ts)
            if parent is None or parent.only_for:
                raise SlackError("thread_not_found")
