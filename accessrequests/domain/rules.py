"""The rules of a policy, and how they are read from a plain document."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TypeVar

from accessrequests.domain import conditions as terms
from accessrequests.domain.approvals import Step
from accessrequests.domain.conditions import Conditions
from accessrequests.domain.documents import Section
from accessrequests.domain.privileges import Level
from accessrequests.domain.window import InvalidDuration, parse_duration

LONGEST_REASON = 2_000
LONGEST_WORD = 64
MOST_PEOPLE = 20
DEFAULT_LAPSE = timedelta(hours=8)

NOTHING: Sequence[object] = ()
A_NAME = "a short name of a-z, 0-9, dot, dash and underscore"
A_LIST = "a list of group and people, empty for automatic access"
SOME_GROUPS = "a list with at least one group"
A_LENGTH = "a length like PT8H"
A_REASON = f"a number from 0 to {LONGEST_REASON}"

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_LEVELS_ON_OFFER = (Level.READ, Level.WRITE, Level.ADMIN)
_RULE_KEYS = (
    "name", "match", "eligible", "approvals", "maximum", "reason_minimum", "lapses_after", "deny",
    *terms.KEYS,
)  # fmt: skip

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Match:
    """Which asks a rule is about. Empty means any."""

    environments: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    levels: frozenset[Level] = frozenset()

    def fits(self, *, environment: str, target: str, level: Level) -> bool:
        return (
            (not self.environments or environment in self.environments)
            and (not self.targets or target in self.targets)
            and (not self.levels or level in self.levels)
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """What one rule demands of the asks that it matches. Only a rule that denies may leave the maximum out."""

    name: str
    match: Match
    eligible: frozenset[str]
    approvals: tuple[Step, ...]
    maximum: timedelta | None
    reason_minimum: int = 1
    lapses_after: timedelta = DEFAULT_LAPSE
    deny: bool = False
    conditions: Conditions = field(default_factory=Conditions)


@dataclass(frozen=True, slots=True)
class Rules:
    """A whole policy. A published one never changes; a new version takes its place."""

    name: str
    rules: tuple[Rule, ...]


class InvalidPolicy(ValueError):
    """The document is not a policy. `sentences` name every rule and key that must be put right."""

    def __init__(self, sentences: Collection[str]) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = tuple(sentences)


def parse(document: object) -> Rules:
    """Read a policy from the plain values of its document, strictly: what we do not understand, we refuse.

    :raises InvalidPolicy: with one sentence for each thing that is wrong.
    """
    wrong: list[str] = []
    reader = Section("The policy", document, ("name", "rules"), wrong)
    name = reader.take("name", _name, A_NAME, default="")
    entries = reader.take("rules", _filled_list, "a list with at least one rule", default=NOTHING)
    rules = tuple(_rule(entry, number, wrong) for number, entry in enumerate(entries, start=1))
    names = [rule.name for rule in rules]
    twice = sorted({one for one in names if one and names.count(one) > 1})
    wrong += [f"Rule {one}: the name is used more than once. Give each rule a name of its own." for one in twice]
    if wrong:
        raise InvalidPolicy(wrong)
    return Rules(name=name, rules=rules)


def _rule(entry: object, number: int, wrong: list[str]) -> Rule:
    named = _name(entry.get("name")) if isinstance(entry, Mapping) else None
    who = f"Rule {named}" if named else f"Rule number {number}"
    reader = Section(who, entry, _RULE_KEYS, wrong)
    deny = reader.take("deny", _yes_or_no, "true or false", default=False, needed=False)
    approvals = reader.take("approvals", _list, A_LIST, default=NOTHING, needed=not deny)
    maximum = reader.take("maximum", _length, A_LENGTH, default=None, needed=not deny)
    return Rule(
        name=reader.take("name", _name, A_NAME, default=""),
        match=_match(reader.take("match", _mapping, "keys with lists", default={}), who, wrong),
        eligible=reader.take(
            "eligible", _words if deny else _groups, SOME_GROUPS, default=frozenset(), needed=not deny
        ),
        approvals=_steps(approvals, who, wrong),
        maximum=maximum,
        reason_minimum=reader.take("reason_minimum", _reason, A_REASON, default=1, needed=False),
        lapses_after=reader.take("lapses_after", _length, A_LENGTH, default=DEFAULT_LAPSE, needed=False),
        deny=deny,
        conditions=terms.read(reader),
    )


def _match(entry: Mapping[object, object], who: str, wrong: list[str]) -> Match:
    reader = Section(f"{who}, match", entry, ("environments", "targets", "levels"), wrong)
    levels = "a list of read, write and admin"
    return Match(
        environments=reader.take("environments", _words, "a list of environments", default=frozenset(), needed=False),
        targets=reader.take("targets", _words, "a list of targets", default=frozenset(), needed=False),
        levels=reader.take("levels", _levels, levels, default=frozenset(), needed=False),
    )


def _steps(entries: Sequence[object], who: str, wrong: list[str]) -> tuple[Step, ...]:
    steps: list[Step] = []
    for entry in entries:
        reader = Section(f"{who}, approvals", entry, ("group", "people"), wrong)
        group = reader.take("group", _word, "the name of a group", default="")
        people = reader.take("people", _people, f"a number from 1 to {MOST_PEOPLE}", default=1)
        if group and any(step.group == group for step in steps):
            wrong.append(f"{who}, approvals: the group {group} is named twice. Name it once, with all its people.")
        steps.append(Step(group=group, needed=people))
    return tuple(steps)


def _name(value: object) -> str | None:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def _word(value: object) -> str | None:
    sound = isinstance(value, str) and value.isprintable() and value == value.strip() and 0 < len(value) <= LONGEST_WORD
    return value if isinstance(value, str) and sound else None


def _words(value: object) -> frozenset[str] | None:
    words = [_word(one) for one in value] if isinstance(value, list) else [None]
    return None if None in words else frozenset(word for word in words if word)


def _groups(value: object) -> frozenset[str] | None:
    return _words(value) or None


def _levels(value: object) -> frozenset[Level] | None:
    words = _words(value)
    return frozenset(map(Level, words)) if words is not None and words <= set(_LEVELS_ON_OFFER) else None


def _mapping(value: object) -> Mapping[object, object] | None:
    return value if isinstance(value, Mapping) else None


def _filled_list(value: object) -> Sequence[object] | None:
    return _list(value) or None


def _list(value: object) -> Sequence[object] | None:
    return value if isinstance(value, list) else None


def _length(value: object) -> timedelta | None:
    try:
        return parse_duration(value)
    except InvalidDuration:
        return None


def _yes_or_no(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _reason(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LONGEST_REASON else None


def _people(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_PEOPLE else None
