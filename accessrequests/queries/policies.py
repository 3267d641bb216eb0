"""Policies as people read them: each rule in words, what changed between two versions, and what would be said to whom."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain import policy
from accessrequests.domain.window import spell_duration
from accessrequests.models import Person, PolicyVersion, Target
from accessrequests.queries import asks
from accessrequests.queries.asks import Asked


@dataclass(frozen=True, slots=True)
class RuleInWords:
    """One rule, as the sentences of a block."""

    name: str
    denies: bool
    when: str
    who: str
    needs: str
    longest: str
    lapses: str
    reason: str
    conditions: str


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the difference between two documents. `kind`: same, add, cut or gap."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True)
class Judged:
    """One rule beside the verdict: whether it speaks of the ask, and what it says."""

    name: str
    matches: bool
    refuses: bool
    sentences: Sequence[str]


@dataclass(frozen=True, slots=True)
class Tried:
    """What the policy would say, and each rule's part in it."""

    verdict: policy.Verdict
    rules: Sequence[Judged]


def in_words(version: PolicyVersion) -> list[RuleInWords]:
    return [_words(rule) for rule in policy.parse(version.rules).rules]


def _words(rule: policy.Rule) -> RuleInWords:
    needs = [
        f"{step.needed} {'person' if step.needed == 1 else 'different people'} of {step.group}"
        for step in rule.approvals
    ]
    return RuleInWords(
        name=rule.name,
        denies=rule.deny,
        when=_when(rule.match),
        who=f"People of {_either(rule.eligible)} may ask." if rule.eligible else "",
        needs=f"{_all(needs)} must approve." if needs else "Nobody needs to approve: it is given at once.",
        longest=f"At most {spell_duration(rule.maximum)}." if rule.maximum else "It sets no longest time.",
        lapses=f"Without an answer it lapses after {spell_duration(rule.lapses_after)}." if needs else "",
        reason=_reason(rule.reason_minimum),
        conditions=" ".join(rule.conditions.sentences()),
    )


def _when(match: policy.Match) -> str:
    said = []
    if match.levels:
        said.append(f"somebody asks for {_either(level.value for level in match.levels)} access")
    if match.environments:
        said.append(f"the target is {_either(match.environments)}")
    if match.targets:
        said.append(f"the target is called {_either(match.targets)}")
    if match.kinds:
        said.append(f"it is a {_either(match.kinds)}")
    if match.databases:
        said.append(f"a role touches the database {_either(match.databases)}")
    return f"When {_all(said)}." if said else "Always."


def _reason(minimum: int) -> str:
    if not minimum:
        return "No reason is needed."
    return "A reason is needed." if minimum == 1 else f"The reason needs at least {minimum} characters."


def _either(words: Iterable[str]) -> str:
    named = sorted(words)
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} or {named[-1]}"


def _all(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def difference(older: PolicyVersion, newer: PolicyVersion) -> list[Line]:
    """What changed in the document, with three lines around each change."""
    before, after = older.document.splitlines(), newer.document.splitlines()
    lines: list[Line] = []
    for text in difflib.unified_diff(before, after, lineterm="", n=3):
        if text.startswith(("---", "+++")) and not lines:
            continue
        kind = {"+": "add", "-": "cut", "@": "gap"}.get(text[:1], "same")
        lines.append(Line(kind, "" if kind == "gap" else text[1:]))
    return lines


def tried(*, version: PolicyVersion, person: Person, asked: Asked, at: datetime, target: Target | None = None) -> Tried:
    """The verdict on an ask that nobody files, with each rule's own part; the same evaluation that a real one meets.

    :raises Invalid: and :raises NotReadYet: as filing it would.
    """
    considered = asks.consider(requester=person, asked=asked, at=at, version=version, target=target)
    rules = policy.parse(version.rules)
    ask = policy.Ask(
        target=considered.target.slug,
        environment=considered.target.environment,
        level=considered.verdict.level,
        groups=considered.groups[person.username],
        duration=asked.duration,
        reason_length=None,
        person=person.username,
        **considered.use,
    )
    return Tried(considered.verdict, [_judged(rules.name, rule, ask, version.version) for rule in rules.rules])


def _judged(name: str, rule: policy.Rule, ask: policy.Ask, version: int) -> Judged:
    if not rule.match.fits(ask):
        return Judged(rule.name, matches=False, refuses=False, sentences=[_when(rule.match)])
    alone = policy.evaluate(policy.Rules(name, (rule,)), ask, version=version)
    refused = [refusal.sentence for refusal in alone.refusals if refusal.rule == rule.name]
    words = _words(rule)
    return Judged(rule.name, matches=True, refuses=bool(refused), sentences=refused or [words.needs, words.longest])
