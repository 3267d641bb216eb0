"""What can be pressed, chosen or typed in blocks: where it stands, what it holds, and how that is told to the app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sandbox.slack.wire import Document

SELECTS = frozenset({"static_select", "external_select", "radio_buttons"})
MULTIPLE = frozenset({"multi_static_select", "multi_external_select", "checkboxes"})
TYPED = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})
EXTERNAL = frozenset({"external_select", "multi_external_select"})
_HELD = {
    **dict.fromkeys(SELECTS | {"overflow"}, ("selected_option", "initial_option")),
    **dict.fromkeys(MULTIPLE, ("selected_options", "initial_options")),
    **dict.fromkeys(TYPED, ("value", "initial_value")),
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "users_select": ("selected_user", "initial_user"),
}


def interactive(blocks: Sequence[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Document]]:
    """Every element that somebody can use, with its block."""
    for block in blocks:
        kind = block.get("type")
        found: list[Any] = []
        if kind == "section":
            found = [block.get("accessory")]
        elif kind == "actions":
            found = list(block.get("elements", ()))
        elif kind == "input":
            found = [block.get("element")]
        for element in found:
            if isinstance(element, dict) and element.get("type") != "image":
                yield block, element


def find(blocks: Sequence[Mapping[str, Any]], *, block_id: str, action_id: str) -> tuple[Mapping[str, Any], Document]:
    """:raises LookupError: it does not stand there."""
    for block, element in interactive(blocks):
        if (block["block_id"], element["action_id"]) == (block_id, action_id):
            return block, element
    raise LookupError(action_id)


def options_of(element: Mapping[str, Any]) -> list[Document]:
    """Every option of an element, whatever group it is in."""
    groups = element.get("option_groups") or ()
    return [*element.get("options", ()), *(option for group in groups for option in group.get("options", ()))]


def initial(element: Mapping[str, Any]) -> Document:
    """What it holds before anybody touched it, as `state.values` says it."""
    kind = str(element["type"])
    held, given = _HELD[kind]
    return {"type": kind, held: element.get(given, [] if kind in MULTIPLE else None)}


def chosen(element: Mapping[str, Any], said: Sequence[str], *, offered: Sequence[Document] = ()) -> Document:
    """What it holds after somebody filled in a form; `offered` are the options of a select that asks the app."""
    kind = str(element["type"])
    held, _ = _HELD[kind]
    # What was chosen before stands among the options of the element as well: each counts once.
    by_value = {option["value"]: option for option in [*offered, *options_of(element)] if option.get("value") in said}
    options = list(by_value.values())
    last = said[-1] if said else ""
    if kind in MULTIPLE:
        return {"type": kind, held: options}
    if kind in SELECTS or kind == "overflow":
        return {"type": kind, held: options[0] if options else None}
    if kind == "datetimepicker":
        return {"type": kind, held: _seconds(last)}
    return {"type": kind, held: last or None}


def held(state: Mapping[str, Any]) -> Any:
    """The value itself, out of an entry of `state.values`."""
    return state.get(_HELD[str(state["type"])][0])


def state_of(
    blocks: Sequence[Mapping[str, Any]], values: Mapping[str, Mapping[str, Document]]
) -> dict[str, dict[str, Document]]:
    """`state.values` of blocks: what somebody filled in, and what stands in the rest from the beginning."""
    state: dict[str, dict[str, Document]] = {}
    for block, element in interactive(blocks):
        if element["type"] in _HELD and element["type"] != "overflow":
            block_id, action_id = str(block["block_id"]), str(element["action_id"])
            known = values.get(block_id, {}).get(action_id)
            fits = known is not None and known["type"] == element["type"]
            state.setdefault(block_id, {})[action_id] = known if known is not None and fits else initial(element)
    return state


def action_of(element: Mapping[str, Any], *, block_id: str, value: Document | None, at: str) -> Document:
    """The entry of `actions` for what was just pressed or chosen."""
    action: Document = {
        "type": element["type"],
        "action_id": element["action_id"],
        "block_id": block_id,
        "action_ts": at,
    }
    if element["type"] == "button":
        kept = {name: element[name] for name in ("value", "style", "url") if name in element}
        return {**action, "text": element["text"], **kept}
    return {**action, **(value or {})}


def _seconds(said: str) -> int | None:
    """What `<input type="datetime-local">` says, taken as UTC, or seconds as they are."""
    if said.isdecimal():
        return int(said)
    return int(datetime.fromisoformat(said).replace(tzinfo=UTC).timestamp()) if said else None
