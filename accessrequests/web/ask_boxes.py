"""What the form of an ask has to tick and to choose: things to want, roles, single actions, and lengths."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta

from accessrequests.domain import policy
from accessrequests.domain.actions import COLLECTION_ACTIONS, SEARCH_ACTIONS, SINGLE_ACTIONS
from accessrequests.domain.privileges import Level, Privilege, Resource, level_of
from accessrequests.domain.window import LENGTHS, format_duration, parse_duration, spell_duration
from accessrequests.queries.offers import OfferedRole, Outlook, Want, cost_of, suggested
from accessrequests.web.ask_scope import Choice

MOST_PLACES = 100  # Whoever has more than that names others under “More roles”.
_TONES = {Level.READ: "ok", Level.WRITE: "warn"}


@dataclass(frozen=True, slots=True)
class Box:
    """One role to tick, or one thing to want."""

    id: str
    value: str
    title: str
    hint: str
    level: str
    tone: str
    cost: str
    is_ticked: bool


@dataclass(frozen=True, slots=True)
class Chip:
    """One length to choose."""

    id: str
    value: str
    words: str
    is_ticked: bool
    is_too_long: bool


def want_boxes(wants: Sequence[Want], outlook: Outlook, wanted: str) -> list[Box]:
    return [
        Box(
            f"id_want_{number}",
            one.role,
            one.title,
            one.hint,
            one.level.value,
            _TONES.get(one.level, "bad"),
            cost_of(outlook.get(one.level)),
            one.role == wanted,
        )
        for number, one in enumerate(wants)
    ]


def role_boxes(roles: Sequence[OfferedRole], outlook: Outlook, ticked: Collection[str]) -> list[tuple[str, list[Box]]]:
    """The boxes to tick, one group for each reach."""
    groups: dict[str, list[Box]] = {}
    for number, role in enumerate(roles):
        tone, cost = _TONES.get(role.level, "bad"), cost_of(outlook.get(role.level))
        box = Box(f"id_role_{number}", role.name, role.name, "", role.level.value, tone, cost, role.name in ticked)
        groups.setdefault(f"Reaches {role.reach}", []).append(box)
    return list(groups.items())


def action_boxes(outlook: Outlook, ticked: Collection[str], *, has_search: bool) -> list[tuple[str, list[Box]]]:
    """What can be done to one collection, one group for each thing that it is about."""
    offered = COLLECTION_ACTIONS if has_search else COLLECTION_ACTIONS - SEARCH_ACTIONS
    groups = []
    for about, actions in SINGLE_ACTIONS.items():
        boxes = [_action_box(action, words, outlook, ticked) for action, words in actions.items() if action in offered]
        if boxes:
            groups.append((about, boxes))
    return groups


def place_boxes(collections: Sequence[str], ticked: Collection[str]) -> list[tuple[str, list[Choice]]]:
    """Collections to tick beside the chosen one, one group for each database."""
    groups: dict[str, list[Choice]] = {}
    shown = [one for number, one in enumerate(collections) if number < MOST_PLACES or one in ticked]
    for number, place in enumerate(shown if len(collections) > 1 else ()):
        database, _, collection = place.partition(".")
        box = Choice(f"id_place_{number}", place, collection, "", place in ticked)
        groups.setdefault(database, []).append(box)
    return list(groups.items())


def level_of_actions(actions: Collection[str]) -> Level:
    """How much trust they need on an ordinary collection."""
    return level_of([Privilege(Resource("any", "any"), frozenset(actions))])


def _action_box(action: str, words: str, outlook: Outlook, ticked: Collection[str]) -> Box:
    level = level_of_actions([action])
    tone, cost = _TONES.get(level, "bad"), cost_of(outlook.get(level))
    return Box(f"id_single_{action}", action, action, words.capitalize(), level.value, tone, cost, action in ticked)


def chips(maximum: timedelta | None, chosen: str) -> list[Chip]:
    return [
        Chip(f"id_duration_{number}", value, _short(value), value == chosen, bool(maximum and length > maximum))
        for number, (value, length) in enumerate((one, parse_duration(one)) for one in _lengths(chosen))
    ]


def fitting(verdict: policy.Verdict | None) -> str:
    """The length that is chosen before anybody has chosen one."""
    return format_duration(suggested(verdict))


def _lengths(chosen: str) -> list[str]:
    """The chips, and the chosen length where it is none of them."""
    try:
        extra = [] if not chosen or chosen in LENGTHS else [format_duration(parse_duration(chosen))]
    except ValueError:
        extra = []
    return sorted({*LENGTHS, *extra}, key=parse_duration)


def _short(value: str) -> str:
    words = {"hours": "h", "hour": "h", "minutes": "min", "minute": "min", "days": "d", "day": "d", "seconds": "s"}
    return " ".join(words.get(word, word) for word in spell_duration(parse_duration(value)).split())
