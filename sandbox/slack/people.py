"""users.* and conversations.*: who is who, and which channels there are."""

from __future__ import annotations

from sandbox.slack.messages import replies_of, shown
from sandbox.slack.wire import Document, SlackError, is_true, text_of
from sandbox.slack.workspace import Channel, User, Workspace

_PAGE = 100


def user_shown(workspace: Workspace, user: User) -> Document:
    """With the address only for who may see it."""
    app = workspace.installation
    profile: Document = {"real_name": user.real_name, "display_name": user.name}
    if "users:read.email" in workspace.scopes:
        profile["email"] = user.email
    body: Document = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.real_name,
        "deleted": user.deleted,
        "tz": "Etc/UTC",
        "profile": profile,
        "is_admin": user.is_admin,
        "is_bot": user.is_bot,
        "is_app_user": False,
        "is_workflow_bot": user.is_workflow_bot,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        "is_email_confirmed": user.is_email_confirmed,
        "is_stranger": user.is_stranger,
    }
    if user.is_invited_user:
        body["is_invited_user"] = True
    if app.enterprise_id and user.team_id == app.team_id:
        body["enterprise_user"] = {"id": user.id, "enterprise_id": app.enterprise_id, "teams": [app.team_id]}
    return body


def channel_shown(workspace: Workspace, channel: Channel) -> Document:
    if channel.user:
        return {"id": channel.id, "is_im": True, "user": channel.user, "is_archived": False}
    return {
        "id": channel.id,
        "name": channel.name,
        "is_channel": not channel.is_private,
        "is_group": False,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_member": workspace.has_bot(channel),
        "is_shared": channel.is_ext_shared,
        "is_org_shared": False,
        "is_ext_shared": channel.is_ext_shared,
        "is_pending_ext_shared": channel.is_pending_ext_shared,
        "topic": {"value": channel.topic},
        "context_team_id": workspace.installation.team_id,
    }


class People:
    """The methods of one workspace."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace

    def auth_test(self, _arguments: Document) -> Document:
        app = self._workspace.installation
        body = {
            "url": f"{self._workspace.origin}/",
            "team": app.team_name,
            "user": self._workspace.users[app.bot_user].name,
            "team_id": app.team_id,
            "user_id": app.bot_user,
            "bot_id": app.bot_id,
            "is_enterprise_install": False,
        }
        return body | ({"enterprise_id": app.enterprise_id} if app.enterprise_id else {})

    def user_info(self, arguments: Document) -> Document:
        user = self._workspace.user(text_of(arguments, "user"))
        return {"user": user_shown(self._workspace, user)}

    def lookup_by_email(self, arguments: Document) -> Document:
        address = text_of(arguments, "email").casefold()
        home = self._workspace.installation.team_id
        for user in self._workspace.users.values():
            is_there = not user.deleted and not user.is_bot and user.team_id == home
            if is_there and user.email.casefold() == address:
                return {"user": user_shown(self._workspace, user)}
        raise SlackError("users_not_found")

    def conversation_info(self, arguments: Document) -> Document:
        channel = self._workspace.channel(text_of(arguments, "channel"))
        body = channel_shown(self._workspace, channel)
        if is_true(arguments, "include_num_members"):
            body["num_members"] = len(channel.members)
        return {"channel": body}

    def conversation_list(self, arguments: Document) -> Document:
        kinds = (text_of(arguments, "types") or "public_channel").split(",")
        without_archived = is_true(arguments, "exclude_archived")
        found = [
            channel
            for channel in self._workspace.channels.values()
            if not channel.user
            and ("private_channel" if channel.is_private else "public_channel") in kinds
            and (not channel.is_private or self._workspace.has_bot(channel))
            and not (without_archived and channel.is_archived)
        ]
        body = [channel_shown(self._workspace, channel) for channel in sorted(found, key=lambda each: each.name)]
        return {"channels": body, "response_metadata": {"next_cursor": ""}}

    def conversation_history(self, arguments: Document) -> Document:
        """The newest first, without what stands in threads."""
        channel = self._workspace.channel(text_of(arguments, "channel"))
        if not self._workspace.has_bot(channel):
            raise SlackError("not_in_channel")
        oldest = float(text_of(arguments, "oldest") or "0")
        size = min(int(text_of(arguments, "limit") or _PAGE), 999)
        known = self._workspace.messages.get(channel.id, ())
        seen = [each for each in known if not each.only_for and (not each.thread_ts or each.reply_broadcast)]
        found = [shown(self._workspace, each) for each in reversed(seen) if float(each.ts) > oldest]
        return {"messages": found[:size], "has_more": len(found) > size}

    def conversation_replies(self, arguments: Document) -> Document:
        channel = self._workspace.channel(text_of(arguments, "channel"))
        if not self._workspace.has_bot(channel):
            raise SlackError("not_in_channel")
        first = self._workspace.message(channel.id, text_of(arguments, "ts"))
        if first is None or first.only_for:
            raise SlackError("thread_not_found")
        oldest = text_of(arguments, "oldest") or "0"
        begin = int(text_of(arguments, "cursor") or 0)
        size = min(int(text_of(arguments, "limit") or _PAGE), 1000)
        thread = [first, *(each for each in replies_of(self._workspace, first) if float(each.ts) > float(oldest))]
        page = [shown(self._workspace, each) for each in thread[begin : begin + size]]
        has_more = len(thread) > begin + size
        cursor = str(begin + size) if has_more else ""
        return {"messages": page, "has_more": has_more, "response_metadata": {"next_cursor": cursor}}
