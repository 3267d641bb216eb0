"""May this be asked, who must approve, how long, and why: one pure decision that explains itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from accessrequests.domain import conditions as terms
from accessrequests.domain.approvals import (
    Given,
    Step,
    combined,
    filled,
    groups_wanted,
    is_complete,
    open_steps,
    slot_for,
)
from accessrequests.domain.conditions import Conditions
from accessrequests.domain.networks import Network
from accessrequests.domain.privileges import Level
from accessrequests.domain.rules import DEFAULT_LAPSE, InvalidPolicy, Match, Rule, Rules, parse
from accessrequests.domain.window import format_duration, parse_duration, spell_duration

__all__ = [
    "NO_DELEGATING",
    "NO_ROOM",
    "NO_RULE",
    "Ask",
    "Given",
    "InvalidPolicy",
    "Level",
    "Match",
    "Refusal",
    "Rule",
    "Rules",
    "Step",
    "Verdict",
    "evaluate",
    "filled",
    "from_json",
    "groups_wanted",
    "is_complete",
    "open_steps",
    "parse",
    "refused",
    "slot_for",
    "stricter",
    "to_json",
]

# Stand where a rule's name would; a rule cannot be called so, because a name holds no space.
NO_RULE = "no matching rule"
NO_DELEGATING = "no delegating access"
NO_ROOM = "no room left"


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, as far as a policy looks at it. What is None was not written yet, so it is not judged.

    `is_unscoped`: the target has clusters, and none of them was named. `person` is the user name of whoever is in the `groups`, so that a refusal can name them.
    """

    target: str
    environment: str
    level: Level
    groups: frozenset[str]
    duration: timedelta
    reason_length: int | None
    person: str = ""
    authentication: str | None = None
    is_unscoped: bool = False
    networks: tuple[Network, ...] | None = None


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A rule that says no, its sentence, and which part of the ask it is about where it is one."""

    rule: str
    sentence: str
    about: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says about an ask. Without a maximum no rule matched, and nothing is allowed."""

    allowed: bool
    automatic: bool
    level: Level
    steps: tuple[Step, ...]
    maximum: timedelta | None
    reason_minimum: int
    lapses_after: timedelta
    conditions: Conditions
    sentences: tuple[str, ...]
    rules: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    policy: str
    version: int


def evaluate(rules: Rules, ask: Ask, *, version: int) -> Verdict:
    """All rules that match hold together, so that another rule can only tighten; none that matches is a no."""
    matching = [
        rule for rule in rules.rules if rule.match.fits(environment=ask.environment, target=ask.target, level=ask.level)
    ]
    refusals = [refusal for rule in matching for refusal in _refusals(rule, ask)]
    if not matching:
        sentence = f"No rule of the policy {rules.name} allows {ask.level} on {ask.target}. {_what_instead(ask)}"
        refusals.append(Refusal(NO_RULE, sentence))
    if ask.level is Level.DELEGATING:
        sentence = "These roles can give or change access itself, which is always refused. Ask for roles without that."
        refusals.append(Refusal(NO_DELEGATING, sentence))
    return _verdict(
        allowed=not refusals,
        level=ask.level,
        steps=combined(*(rule.approvals for rule in matching)),
        maximum=_least(rule.maximum for rule in matching),
        reason_minimum=max((rule.reason_minimum for rule in matching), default=0),
        lapses_after=min((rule.lapses_after for rule in matching), default=DEFAULT_LAPSE),
        conditions=terms.combined(rule.conditions for rule in matching),
        rules={rule.name for rule in matching},
        refusals=refusals,
        policy=rules.name,
        version=version,
    )


def stricter(pinned: Verdict, current: Verdict) -> Verdict:
    """Two verdicts on the same ask as one that is at least as strict as each; the newer version gives its name."""
    newest = max(pinned, current, key=lambda verdict: (verdict.version, verdict.policy))
    return _verdict(
        allowed=pinned.allowed and current.allowed,
        level=max(pinned.level, current.level),
        steps=combined(pinned.steps, current.steps),
        maximum=_least((pinned.maximum, current.maximum)),
        reason_minimum=max(pinned.reason_minimum, current.reason_minimum),
        lapses_after=min(pinned.lapses_after, current.lapses_after),
        conditions=terms.combined((pinned.conditions, current.conditions)),
        rules={*pinned.rules, *current.rules},
        refusals=(*pinned.refusals, *current.refusals),
        policy=newest.policy,
        version=newest.version,
    )


def refused(verdict: Verdict, refusal: Refusal) -> Verdict:
    """The same verdict with one more thing that stands against it, which no rule can know."""
    return _verdict(
        allowed=False,
        level=verdict.level,
        steps=verdict.steps,
        maximum=verdict.maximum,
        reason_minimum=verdict.reason_minimum,
        lapses_after=verdict.lapses_after,
        conditions=verdict.conditions,
        rules=verdict.rules,
        refusals=(*verdict.refusals, refusal),
        policy=verdict.policy,
        version=verdict.version,
    )


