"""What the page's addresses do: shows a page, or takes what one form holds and does it as that person."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import parse_qs

from sandbox.slack import elements
from sandbox.slack.acts import ActFailed, Acts
from sandbox.slack.page import places
from sandbox.slack.page.pages import NOT_FOUND, Pages, elsewhere, static
from sandbox.slack.page.places import Place
from sandbox.slack.page.seats import Pending, Seat, Values
from sandbox.slack.wire import Answer, Document, SlackError
from sandbox.slack.workspace import Channel, Message, User, View, Workspace

_GONE = "This has changed since you looked. Look at it again."
Form = Mapping[str, Sequence[str]]


class Client:
    """Everybody's windows. Nobody signs in: whoever reaches the port may be anybody, as in a play."""

    def __init__(self, workspace: Workspace, acts: Acts) -> None:
        self._workspace = workspace
        self._acts = acts
        self._pages = Pages(workspace, acts)
        self._lock = threading.Lock()
        self._seats: dict[str, Seat] = {}
        self._deeds: Mapping[str, Callable[[User, Seat, Form], str | None]] = {
            "use": self._use,
            "confirm": self._confirm,
            "say": self._say,
            "home": self._open_home,
            "shortcut": self._pull_shortcut,
        }

    def answer(self, *, method: str, path: Sequence[str], content: bytes) -> Answer:
        """`path`: the decoded segments."""
        match path:
            case ("",):
                return self._pages.choose()
            case ("static", name):
                return static(name)
            case ("as", name, *rest):
                user = self._workspace.named(name)
                if user is None or user.is_bot:
                    return NOT_FOUND
                seat = self._seat(user)
                if method == "POST":
                    form = parse_qs(content.decode(errors="replace"), keep_blank_values=True)
                    return self._done(user, seat, rest, form)
                return self._shown(user, seat, rest)
        return NOT_FOUND

    def _seat(self, user: User) -> Seat:
        with self._lock:
            return self._seats.setdefault(user.id, Seat())

    def _shown(self, user: User, seat: Seat, rest: Sequence[str]) -> Answer:
        if list(rest) == ["version"]:
            headers = {"Content-Type": "text/plain", "Cache-Control": "no-store"}
            over_it = self._pages.over_it(user, seat)
            return Answer(text=f"{self._workspace.version}\n{over_it}", headers=headers)
        self._pages.prepare(user, seat)
        match rest:
            case () | ("",):
                mine = self._workspace.channels_of(user)
                return elsewhere(f"/as/{user.name}/c/{mine[0].id}" if mine else f"/as/{user.name}/home")
            case ("home",):
                return self._pages.home(user, seat)
            case ("c", identifier, *more):
                channel = self._workspace.channels.get(identifier)
                if channel is None or user.id not in channel.members:
                    return NOT_FOUND
                return self._channel_shown(user, seat, channel, more)
        return NOT_FOUND

    def _channel_shown(self, user: User, seat: Seat, channel: Channel, more: Sequence[str]) -> Answer:
        match more:
            case ():
                return self._pages.channel(user, seat, channel)
            case ("before", ts):
                return self._pages.channel(user, seat, channel, before=ts)
            case ("t", ts):
                return self._pages.thread(user, seat, channel, ts)
        return NOT_FOUND

    def _done(self, user: User, seat: Seat, rest: Sequence[str], form: Form) -> Answer:
        deed = self._deeds.get(rest[0]) if len(rest) == 1 else None
        if deed is None:
            return Answer(status=HTTPStatus.NOT_FOUND, text="There is no such form.")
        before, view = self._workspace.version, self._workspace.top_view(user)
        address: str | None = None
        try:
            address = deed(user, seat, form)
        except ActFailed as failed:
            seat.notice = str(failed)
        except (LookupError, ValueError, SlackError):
            seat.notice = _GONE
        else:
            if seat.pending is None and self._workspace.top_view(user) is view:
                self._await_app(before)
        return elsewhere(address or self._back(user, form))

    def _await_app(self, before: int) -> None:
        """The app often answers first and works then. A page that does not reload itself should show what came of it."""
        now = self._workspace.version
        if now > before:
            self._workspace.await_news(now, seconds=self._workspace.settings.news_seconds)

    def _back(self, user: User, form: Form) -> str:
        said = _one(form, "back")
        return said if said.startswith(f"/as/{user.name}/") else f"/as/{user.name}/"

    def _use(self, user: User, seat: Seat, form: Form) -> str | None:
        """Somebody pressed something in a message, a modal or Home."""
        place = places.found(self._workspace, user, seat, _one(form, "place"))
        values = places.filled_in(place, seat, form)
        seat.values[place.name] = values
        if "search" in form:
            self._search(user, seat, place, values, form)
        elif "press" in form:
            return self._press(user, seat, place, values, form)
        elif isinstance(place.thing, View):
            self._leave(user, seat, place.thing, values, form)
        return None

    def _search(self, user: User, seat: Seat, place: Place, values: Values, form: Form) -> None:
        field = _one(form, "search")
        block_id, action_id = places.ids_of(field)
        if isinstance(place.thing, View):
            place.thing.values = dict(values)
        found = self._acts.suggest(
            user, place.thing, block_id=block_id, action_id=action_id, typed=_one(form, f"q:{field}")
        )
        seat.offered[(place.name, block_id, action_id)] = found
        if not found.get("options") and not found.get("option_groups"):
            seat.notice = "Nothing fits what you typed."

    def _press(self, user: User, seat: Seat, place: Place, values: Values, form: Form) -> str | None:
        field = _one(form, "press")
        block_id, action_id = places.ids_of(field)
        _, element = elements.find(place.blocks, block_id=block_id, action_id=action_id)
        if element["type"] == "overflow":
            option = elements.chosen(element, form.get(f"v:{field}", ()))
            values = {**values, block_id: {**values.get(block_id, {}), action_id: option}}
        if "confirm" in element:
            seat.pending = Pending(
                place=place.name,
                block_id=block_id,
                action_id=action_id,
                element=element,
                values=values,
                style=element["confirm"].get("style", element.get("style", "primary")),
                back=self._back(user, form),
            )
            return None
        self._carry_out(user, place, block_id, element, values)
        return _web(element)

    def _confirm(self, user: User, seat: Seat, form: Form) -> str | None:
        pending, seat.pending = seat.pending, None
        if pending is None or _one(form, "do") != "yes":
            return None
        place = places.found(self._workspace, user, seat, pending.place)
        self._carry_out(user, place, pending.block_id, pending.element, pending.values)
        return None

    def _carry_out(self, user: User, place: Place, block_id: str, element: Document, values: Values) -> None:
        value = values.get(block_id, {}).get(str(element.get("action_id", "")))
        if isinstance(place.thing, Message):
            self._acts.press_in_message(
                user, place.thing, block_id=block_id, element=element, value=value, values=values
            )
        else:
            self._acts.press_in_view(user, place.thing, block_id=block_id, element=element, value=value, values=values)

    def _leave(self, user: User, seat: Seat, view: View, values: Values, form: Form) -> None:
        seat.errors.pop(view.id, None)
        if "submit" not in form:
            self._acts.close(user, everything="all" in form)
            return
        errors = self._acts.submit(user, view, values)
        if errors:
            seat.errors[view.id] = errors

    def _say(self, user: User, _seat: Seat, form: Form) -> None:
        channel = self._channel(user, _one(form, "channel"))
        text = _one(form, "text").strip()
        if text.startswith("/"):
            self._acts.run_command(user, channel, text, thread_ts=_one(form, "thread"))
        elif text:
            self._acts.say(user, channel, text, thread_ts=_one(form, "thread"))

    def _open_home(self, user: User, _seat: Seat, _form: Form) -> str:
        self._acts.open_home(user)
        return f"/as/{user.name}/home"

    def _pull_shortcut(self, user: User, _seat: Seat, _form: Form) -> None:
        self._acts.pull_shortcut(user)

    def _channel(self, user: User, identifier: str) -> Channel:
        """:raises LookupError: this person is not in it."""
        channel = self._workspace.channels[identifier]
        if user.id not in channel.members:
            raise LookupError(identifier)
        return channel


def _one(form: Form, name: str) -> str:
    return form[name][-1] if form.get(name) else ""


def _web(element: Document) -> str | None:
    """Where a button with an address leads to."""
    url = str(element.get("url", ""))
    return url if url.startswith(("http://", "https://")) else None
