"""views.*: modals and Home. Errors as on the pages of views.open, views.push, views.update and views.publish."""

from __future__ import annotations

import json
import secrets
import time
from typing import Any

from sandbox.slack import limits
from sandbox.slack.blocks import completed, problems_of_view
from sandbox.slack.elements import state_of
from sandbox.slack.triggers import Triggers
from sandbox.slack.wire import Document, SlackError, text_of
from sandbox.slack.workspace import User, View, Workspace, new_id

MODAL, HOME = frozenset({"modal"}), frozenset({"home"})


def view_shown(workspace: Workspace, view: View) -> Document:
    """A view as the API and interactions give it."""
    app = workspace.installation
    payload = view.payload
    return {
        "id": view.id,
        "team_id": app.team_id,
        "type": payload["type"],
        "blocks": payload["blocks"],
        "private_metadata": payload.get("private_metadata", ""),
        "callback_id": payload.get("callback_id", ""),
        "state": {"values": state_of(payload["blocks"], view.values)},
        "hash": view.hash,
        "title": payload.get("title"),
        "clear_on_close": bool(payload.get("clear_on_close", False)),
        "notify_on_close": bool(payload.get("notify_on_close", False)),
        "close": payload.get("close"),
        "submit": payload.get("submit"),
        "previous_view_id": view.previous,
        "root_view_id": view.root,
        "app_id": app.app_id,
        "external_id": payload.get("external_id", ""),
        "app_installed_team_id": app.team_id,
        "bot_id": app.bot_id,
    }


class Modals:
    """The methods, and what an app's answer to view_submission does."""

    def __init__(self, workspace: Workspace, triggers: Triggers) -> None:
        self._workspace = workspace
        self._triggers = triggers

    def open(self, arguments: Document) -> Document:
        view = self._checked(arguments.get("view"), kinds=MODAL)
        trigger = self._triggers.exchange(text_of(arguments, "trigger_id"))
        user = self._workspace.user(trigger.user)
        self._workspace.show(user, [])  # What was open before makes room.
        return {"view": view_shown(self._workspace, self._put_on_top(user, view))}

    def push(self, arguments: Document) -> Document:
        view = self._checked(arguments.get("view"), kinds=MODAL)
        trigger = self._triggers.exchange(text_of(arguments, "trigger_id"))
        if not trigger.view:
            raise SlackError("invalid_trigger_id")
        return {"view": view_shown(self._workspace, self.stack(self._workspace.user(trigger.user), view))}

    def update(self, arguments: Document) -> Document:
        payload = self._checked(arguments.get("view"), kinds=MODAL)
        view = self._named(arguments)
        _check_hash(view, text_of(arguments, "hash"))
        self.replace(view, payload)
        return {"view": view_shown(self._workspace, view)}

    def publish(self, arguments: Document) -> Document:
        payload = self._checked(arguments.get("view"), kinds=HOME)
        if not self._workspace.settings.home_tab:
            raise SlackError("not_enabled")
        user = self._workspace.user(text_of(arguments, "user_id"))
        view = self._workspace.home_of(user)
        if view is None:
            view = self._made(user, payload, previous=None)
            self._workspace.homes[user.id] = view.id
        else:
            _check_hash(view, text_of(arguments, "hash"))
            self.replace(view, payload)
        return {"view": view_shown(self._workspace, view)}

    def answered(self, view: View, body: Any) -> dict[str, str]:
        """Do what the app answered to a submission: the errors it names, by block.

        :raises SlackError: the answer cannot be followed; the person is told that something went wrong.
        """
        user = self._workspace.user(view.user)
        action = body.get("response_action") if isinstance(body, dict) else None
        if not body or action == "clear":
            self._workspace.show(user, [] if action else self._without(user, view))
            return {}
        if action == "errors":
            return self._errors(view, body.get("errors"))
        payload = self._checked(body.get("view"), kinds=MODAL)
        if action == "update":
            self.replace(view, payload)
        elif action == "push":
            self.stack(user, payload)
        else:
            raise SlackError("invalid_response_action")
        return {}

    def close(self, user: User, *, everything: bool = False) -> None:
        """The person closes the modal on top, or all of them."""
        view = self._workspace.top_view(user)
        if view is not None:
            self._workspace.show(user, [] if everything else self._without(user, view))

    def stack(self, user: User, payload: Document) -> View:
        """:raises SlackError: three are open already."""
        if len(self._workspace.stacks.get(user.id, ())) >= limits.STACKED_VIEWS:
            raise SlackError("push_limit_reached")
        return self._put_on_top(user, payload)

    def replace(self, view: View, payload: Document) -> None:
        """Show something else in its place; what was filled in stays where block and action are still there."""
        view.payload = {**payload, "blocks": completed(payload["blocks"])}
        view.hash = _new_hash()

    def _checked(self, view: Any, *, kinds: frozenset[str]) -> Document:
        if isinstance(view, dict) and len(json.dumps(view)) > limits.VIEW_BYTES:
            raise SlackError("view_too_large")
        problems = problems_of_view(view, kinds=kinds)
        if problems:
            raise SlackError("invalid_arguments", messages=problems)
        checked: Document = view
        return checked

    def _named(self, arguments: Document) -> View:
        external = text_of(arguments, "external_id")
        if external:
            for view in self._workspace.views.values():
                if view.external_id == external:
                    return view
            raise SlackError("not_found")
        return self._workspace.view_of(text_of(arguments, "view_id"))

    def _put_on_top(self, user: User, payload: Document) -> View:
        stack = self._workspace.stacks.setdefault(user.id, [])
        view = self._made(user, payload, previous=stack[-1] if stack else None)
        stack.append(view.id)
        return view

    def _made(self, user: User, payload: Document, *, previous: str | None) -> View:
        external = payload.get("external_id")
        if external and any(view.external_id == external for view in self._workspace.views.values()):
            raise SlackError("duplicate_external_id")
        identifier = new_id("V")
        view = View(
            id=identifier,
            user=user.id,
            payload={**payload, "blocks": completed(payload["blocks"])},
            hash=_new_hash(),
            root=self._workspace.views[previous].root if previous else identifier,
            previous=previous,
        )
        self._workspace.views[identifier] = view
        return view

    def _without(self, user: User, view: View) -> list[str]:
        return [each for each in self._workspace.stacks.get(user.id, ()) if each != view.id]

    def _errors(self, view: View, errors: Any) -> dict[str, str]:
        inputs = {block["block_id"] for block in view.payload["blocks"] if block["type"] == "input"}
        if not isinstance(errors, dict) or not errors or errors.keys() - inputs:
            raise SlackError("errors_of_unknown_blocks")
        return {str(block): str(sentence) for block, sentence in errors.items()}


def _check_hash(view: View, said: str) -> None:
    if said and said != view.hash:
        raise SlackError("hash_conflict")


def _new_hash() -> str:
    return f"{int(time.time())}.{secrets.token_hex(4)}"
