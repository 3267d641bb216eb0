"""May this be had at once in an emergency, who is told, and who reviews it: judged apart from what people may ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accessrequests.domain import break_glass_terms
from accessrequests.domain import conditions as uses
from accessrequests.domain.break_glass_terms import BreakGlass, Terms
from accessrequests.domain.conditions import Conditions
from accessrequests.domain.matching import Ask
from accessrequests.domain.policy import denial, not_allowed_at_all, not_eligible
from accessrequests.domain.privileges import Level
from accessrequests.domain.rules import Rule, Rules
from accessrequests.domain.verdicts import Refusal, characters
from accessrequests.domain.window import spell_duration

OFF = "no break-glass here"
REASON_MINIMUM = 20


@dataclass(frozen=True, slots=True)
class BreakGlassVerdict:
    """What the policy says about an emergency. Without terms no rule that matches has any, and nothing is allowed."""

    allowed: bool
    level: Level
    terms: Terms | None
    reason_minimum: int
    conditions: Conditions
    sentences: tuple[str, ...]
    rules: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    policy: str
    version: int


def evaluate_break_glass(rules: Rules, ask: Ask, *, version: int) -> BreakGlassVerdict:
    """Every rule that matches and has a break-glass holds, the strictest of each; a rule that denies wins."""
    matching = rules.matching(ask)
    having = [(rule, rule.break_glass) for rule in matching if rule.break_glass is not None and not rule.deny]
    terms = break_glass_terms.combined([held.terms for _, held in having]) if having else None
    reason_minimum = max([REASON_MINIMUM, *(rule.reason_minimum for rule, _ in having)])
    conditions = uses.combined(rule.conditions for rule, _ in having)
    refusals = [
        *(denial(rule, ask) for rule in matching if rule.deny),
        *_off(rules, ask, having),
        *(refusal for rule, held in having for refusal in _refusals(rule, held, ask)),
    ]
    if terms is not None and not terms.review_by:
        sentence = "Nobody could review a break-glass here, so it is refused. An administrator names who reviews it."
        refusals.append(Refusal(OFF, sentence))
    said = tuple(sorted(set(refusals)))
    return BreakGlassVerdict(
        allowed=not said,
        level=ask.level,
        terms=terms,
        reason_minimum=reason_minimum,
        conditions=conditions,
        sentences=(*(refusal.sentence for refusal in said), *_sentences(terms, reason_minimum)),
        rules=tuple(sorted(rule.name for rule, _ in having)),
        refusals=said,
        policy=rules.name,
        version=version,
    )


def to_json(verdict: BreakGlassVerdict) -> dict[str, Any]:
    """As plain values: what is kept with a use, and what the API shows."""
    return {
        "allowed": verdict.allowed,
        "level": verdict.level.value,
        "terms": break_glass_terms.to_json(verdict.terms) if verdict.terms else None,
        "reason_minimum": verdict.reason_minimum,
        **uses.to_json(verdict.conditions),
        "sentences": list(verdict.sentences),
        "rules": list(verdict.rules),
        "refusals": [{"rule": refusal.rule, "sentence": refusal.sentence} for refusal in verdict.refusals],
        "policy": {"name": verdict.policy, "version": verdict.version},
    }


def from_json(values: Mapping[str, Any]) -> BreakGlassVerdict:
    """What `to_json` wrote."""
    return BreakGlassVerdict(
        allowed=values["allowed"],
        level=Level(values["level"]),
        terms=break_glass_terms.from_json(values["terms"]) if values["terms"] else None,
        reason_minimum=values["reason_minimum"],
        conditions=uses.from_json(values),
        sentences=tuple(values["sentences"]),
        rules=tuple(values["rules"]),
        refusals=tuple(Refusal(rule=one["rule"], sentence=one["sentence"]) for one in values["refusals"]),
        policy=values["policy"]["name"],
        version=values["policy"]["version"],
    )


def _off(rules: Rules, ask: Ask, having: Sequence[tuple[Rule, BreakGlass]]) -> Iterable[Refusal]:
    if having:
        yield from not_allowed_at_all(rules, [rule.match for rule, _ in having], ask)
        return
    sentence = f"No rule of the policy {rules.name} has a break-glass for {ask.level} on {ask.target}."
    yield Refusal(OFF, f"{sentence} Ask for access in the usual way.")


def _refusals(rule: Rule, held: BreakGlass, ask: Ask) -> Iterable[Refusal]:
    if not held.eligible & ask.groups:
        yield not_eligible(rule, held.eligible, ask.person)
    strangers = sorted(ask.roles - held.terms.roles) if held.terms.roles is not None else []
    if strangers:
        allowed = ", ".join(sorted(held.terms.roles or ())) or "no role"
        sentence = f"The break-glass of rule {rule.name} is for {allowed}, not for {', '.join(strangers)}."
        yield Refusal(rule.name, f"{sentence} Choose only those.", "roles")
    if ask.duration > held.terms.maximum:
        longest = spell_duration(held.terms.maximum)
        sentence = f"The break-glass of rule {rule.name} allows at most {longest}. Ask for a shorter time."
        yield Refusal(rule.name, sentence, "duration")
    if not held.terms.tells:
        sentence = f"The break-glass of rule {rule.name} would tell nobody. An administrator names who is told."
        yield Refusal(rule.name, sentence)
    needed = max(REASON_MINIMUM, rule.reason_minimum)
    if ask.reason_length is not None and ask.reason_length < needed:
        sentence = f"The break-glass of rule {rule.name} needs a reason of at least {characters(needed)}. Write more."
        yield Refusal(rule.name, sentence, "reason")
    for sentence, about in rule.conditions.objections(
        f"The break-glass of rule {rule.name}",
        authentication=ask.authentication,
        is_unscoped=ask.is_unscoped,
        networks=ask.networks,
    ):
        yield Refusal(rule.name, sentence, about)


def _sentences(terms: Terms | None, reason_minimum: int) -> Iterable[str]:
    if terms is None:
        return
    yield f"The longest time is {spell_duration(terms.maximum)}."
    yield f"The suggested time is {spell_duration(terms.default)}."
    yield f"The reason needs at least {characters(reason_minimum)}."
    if terms.tells:
        yield f"Everybody of {' and '.join(sorted(terms.tells))} is told at once and can end it."
    if terms.review_by:
        within = spell_duration(terms.review_within)
        yield f"Somebody else of {' or '.join(sorted(terms.review_by))} reviews it within {within}."
