"""What a ticket must look like: patterns that cannot be made to search for long, whatever is written against them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

LONGEST_PATTERN = 100
LONGEST_HINT = 200
MOST_REPEATS = 200

# One mark of a pattern, and how often it stands there. Anything else (groups, back references, looking around) is
# refused, so that a match takes no more than marks times length times repeats.
_ITEM = re.compile(
    r"(?P<one>\[(?:[A-Za-z0-9_ #/:.]|-(?!-))+\]|\\d|\\[.\-+*?()\[\]{}|^$/#]|[A-Za-z0-9_ #/:-]|\.)"
    r"(?P<times>[+*?]|\{(?P<least>[0-9]{1,3})(?P<comma>,(?P<most>[0-9]{0,3}))?\})?"
)

Item = tuple[re.Pattern[str], int, int]


@dataclass(frozen=True, slots=True, order=True)
class Ticket:
    """The whole ticket must match the pattern. `hint` says it to people."""

    pattern: str
    hint: str = ""

    def fits(self, ticket: str) -> bool:
        return any(_fits(items, ticket) for items in _alternatives(self.pattern) or ())

    @property
    def said(self) -> str:
        """As the tail of a sentence."""
        return f"{self.pattern} ({self.hint.rstrip('.')})" if self.hint else self.pattern


def read_pattern(value: object) -> str | None:
    sound = isinstance(value, str) and 0 < len(value) <= LONGEST_PATTERN and _alternatives(value) is not None
    return value if isinstance(value, str) and sound else None


def read_hint(value: object) -> str | None:
    sound = isinstance(value, str) and value.isprintable() and value == value.strip() and 0 < len(value) <= LONGEST_HINT
    return value if isinstance(value, str) and sound else None


def to_json(ticket: Ticket) -> dict[str, Any]:
    return {"pattern": ticket.pattern, "hint": ticket.hint}


def from_json(values: Mapping[str, Any]) -> Ticket:
    return Ticket(values["pattern"], values["hint"])


@lru_cache(maxsize=256)
def _alternatives(pattern: str) -> tuple[tuple[Item, ...], ...] | None:
    """Each way of the pattern as its items; None when it is not of the form that we take."""
    read = [_items(way) for way in re.split(r"(?<!\\)\|", pattern)]
    ways = tuple(items for items in read if items)
    return ways if len(ways) == len(read) else None


def _items(way: str) -> tuple[Item, ...] | None:
    items, end = [], 0
    while end < len(way):
        found = _ITEM.match(way, end)
        if found is None:
            return None
        least, most = _times(found)
        try:
            items.append((re.compile(found["one"]), least, most))
        except re.error:  # a range that runs backwards
            return None
        if least > most or most > MOST_REPEATS:
            return None
        end = found.end()
    return tuple(items)


def _times(found: re.Match[str]) -> tuple[int, int]:
    simple = {None: (1, 1), "+": (1, MOST_REPEATS), "*": (0, MOST_REPEATS), "?": (0, 1)}
    if found["times"] in simple:
        return simple[found["times"]]
    least = int(found["least"])
    if found["comma"] is None:
        return least, least
    return least, int(found["most"]) if found["most"] else MOST_REPEATS


def _fits(items: tuple[Item, ...], ticket: str) -> bool:
    """All places that can be reached are followed at once, so that nothing is ever tried twice."""
    reached = {0}
    for one, least, most in items:
        reached = {end for start in reached for end in _ends(one, ticket, start, least, most)}
    return len(ticket) in reached


def _ends(one: re.Pattern[str], ticket: str, start: int, least: int, most: int) -> list[int]:
    ends = [start] if least == 0 else []
    for end in range(start + 1, min(len(ticket), start + most) + 1):
        if not one.fullmatch(ticket[end - 1]):
            break
        if end - start >= least:
            ends.append(end)
    return ends
