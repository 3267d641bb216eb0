"""Policies as people read them: each rule in words, what changed between two versions, and what would be said to whom."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain import policy, policy_words
from accessrequests.domain.policy_words import RuleInWords
from accessrequests.models import Person, PolicyVersion, Target
from accessrequests.queries import asks
from accessrequests.queries.asks import Asked
from accessrequests.queries.rules import rules_of


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
    return [policy_words.of_rule(rule) for rule in rules_of(version).rules]


def publishing(version: PolicyVersion) -> str:
    """Who publishes the next one, as a sentence about it."""
    return f"The next version: {policy_words.publishing(rules_of(version))}"


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
    rules = rules_of(version)
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
        return Judged(rule.name, matches=False, refuses=False, sentences=[policy_words.when(rule.match)])
    alone = policy.evaluate(policy.Rules(name, (rule,)), ask, version=version)
    refused = [refusal.sentence for refusal in alone.refusals if refusal.rule == rule.name]
    words = policy_words.of_rule(rule)
    return Judged(rule.name, matches=True, refuses=bool(refused), sentences=refused or [words.needs, words.longest])
