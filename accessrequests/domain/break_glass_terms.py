"""What a rule says about access in an emergency, and what several rules say together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from accessrequests.domain import forms
from accessrequests.domain.tables import Form, Key, Reader, Table
from accessrequests.domain.window import format_duration, parse_duration

LONGEST = timedelta(hours=4)
USUAL = timedelta(hours=1)
REVIEW_WITHIN = timedelta(hours=24)
MOST_USES = 100


@dataclass(frozen=True, slots=True)
class Cooldown:
    """After so many uses within so long, a second person is needed."""

    person: int = 2
    person_within: timedelta = timedelta(days=7)
    target: int = 5
    target_within: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Terms:
    """Empty groups are nobody. `roles` is None where any will do that cannot give access away."""

    tells: frozenset[str]
    review_by: frozenset[str]
    roles: frozenset[str] | None = None
    maximum: timedelta = LONGEST
    default: timedelta = USUAL
    review_within: timedelta = REVIEW_WITHIN
    cooldown: Cooldown = field(default_factory=Cooldown)


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """What one rule says: who may, and on which terms."""

    eligible: frozenset[str]
    terms: Terms


_COUNT = forms.number(1, MOST_USES)
COOLDOWN: Table = {
    "person": Key(_COUNT, "Uses of one person within person_within, before a second person is needed.", 2),
    "person_within": Key(forms.LENGTH, "The time over which one person's uses are counted.", timedelta(days=7)),
    "target": Key(_COUNT, "Uses on one target within target_within, before a second person is needed.", 5),
    "target_within": Key(forms.LENGTH, "The time over which one target's uses are counted.", timedelta(days=1)),
}
ROLES = Form(
    forms.read_words,
    "a list of roles like read@shop; leave it out for any role",
    {"type": "array", "items": {"type": "string", "minLength": 3}},
)
_LENGTH = forms.length_up_to(LONGEST)
TABLE: Table = {
    "eligible": Key(forms.GROUPS, "Who may use it. An empty list: nobody.", frozenset(), needed=True),
    "tells": Key(forms.GROUPS, "Who is told at once; each of them can end it.", frozenset(), needed=True),
    "review_by": Key(forms.GROUPS, "Who may review a use afterwards.", frozenset(), needed=True),
    "roles": Key(ROLES, "The only roles that may be asked for. Left out: any that is not delegating."),
    "maximum": Key(_LENGTH, "The longest time.", LONGEST),
    "default": Key(_LENGTH, "The time that is suggested.", USUAL),
    "review_within": Key(forms.LENGTH, "How soon a use must have been reviewed.", REVIEW_WITHIN),
    "cooldown": Key(forms.part("keys with numbers and lengths", COOLDOWN), "When a second person is needed."),
}


def read(rule: Reader) -> BreakGlass:
    """From the `break_glass` of a rule."""
    entry = rule["break_glass"]
    path = (*rule.path, "break_glass")
    reader = Reader(f"{rule.who}, break_glass", entry, TABLE, rule.wrong, path)
    cooldown = reader["cooldown"]
    counts = Reader(f"{reader.who}, cooldown", cooldown or {}, COOLDOWN, rule.wrong, (*path, "cooldown"))
    values = {name: reader[name] for name in TABLE if name not in {"cooldown", "eligible"}}
    if values["default"] > values["maximum"]:
        # A short maximum is enough to say; a default that was written must fit it.
        if "default" in entry:
            reader.note("the default is longer than the maximum", "default")
        values["default"] = values["maximum"]
    return BreakGlass(reader["eligible"], Terms(**values, cooldown=Cooldown(**counts.values)))


def combined(several: Sequence[Terms]) -> Terms:
    """The strictest of each, of at least one: everybody is told whom any of them tells."""
    narrowed = [one.roles for one in several if one.roles is not None]
    maximum = min(one.maximum for one in several)
    return Terms(
        tells=frozenset.union(*(one.tells for one in several)),
        review_by=frozenset.intersection(*(one.review_by for one in several)),
        roles=frozenset.intersection(*narrowed) if narrowed else None,
        maximum=maximum,
        default=min(maximum, *(one.default for one in several)),
        review_within=min(one.review_within for one in several),
        cooldown=Cooldown(
            person=min(one.cooldown.person for one in several),
            person_within=max(one.cooldown.person_within for one in several),
            target=min(one.cooldown.target for one in several),
            target_within=max(one.cooldown.target_within for one in several),
        ),
    )


def to_json(terms: Terms) -> dict[str, Any]:
    return {
        "tells": sorted(terms.tells),
        "review_by": sorted(terms.review_by),
        "roles": None if terms.roles is None else sorted(terms.roles),
        "maximum": format_duration(terms.maximum),
        "default": format_duration(terms.default),
        "review_within": format_duration(terms.review_within),
        "cooldown": {
            "person": terms.cooldown.person,
            "person_within": format_duration(terms.cooldown.person_within),
            "target": terms.cooldown.target,
            "target_within": format_duration(terms.cooldown.target_within),
        },
    }


def from_json(values: Mapping[str, Any]) -> Terms:
    counts = values["cooldown"]
    return Terms(
        tells=frozenset(values["tells"]),
        review_by=frozenset(values["review_by"]),
        roles=None if values["roles"] is None else frozenset(values["roles"]),
        maximum=parse_duration(values["maximum"]),
        default=parse_duration(values["default"]),
        review_within=parse_duration(values["review_within"]),
        cooldown=Cooldown(
            person=counts["person"],
            person_within=parse_duration(counts["person_within"]),
            target=counts["target"],
            target_within=parse_duration(counts["target_within"]),
        ),
    )
