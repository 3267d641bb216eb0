"""Where something can be pressed: a message, a modal or a Home; and what a posted form says was filled in there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from sandbox.slack import elements
from sandbox.slack.page.seats import Seat, Values
from sandbox.slack.wire import Document
from sandbox.slack.workspace import Message, User, View, Workspace

Form = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Place:
    """`name` is `m/<channel>/<ts>` or `v/<view>/<hash>`, as forms and caches call it."""

    name: str
    thing: Message | View
    values: Values

    @property
    def blocks(self) -> list[Document]:
        if isinstance(self.thing, View):
            blocks: list[Document] = self.thing.payload["blocks"]
            return blocks
        return self.thing.blocks


def of_message(message: Message, seat: Seat) -> Place:
    name = f"m/{message.channel}/{message.ts}"
    return Place(name=name, thing=message, values=seat.values.get(name, {}))


def of_view(view: View) -> Place:
    return Place(name=f"v/{view.id}/{view.hash}", thing=view, values=view.values)


def found(workspace: Workspace, user: User, seat: Seat, name: str) -> Place:
    """:raises LookupError: this person does not see it, or no longer in this form."""
    kind, _, rest = name.partition("/")
    first, _, second = rest.partition("/")
    if kind == "m":
        channel = workspace.channels[first]
        message = workspace.message(first, second)
        if message is None or user.id not in channel.members or message.only_for not in ("", user.id):
            raise LookupError(name)
        return of_message(message, seat)
    view = workspace.views[first]
    if view.user != user.id or kind != "v":
        raise LookupError(name)
    return of_view(view)


def field_of(block_id: str, action_id: str) -> str:
    return f"{quote(block_id, safe='')}/{quote(action_id, safe='')}"


def ids_of(name: str) -> tuple[str, str]:
    block_id, _, action_id = name.partition("/")
    return unquote(block_id), unquote(action_id)


def filled_in(place: Place, seat: Seat, form: Form) -> Values:
    """Everything that the form holds, as `state.values` says it."""
    values: Values = {}
    for block, element in elements.interactive(place.blocks):
        if element["type"] in ("button", "overflow"):
            continue
        block_id, action_id = str(block["block_id"]), str(element["action_id"])
        field = field_of(block_id, action_id)
        said = form.get(f"v:{field}")
        before = place.values.get(block_id, {}).get(action_id)
        if said is None and f"here:{field}" not in form:
            if before is not None:
                values.setdefault(block_id, {})[action_id] = before
            continue
        offered = elements.options_of(seat.offered.get((place.name, block_id, action_id), {}))
        values.setdefault(block_id, {})[action_id] = elements.chosen(
            element, said or (), offered=[*offered, *_kept(before), *_kept(elements.initial(element))]
        )
    return values


def _kept(state: Document | None) -> list[Document]:
    """Options chosen before, which the app may not offer any more."""
    held = elements.held(state) if state is not None else None
    if isinstance(held, dict):
        return [held]
    return [option for option in held if isinstance(option, dict)] if isinstance(held, list) else []