def to_json(verdict: Verdict) -> dict[str, Any]:
    """As plain values: what is pinned on the request, and what the API shows."""
    return {
        "allowed": verdict.allowed,
        "automatic": verdict.automatic,
        "level": verdict.level.value,
        "steps": [{"group": step.group, "needed": step.needed} for step in verdict.steps],
        "maximum": _written(verdict.maximum),
        "reason_minimum": verdict.reason_minimum,
        "lapses_after": format_duration(verdict.lapses_after),
        **terms.to_json(verdict.conditions),
        "sentences": list(verdict.sentences),
        "rules": list(verdict.rules),
        "refusals": [{"rule": refusal.rule, "sentence": refusal.sentence} for refusal in verdict.refusals],
        "policy": {"name": verdict.policy, "version": verdict.version},
    }


def from_json(values: Mapping[str, Any]) -> Verdict:
    """What `to_json` wrote; keys that other layers added (the people of a step) are passed over."""
    return Verdict(
        allowed=values["allowed"],
        automatic=values["automatic"],
        level=Level(values["level"]),
        steps=tuple(Step(group=step["group"], needed=step["needed"]) for step in values["steps"]),
        maximum=_read(values["maximum"]),
        reason_minimum=values["reason_minimum"],
        lapses_after=parse_duration(values["lapses_after"]),
        conditions=terms.from_json(values),
        sentences=tuple(values["sentences"]),
        rules=tuple(values["rules"]),
        refusals=tuple(Refusal(rule=one["rule"], sentence=one["sentence"]) for one in values["refusals"]),
        policy=values["policy"]["name"],
        version=values["policy"]["version"],
    )


def _what_instead(ask: Ask) -> str:
    """Access itself is given away nowhere, so that looking elsewhere would be in vain."""
    return "Ask for less." if ask.level is Level.DELEGATING else "Ask for less, or elsewhere."


def _refusals(rule: Rule, ask: Ask) -> Iterable[Refusal]:
    if rule.deny:
        yield Refusal(rule.name, f"Rule {rule.name} denies {ask.level} on {ask.target}. {_what_instead(ask)}")
    if not rule.deny and not rule.eligible & ask.groups:
        yield Refusal(rule.name, _not_eligible(rule, ask.person))
    if rule.maximum is not None and ask.duration > rule.maximum:
        longest = spell_duration(rule.maximum)
        yield Refusal(rule.name, f"Rule {rule.name} allows at most {longest}. Ask for a shorter time.", "duration")
    if ask.reason_length is not None and ask.reason_length < rule.reason_minimum:
        least = _characters(rule.reason_minimum)
        yield Refusal(rule.name, f"Rule {rule.name} needs a reason of at least {least}. Write more.", "reason")
    for sentence, about in rule.conditions.objections(
        f"Rule {rule.name}",
        authentication=ask.authentication,
        is_unscoped=ask.is_unscoped,
        networks=ask.networks,
    ):
        yield Refusal(rule.name, sentence, about)


def _not_eligible(rule: Rule, person: str) -> str:
    groups = " or ".join(sorted(rule.eligible))
    who = f", and {person} is not one of them" if person else ""
    return f"Rule {rule.name} is for people of {groups}{who}. An administrator adds people to a group."


def _verdict(
    *,
    allowed: bool,
    level: Level,
    steps: tuple[Step, ...],
    maximum: timedelta | None,
    reason_minimum: int,
    lapses_after: timedelta,
    conditions: Conditions,
    rules: Iterable[str],
    refusals: Iterable[Refusal],
    policy: str,
    version: int,
) -> Verdict:
    """Everything that follows from the parts follows here, for one policy and for two of them alike."""
    said = tuple(sorted(set(refusals)))
    names = tuple(sorted(rules))
    sentences = [refusal.sentence for refusal in said]
    if names:
        applied = f"Rule {names[0]} applies" if len(names) == 1 else f"Rules {', '.join(names)} apply together"
        sentences.append(f"{applied} (policy {policy}, version {version}).")
    sentences += _approval_sentences(steps, automatic=allowed and not steps)
    if maximum is not None:
        sentences.append(f"The longest time is {spell_duration(maximum)}.")
    if reason_minimum:
        sentences.append(f"The reason needs at least {_characters(reason_minimum)}.")
    if names:
        sentences += conditions.sentences()
    if steps:
        sentences.append(f"Without an answer the request lapses after {spell_duration(lapses_after)}.")
    return Verdict(
        allowed=allowed,
        automatic=allowed and not steps,
        level=level,
        steps=steps,
        maximum=maximum,
        reason_minimum=reason_minimum,
        lapses_after=lapses_after,
        conditions=conditions,
        sentences=tuple(sentences),
        rules=names,
        refusals=said,
        policy=policy,
        version=version,
    )


def _approval_sentences(steps: tuple[Step, ...], *, automatic: bool) -> list[str]:
    sentences = [
        f"{'1 person' if step.needed == 1 else f'{step.needed} different people'} of {step.group} must approve."
        for step in steps
    ]
    if len(steps) > 1:
        sentences.append("One person counts for one group only.")
    if automatic:
        sentences.append("Nobody needs to approve: access is given at once.")
    return sentences


def _characters(number: int) -> str:
    return f"{number} character{'' if number == 1 else 's'}"


def _least(lengths: Iterable[timedelta | None]) -> timedelta | None:
    return min((length for length in lengths if length is not None), default=None)


def _written(length: timedelta | None) -> str | None:
    return None if length is None else format_duration(length)


def _read(text: str | None) -> timedelta | None:
    return None if text is None else parse_duration(text)
