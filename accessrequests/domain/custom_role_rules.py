"""Who may change the custom roles of a project, and who has to agree: rules of their own beside those for access."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from accessrequests.domain.approvals import Step, combined
from accessrequests.domain.forms import read_name
from accessrequests.domain.language import DEFAULT_LAPSE, ROLE_DENIAL, ROLE_MATCH, ROLE_RULE, STEP
from accessrequests.domain.privileges import Level
from accessrequests.domain.tables import Finding, Reader
from accessrequests.domain.window import format_duration, parse_duration, spell_duration

# Stands where a rule's name would; a rule cannot be called so, because a name holds no space.
NO_RULE = "no matching rule"
NO_DELEGATING = "no delegating access"
NO_ROOM = "no room left"
_DELEGATING = "This role can give or change access itself, which is always refused. Take that out."


@dataclass(frozen=True, slots=True)
class RoleRule:
    """What one rule says of the changes that it matches. Empty means any."""

    name: str
    environments: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    levels: frozenset[Level] = frozenset()
    eligible: frozenset[str] = frozenset()
    approvals: tuple[Step, ...] = ()
    lapses_after: timedelta = DEFAULT_LAPSE
    deny: bool = False

    def fits(self, ask: RoleAsk) -> bool:
        return (
            (not self.environments or ask.environment in self.environments)
            and (not self.targets or ask.target in self.targets)
            and (not self.levels or ask.level in self.levels)
        )


@dataclass(frozen=True, slots=True)
class RoleAsk:
    """A change, as far as rules look at it: of the old and the new content, the level that needs more trust."""

    target: str
    environment: str
    level: Level
    person: str
    groups: frozenset[str]


@dataclass(frozen=True, slots=True, order=True)
class RoleRefusal:
    """A rule that says no, and its sentence."""

    rule: str
    sentence: str


@dataclass(frozen=True, slots=True)
class RoleVerdict:
    """What the policy says about a change of a custom role."""

    level: Level
    steps: tuple[Step, ...]
    rules: tuple[str, ...]
    refusals: tuple[RoleRefusal, ...]
    lapses_after: timedelta
    policy: str
    version: int

    @property
    def allowed(self) -> bool:
        return not self.refusals

    @property
    def automatic(self) -> bool:
        return self.allowed and not self.steps

    @property
    def sentences(self) -> list[str]:
        if self.refusals:
            return [refusal.sentence for refusal in self.refusals]
        who = " and ".join(f"{step.needed} of {step.group}" for step in self.steps)
        if not who:
            return ["Nobody has to approve it."]
        return [f"{who} must approve it.", _lapses(self.lapses_after)]


def read(entries: Sequence[object], wrong: list[Finding]) -> tuple[RoleRule, ...]:
    """The rules of a policy's document; what is wrong with them is noted."""
    return tuple(_read(entry, number, wrong) for number, entry in enumerate(entries))


def evaluate(rules: Iterable[RoleRule], ask: RoleAsk, *, policy: str, version: int) -> RoleVerdict:
    """All rules that match hold together, so that another one can only tighten; none that matches is a no."""
    matching = [rule for rule in rules if rule.fits(ask)]
    refusals = [refusal for rule in matching for refusal in _refusals(rule, ask)]
    if not matching:
        sentence = (
            f"No rule of the policy {policy} is about custom roles of the level {ask.level} on {ask.target}. "
            "Ask an administrator for one (custom_roles), or for the access itself."
        )
        refusals.append(RoleRefusal(NO_RULE, sentence))
    if ask.level is Level.DELEGATING:
        refusals.append(RoleRefusal(NO_DELEGATING, _DELEGATING))
    return RoleVerdict(
        level=ask.level,
        steps=combined(*(rule.approvals for rule in matching)),
        rules=tuple(rule.name for rule in matching),
        refusals=tuple(refusals),
        lapses_after=min((rule.lapses_after for rule in matching), default=DEFAULT_LAPSE),
        policy=policy,
        version=version,
    )


