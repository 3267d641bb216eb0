"""The methods of the Web API: what each needs, how often it may be called, and what carries it out.

Scopes and tiers are those of the methods' pages in Slack's reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.slack.chat import Chat
from sandbox.slack.modals import Modals
from sandbox.slack.people import People
from sandbox.slack.sockets import Sockets
from sandbox.slack.wire import Document, SlackError, text_of
from sandbox.slack.workspace import Workspace

SCOPES = frozenset(
    {
        *("chat:write", "commands", "users:read", "users:read.email", "channels:read", "groups:read"),
        *("channels:history", "groups:history"),
    }
)
APP_SCOPE = "connections:write"


@dataclass(frozen=True, slots=True)
class Method:
    """`scopes`: all are needed. `by_app_token`: it takes the app's token and no other. `reads`: it changes nothing."""

    call: Callable[[Document], Document]
    scopes: tuple[str, ...] = ()
    tier: int = 4
    by_app_token: bool = False
    reads: bool = False


def methods(*, workspace: Workspace, chat: Chat, modals: Modals, sockets: Sockets) -> Mapping[str, Method]:
    people = People(workspace)

    def open_connection(_arguments: Document) -> Document:
        address = workspace.origin.replace("http", "ws", 1)
        return {"url": f"{address}/socket?ticket={sockets.ticket()}&app_id={workspace.installation.app_id}"}

    return {
        "auth.test": Method(people.auth_test, reads=True),
        "apps.connections.open": Method(open_connection, tier=1, by_app_token=True, reads=True),
        "chat.postMessage": Method(chat.post_message, ("chat:write",)),
        "chat.update": Method(chat.update, ("chat:write",), tier=3),
        "chat.postEphemeral": Method(chat.post_ephemeral, ("chat:write",)),
        "chat.getPermalink": Method(chat.permalink, reads=True),
        "views.open": Method(modals.open),
        "views.push": Method(modals.push),
        "views.update": Method(modals.update),
        "views.publish": Method(modals.publish),
        "users.info": Method(people.user_info, ("users:read",), reads=True),
        "users.lookupByEmail": Method(people.lookup_by_email, ("users:read.email",), tier=3, reads=True),
        "conversations.info": Method(people.conversation_info, ("channels:read",), tier=3, reads=True),
        "conversations.list": Method(people.conversation_list, ("channels:read",), tier=2, reads=True),
        "conversations.history": Method(people.conversation_history, ("channels:history",), tier=3, reads=True),
        "conversations.replies": Method(people.conversation_replies, ("channels:history",), tier=3, reads=True),
    }


# In a private channel another scope is needed than in a public one.
_PRIVATE = {"channels:read": "groups:read", "channels:history": "groups:history"}
_DIRECT = {"channels:read": "im:read", "channels:history": "im:history"}


def check_scopes(workspace: Workspace, method: Method, arguments: Document) -> None:
    """:raises SlackError: the bot lacks one."""
    channel = workspace.channels.get(text_of(arguments, "channel"))
    other: Mapping[str, str] = {}
    if channel is not None:
        other = _DIRECT if channel.user else _PRIVATE if channel.is_private else {}
    for scope in method.scopes:
        needed = other.get(scope, scope)
        if needed not in workspace.scopes:
            raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(workspace.scopes)))
