"""The pages: who to be, a channel, a thread, Home; over each of them the modal or the question that waits."""

from __future__ import annotations

from http import HTTPStatus
from pathlib import Path
from typing import Any

from django.template import Context, Engine

from sandbox.slack import elements
from sandbox.slack.acts import ActFailed, Acts
from sandbox.slack.messages import replies_of
from sandbox.slack.page.places import of_view
from sandbox.slack.page.seats import Seat
from sandbox.slack.page.shown import Drawing
from sandbox.slack.wire import Answer
from sandbox.slack.workspace import Channel, User, View, Workspace

_PAGE = 40
_HERE = Path(__file__).parent
_ENGINE = Engine(dirs=[str(_HERE / "templates")])
_STATIC = {"slack.css": "text/css", "slack.js": "text/javascript"}
_ALWAYS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NOT_FOUND = Answer(status=HTTPStatus.NOT_FOUND, text="There is nothing here.", headers={"Content-Type": "text/plain"})


def static(name: str) -> Answer:
    kind = _STATIC.get(name)
    if kind is None:
        return NOT_FOUND
    headers = {"Content-Type": f"{kind}; charset=utf-8", "Cache-Control": "max-age=60"}
    return Answer(content=(_HERE / "static" / name).read_bytes(), headers=headers)


def elsewhere(path: str) -> Answer:
    return Answer(status=HTTPStatus.SEE_OTHER, headers={"Location": path, **_ALWAYS})


class Pages:
    """Of one workspace."""

    def __init__(self, workspace: Workspace, acts: Acts) -> None:
        self._workspace = workspace
        self._acts = acts

    def choose(self) -> Answer:
        drawing = Drawing(self._workspace, Seat())
        people = [drawing.person(user) for user in self._workspace.users.values() if not user.is_bot]
        return self._drawn("choose.html", {"people": people, "team": self._workspace.installation.team_name})

    def prepare(self, user: User, seat: Seat) -> None:
        """Ask for the options of selects that offer some before anything is typed, as Slack does on a tap.

        Not under the workspace's lock: the app may be calling us at this moment.
        """
        with self._workspace.lock:
            view = self._workspace.top_view(user)
        if view is None:
            return
        place = of_view(view)
        for block, element in elements.interactive(place.blocks):
            key = (place.name, str(block["block_id"]), str(element["action_id"]))
            if element["type"] not in elements.EXTERNAL or element.get("min_query_length", 3) or key in seat.offered:
                continue
            try:
                seat.offered[key] = self._acts.suggest(user, view, block_id=key[1], action_id=key[2], typed="")
            except ActFailed as failed:
                seat.offered[key] = {}
                seat.notice = str(failed)

    def channel(self, user: User, seat: Seat, channel: Channel, *, before: str = "") -> Answer:
        """The newest messages, or those that come before one of them."""
        with self._workspace.lock:
            drawing = Drawing(self._workspace, seat)
            seen = self._workspace.seen_by(user, channel)
            shown = [each for each in seen if not each.thread_ts or each.reply_broadcast or each.only_for]
            shown = [each for each in shown if not before or each.ts < before]
            page = shown[-_PAGE:]
            context = {
                **self._frame(user, seat, channel),
                "messages": [drawing.message(each) for each in page],
                "earlier": page[0].ts if len(shown) > len(page) else "",
                "is_earlier": bool(before),
                "title": self._name(channel),
            }
        return self._drawn("channel.html", context)

    def thread(self, user: User, seat: Seat, channel: Channel, ts: str) -> Answer:
        with self._workspace.lock:
            first = self._workspace.message(channel.id, ts)
            if first is None:
                return NOT_FOUND
            drawing = Drawing(self._workspace, seat)
            mine = [
                each
                for each in self._workspace.seen_by(user, channel)
                if each.thread_ts == ts and each not in replies_of(self._workspace, first)
            ]
            replies = sorted([*replies_of(self._workspace, first), *mine], key=lambda each: each.ts)
            context = {
                **self._frame(user, seat, channel),
                "messages": [drawing.message(each, in_thread=True) for each in (first, *replies)],
                "thread": ts,
                "title": f"Thread in {self._name(channel)}",
                "channel_title": self._name(channel),
            }
        return self._drawn("channel.html", context)

    def home(self, user: User, seat: Seat) -> Answer:
        with self._workspace.changing():
            channel = self._workspace.direct(user)
            view = self._workspace.home_of(user)
            drawing = Drawing(self._workspace, seat)
            place = of_view(view) if view is not None else None
            context = {
                **self._frame(user, seat, channel),
                "title": "Access",
                "is_home": True,
                "home": {"place": place.name, "blocks": drawing.blocks(place)} if place is not None else None,
            }
        return self._drawn("home.html", context)

    def over_it(self, user: User, seat: Seat) -> str:
        """What lies over the page now: the question that waits, and the modal as it is. It differs when one is gone."""
        with self._workspace.lock:
            view = self._workspace.top_view(user)
            modal = f"{view.id}/{view.hash}" if view is not None else ""
            return f"{seat.pending.name if seat.pending is not None else ''} {modal}"

    def _frame(self, user: User, seat: Seat, here: Channel) -> dict[str, Any]:
        drawing = Drawing(self._workspace, seat)
        channels = self._workspace.channels_of(user)
        view = self._workspace.top_view(user)
        return {
            "me": drawing.person(user),
            "team": self._workspace.installation.team_name,
            "version": self._workspace.version,
            "over_it": self.over_it(user, seat),
            "notice": seat.take_notice(),
            "here": here,
            "channels": channels,
            "direct": self._workspace.direct(user),
            "pending": seat.pending,
            "confirm": self._confirm(seat, drawing),
            "modal": self._modal(seat, view, drawing) if view is not None else None,
        }

    def _confirm(self, seat: Seat, drawing: Drawing) -> dict[str, Any] | None:
        if seat.pending is None:
            return None
        said = seat.pending.element["confirm"]
        return {name: drawing.object(said.get(name)) for name in ("title", "text", "confirm", "deny")}

    def _modal(self, seat: Seat, view: View, drawing: Drawing) -> dict[str, Any]:
        place = of_view(view)
        payload = view.payload
        return {
            "place": place.name,
            "title": payload["title"]["text"],
            "submit": payload.get("submit", {}).get("text", ""),
            "close": payload.get("close", {}).get("text", "Cancel" if "submit" in payload else "Close"),
            "is_stacked": view.previous is not None,
            "blocks": drawing.blocks(place, errors=seat.errors.get(view.id)),
        }

    def _name(self, channel: Channel) -> str:
        return "Access" if channel.user else f"#{channel.name}"

    def _drawn(self, template: str, context: dict[str, Any]) -> Answer:
        html = _ENGINE.get_template(template).render(Context(context))
        return Answer(text=html, headers={"Content-Type": "text/html; charset=utf-8", **_ALWAYS})