def stricter(one: RoleVerdict, other: RoleVerdict) -> RoleVerdict:
    """Both must hold; what is said is said by the newer of the two."""
    newest = max(one, other, key=lambda verdict: verdict.version)
    return RoleVerdict(
        level=max(one.level, other.level),
        steps=combined(one.steps, other.steps),
        rules=tuple(dict.fromkeys((*one.rules, *other.rules))),
        refusals=tuple(sorted({*one.refusals, *other.refusals})),
        lapses_after=min(one.lapses_after, other.lapses_after),
        policy=newest.policy,
        version=newest.version,
    )


def refused(verdict: RoleVerdict, sentence: str) -> RoleVerdict:
    """The same, and no room for it."""
    return replace(verdict, refusals=(RoleRefusal(NO_ROOM, sentence), *verdict.refusals))


def to_json(verdict: RoleVerdict) -> dict[str, Any]:
    return {
        "allowed": verdict.allowed,
        "automatic": verdict.automatic,
        "level": verdict.level.value,
        "steps": [{"group": step.group, "needed": step.needed} for step in verdict.steps],
        "lapses_after": format_duration(verdict.lapses_after),
        "sentences": verdict.sentences,
        "rules": list(verdict.rules),
        "policy": {"name": verdict.policy, "version": verdict.version},
    }


def from_json(values: Mapping[str, Any]) -> RoleVerdict:
    """A verdict that was kept: only what was allowed is."""
    return RoleVerdict(
        level=Level(values["level"]),
        steps=tuple(Step(step["group"], step["needed"]) for step in values["steps"]),
        rules=tuple(values["rules"]),
        refusals=(),
        lapses_after=parse_duration(values["lapses_after"]),
        policy=values["policy"]["name"],
        version=values["policy"]["version"],
    )


def in_words(rules: Sequence[RoleRule]) -> list[tuple[str, str]]:
    """Each rule's name and what it says, for people."""
    return [(rule.name, " ".join(_words(rule))) for rule in rules]


def _read(entry: object, number: int, wrong: list[Finding]) -> RoleRule:
    written = entry if isinstance(entry, Mapping) else {}
    named = read_name(written.get("name"))
    who = f"Rule {named} of custom_roles" if named else f"Rule number {number + 1} of custom_roles"
    table = ROLE_DENIAL if written.get("deny") is True else ROLE_RULE
    reader = Reader(who, entry, table, wrong, ("custom_roles", number))
    match = Reader(f"{who}, match", reader["match"], ROLE_MATCH, wrong, (*reader.path, "match"))
    return RoleRule(
        name=reader["name"],
        environments=match["environments"],
        targets=match["targets"],
        levels=frozenset(map(Level, match["levels"])),
        eligible=reader["eligible"],
        approvals=combined(_steps(reader)),
        lapses_after=reader["lapses_after"],
        deny=reader["deny"],
    )


def _steps(rule: Reader) -> Iterable[Step]:
    for number, entry in enumerate(rule["approvals"]):
        path = (*rule.path, "approvals", number)
        reader = Reader(f"{rule.who}, approvals", entry, STEP, rule.wrong, path)
        yield Step(group=reader["group"], needed=reader["people"])


def _refusals(rule: RoleRule, ask: RoleAsk) -> Iterable[RoleRefusal]:
    if rule.deny:
        sentence = f"Rule {rule.name} refuses every change of custom roles of the level {ask.level} on {ask.target}."
        yield RoleRefusal(rule.name, sentence)
    elif not rule.eligible & ask.groups:
        groups = " or ".join(sorted(rule.eligible))
        yield RoleRefusal(
            rule.name, f"Rule {rule.name} is for people of {groups}, and {ask.person} is not one of them."
        )


def _words(rule: RoleRule) -> Iterable[str]:
    places = [*sorted(rule.environments), *sorted(rule.targets)]
    levels = " or ".join(level.value for level in Level if level in rule.levels)
    yield f"Custom roles{f' of the level {levels}' if levels else ''}{f' on {_or(places)}' if places else ''}:"
    if rule.deny:
        yield "nobody may change them."
        return
    yield f"people of {_or(sorted(rule.eligible))} may propose a change."
    who = " and ".join(f"{step.needed} of {step.group}" for step in rule.approvals)
    yield f"{who} must approve it. {_lapses(rule.lapses_after)}" if who else "Nobody has to approve it."


def _lapses(after: timedelta) -> str:
    return f"Without an answer it lapses after {spell_duration(after)}."


def _or(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"
