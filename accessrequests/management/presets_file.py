"""Reads the presets of a target: asks that people there often need, ready to be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accessrequests.domain.kinds import METHODS
from accessrequests.domain.privileges import is_role
from accessrequests.domain.window import InvalidDuration, format_duration, parse_duration
from accessrequests.management.documents import Section, line, lines

MOST = 12
_KEYS = ("name", "roles", "duration", "reason_hint", "clusters", "authentication")
_ROLES = "a list of roles or single actions, like read@shop.orders or find,update@shop.orders"
_LENGTH = "a length like PT1H, of at least a second"


def presets(target: Section, offers: Mapping[str, Any], wrong: list[str]) -> list[dict[str, Any]]:
    """Each by its name, once; what the policy says to it is judged when it is asked for."""
    none = list[Any]()
    found = target.take("presets", _entries, f"a list of at most {MOST}", default=none, needed=False)
    read = [_preset(target, number, entry, offers, wrong) for number, entry in enumerate(found, start=1)]
    names = [one["name"] for one in read]
    twice = sorted({name for name in names if names.count(name) > 1})
    wrong += [f"{target.who}: there are several presets called {name}. Give each a name of its own." for name in twice]
    return read


def _preset(target: Section, number: int, entry: object, offers: Mapping[str, Any], wrong: list[str]) -> dict[str, Any]:
    section = Section(f"{target.who}, preset {number}", entry, _KEYS, wrong)
    none = list[str]()
    methods: Sequence[str] = offers["authentication"]
    method = section.take("authentication", line(16), "one of the target's", default="", needed=False)
    if method and method not in methods:
        wrong.append(f"{section.who}: the target offers {', '.join(methods)}, not {method[:32]}.")
    return {
        "name": section.take("name", line(60), "one short line of text", default=""),
        "roles": section.take("roles", _roles, _ROLES, default=none),
        "duration": section.take("duration", _duration, _LENGTH, default=""),
        "reason_hint": section.take("reason_hint", line(200), "one line of text", default="", needed=False),
        "clusters": section.take("clusters", lines(64), "a list of clusters, each once", default=none, needed=False),
        "authentication": method if method in METHODS else "",
    }


def _entries(value: object) -> list[Any] | None:
    return value if isinstance(value, list) and len(value) <= MOST else None


def _roles(value: object) -> list[str] | None:
    found = lines(300)(value)
    return found if found and all(map(is_role, found)) else None


def _duration(value: object) -> str | None:
    try:
        return format_duration(parse_duration(value)) if isinstance(value, str) else None
    except InvalidDuration:
        return None
