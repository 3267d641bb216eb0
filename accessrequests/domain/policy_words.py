"""A policy as people read it: each rule in words, and what is different between two of them, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from accessrequests.domain.answering import REMIND_AFTER
from accessrequests.domain.approvals import Step
from accessrequests.domain.break_glass_terms import BreakGlass
from accessrequests.domain.matching import Match
from accessrequests.domain.rules import Rule, Rules
from accessrequests.domain.window import spell_duration

PUBLISHING = "The next version"
_PARTS = (
    *("when", "who", "needs", "longest", "extensions", "reason"),
    *("waiting", "lapses", "on_call", "conditions", "break_glass"),
)


@dataclass(frozen=True, slots=True)
class RuleInWords:
    """One rule, as the sentences of a block. What a rule does not say is empty."""

    name: str
    denies: bool
    when: str
    who: str
    needs: str
    longest: str
    lapses: str
    reason: str
    conditions: str
    extensions: str = ""
    waiting: str = ""
    on_call: str = ""
    break_glass: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one rule. `kind`: added, removed or changed; each part that differs, before and after."""

    name: str
    kind: str
    parts: tuple[tuple[str, str], ...]


def of_rule(rule: Rule) -> RuleInWords:
    return RuleInWords(
        name=rule.name,
        denies=rule.deny,
        when=when(rule.match),
        who=f"People of {_either(rule.eligible)} may ask." if rule.eligible else "",
        needs=f"{_all(_people(rule.approvals))} must approve."
        if rule.approvals
        else "Nobody needs to approve: it is given at once.",
        longest=_longest(rule),
        lapses=f"Without an answer it lapses after {spell_duration(rule.lapses_after)}." if rule.approvals else "",
        reason=_reason(rule),
        conditions=" ".join(rule.conditions.sentences()),
        extensions=_extensions(rule),
        waiting=" ".join(_waiting(rule)),
        on_call=_on_call(rule),
        break_glass=_break_glass(rule.break_glass) if rule.break_glass else "",
    )


def when(match: Match) -> str:
    said = []
    if match.levels:
        said.append(f"somebody asks for {_either(level.value for level in match.levels)} access")
    if match.environments:
        said.append(f"the target is {_either(match.environments)}")
    if match.targets:
        said.append(f"the target is called {_either(match.targets)}")
    if match.kinds:
        said.append(f"what is asked for is a {_either(kind.replace('_', ' ') for kind in match.kinds)}")
    if match.databases:
        said.append(f"a role touches the database {_either(match.databases)}")
    return f"When {_all(said)}." if said else "Always."


def changes(older: Rules, newer: Rules) -> list[Change]:
    """Rules are the same rule when they have the same name; in which order they stand says nothing."""
    before, after = ({rule.name: of_rule(rule) for rule in rules.rules} for rules in (older, newer))
    found = [
        Change(name, "added", tuple(("", said) for said in _said(words)))
        for name, words in after.items()
        if name not in before
    ]
    found += [
        Change(name, "removed", tuple((said, "") for said in _said(words)))
        for name, words in before.items()
        if name not in after
    ]
    for name, words in after.items():
        parts = _different(before[name], words) if name in before else ()
        found += [Change(name, "changed", parts)] if parts else []
    if older.publishing != newer.publishing:
        found.append(Change(PUBLISHING, "changed", ((publishing(older), publishing(newer)),)))
    return sorted(found, key=lambda change: (change.name == PUBLISHING, change.name))


def publishing(rules: Rules) -> str:
    if not rules.publishing:
        return "One administrator publishes alone."
    return f"{_all(_people(rules.publishing))} must agree to it."


def _different(before: RuleInWords, after: RuleInWords) -> tuple[tuple[str, str], ...]:
    old, new = _sentences(before), _sentences(after)
    return tuple((old[part], new[part]) for part in _PARTS if old[part] != new[part])


def _said(words: RuleInWords) -> list[str]:
    return [sentence for sentence in _sentences(words).values() if sentence]


def _sentences(words: RuleInWords) -> dict[str, str]:
    """Of a rule that denies nothing counts but what it denies."""
    if words.denies:
        return {**dict.fromkeys(_PARTS, ""), "when": words.when, "needs": "It denies whatever matches."}
    return {part: getattr(words, part) for part in _PARTS}


def _longest(rule: Rule) -> str:
    if rule.maximum is None:
        return "It sets no longest time."
    usual = f" {spell_duration(rule.default).capitalize()} is suggested." if rule.default else ""
    return f"At most {spell_duration(rule.maximum)}.{usual}"


def _extensions(rule: Rule) -> str:
    if rule.total_maximum is None or rule.total_maximum == rule.maximum:
        return ""
    return f"With extensions at most {spell_duration(rule.total_maximum)} in all."


def _reason(rule: Rule) -> str:
    said = "A reason is needed." if rule.reason_minimum else "No reason is needed."
    if rule.reason_minimum > 1:
        said = f"The reason needs at least {rule.reason_minimum} characters."
    return f"{said} A ticket is needed that matches {rule.ticket.said}." if rule.ticket else said


def _waiting(rule: Rule) -> Iterable[str]:
    if not rule.approvals:
        return
    yield from rule.answering.sentences(rule.approvals)
    if rule.answering.remind_after == REMIND_AFTER:
        yield f"Who has not answered is reminded after {spell_duration(REMIND_AFTER)}."


def _on_call(rule: Rule) -> str:
    if rule.on_call is None:
        return ""
    roles, longest = _either(rule.on_call.roles), spell_duration(rule.on_call.maximum)
    return f"Whoever is on call ({rule.on_call.schedule}) gets {roles} at once, for at most {longest}."


def _break_glass(held: BreakGlass) -> str:
    terms, count = held.terms, held.terms.cooldown
    who = f"People of {_either(held.eligible)} may break the glass" if held.eligible else "Nobody may break the glass"
    what = "any role that gives no access away" if terms.roles is None else _either(terms.roles) or "no role"
    return " ".join(
        [
            f"{who} for {what}, for at most {spell_duration(terms.maximum)}.",
            f"{f'Everybody of {_all(sorted(terms.tells))}' if terms.tells else 'Nobody'} is told at once.",
            f"{_either(terms.review_by) or 'Nobody'} reviews it within {spell_duration(terms.review_within)}.",
            f"After {count.person} use{'' if count.person == 1 else 's'} of one person in {spell_duration(count.person_within)},",
            f"or {count.target} on one target in {spell_duration(count.target_within)}, a second person is needed.",
        ]
    )


def _people(steps: Iterable[Step]) -> list[str]:
    return [f"{step.needed} {'person' if step.needed == 1 else 'different people'} of {step.group}" for step in steps]


def _either(words: Iterable[str]) -> str:
    *first, last = sorted(words) or [""]
    return f"{', '.join(first)} or {last}" if first else last


def _all(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
