"""The forms that Slack shows, and what was typed into them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from accessrequests.domain import block_kit
from accessrequests.domain.block_kit import Block, inert
from accessrequests.domain.window import format_duration, parse_duration, spell_duration

DENY = "deny"
SHORTER = "shorter"
LONGEST_REASON = 2_000
_LENGTHS = ("PT15M", "PT30M", "PT1H", "PT2H", "PT4H", "PT8H", "PT12H", "P1D", "P3D", "P7D", "P30D")


def deny(number: int, revision: int, *, title: str) -> Block:
    hint = "The requester reads this, so say what to ask for instead."
    return block_kit.modal(
        callback=DENY,
        title=f"Deny request {number}"[: block_kit.LONGEST_TITLE],
        submit="Deny",
        private=_private(number, revision),
        blocks=[
            block_kit.section(inert(title, 300)),
            block_kit.text_input("reason", "Why not", hint=hint, longest=LONGEST_REASON),
        ],
    )


def shorter(number: int, revision: int, *, longest: timedelta) -> Block:
    choices = [block_kit.option(spell_duration(one), format_duration(one)) for one in lengths(longest)]
    return block_kit.modal(
        callback=SHORTER,
        title="Approve for less",
        submit="Approve",
        private=_private(number, revision),
        blocks=[
            block_kit.asked("duration", "For how long", block_kit.select("duration", choices, initial=choices[-1])),
            block_kit.text_input("comment", "Comment", hint="The requester reads this.", optional=True),
        ],
    )


def lengths(longest: timedelta) -> list[timedelta]:
    """The usual ones up to the longest, which is the last."""
    usual = [length for length in map(parse_duration, _LENGTHS) if length < longest]
    return [*usual, longest]


def about(private_metadata: str) -> tuple[int, int]:
    """Which request a form is about, and at which reading; none where it does not say."""
    try:
        held = json.loads(private_metadata)
        return int(held["r"]), int(held["v"])
    except (ValueError, KeyError, TypeError):
        return 0, 0


def typed(values: object, name: str) -> str:
    """What stands in a field: text, or the value of what was chosen."""
    block = values.get(name) if isinstance(values, Mapping) else None
    element: Any = block.get(name) if isinstance(block, Mapping) else None
    if not isinstance(element, Mapping):
        return ""
    chosen = element.get("selected_option")
    value = chosen.get("value") if isinstance(chosen, Mapping) else element.get("value")
    return value if isinstance(value, str) else ""


def _private(number: int, revision: int) -> str:
    return json.dumps({"r": number, "v": revision})
