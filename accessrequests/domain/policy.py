"""May this be asked, who must approve, how long, and why: one pure decision that explains itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accessrequests.domain import answering as asking
from accessrequests.domain import conditions as terms
from accessrequests.domain.approvals import (
    Given,
    Step,
    asked_now,
    combined,
    filled,
    first_slot,
    groups_wanted,
    is_complete,
    is_unheard,
    open_steps,
    slot_for,
)
from accessrequests.domain.language import DEFAULT_LAPSE
from accessrequests.domain.matching import ANY_DATABASE, Ask, Match, not_spoken_of
from accessrequests.domain.privileges import Level
from accessrequests.domain.rules import InvalidPolicy, Rule, Rules, parse
from accessrequests.domain.verdict_json import from_json, to_json
from accessrequests.domain.verdicts import Parts, Refusal, Verdict, characters, least, refused, stricter, verdict_of
from accessrequests.domain.window import spell_duration

__all__ = [
    "NO_DELEGATING",
    "NO_ROOM",
    "NO_RULE",
    "TOO_MUCH",
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
    "asked_now",
    "evaluate",
    "filled",
    "first_slot",
    "from_json",
    "groups_wanted",
    "is_complete",
    "is_unheard",
    "not_allowed_at_all",
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
TOO_MUCH = "more than was approved"


def evaluate(rules: Rules, ask: Ask, *, version: int) -> Verdict:
    """All rules that match hold together, so that another rule can only tighten; none that matches is a no."""
    matching = rules.matching(ask)
    refusals = [
        *(refusal for rule in matching for refusal in _refusals(rule, ask)),
        *not_allowed_at_all(rules, [rule.match for rule in matching], ask),
    ]
    asking_somebody = [rule for rule in matching if rule.approvals]
    # One rule that wants somebody's yes is enough: each of them must let whoever is on call do without.
    waived = bool(asking_somebody) and all(
        rule.on_call is not None and rule.on_call.waives(ask) for rule in asking_somebody
    )
    schedules = [rule.on_call.schedule for rule in asking_somebody if rule.on_call is not None]
    return verdict_of(
        Parts(
            allowed=not refusals,
            level=ask.level,
            steps=() if waived else combined(*(rule.approvals for rule in matching)),
            maximum=least(*(rule.maximum for rule in matching)),
            default=least(*(rule.default for rule in matching)),
            total_maximum=least(*(rule.longest_in_all for rule in matching)),
            reason_minimum=max((rule.reason_minimum for rule in matching), default=0),
            tickets=[rule.ticket for rule in matching if rule.ticket is not None],
            lapses_after=min((rule.lapses_after for rule in matching), default=DEFAULT_LAPSE),
            answering=asking.combined((rule.answering, rule.approvals) for rule in matching),
            on_call=schedules if waived else (),
            conditions=terms.combined(rule.conditions for rule in matching),
            rules=[rule.name for rule in matching],
            refusals=refusals,
            policy=rules.name,
            version=version,
        )
    )


def not_allowed_at_all(rules: Rules, matches: Sequence[Match], ask: Ask) -> Iterable[Refusal]:
    """What no rule speaks of, and what no rule may allow."""
    if not matches:
        sentence = f"No rule of the policy {rules.name} allows {ask.level} on {ask.target}. {_what_instead(ask)}"
        yield Refusal(NO_RULE, sentence)
    elif unspoken := not_spoken_of(ask.databases, matches):
        where = "every database" if ANY_DATABASE in unspoken else f"the database {', '.join(unspoken)}"
        sentence = f"No rule of the policy {rules.name} allows {ask.level} on {where} of {ask.target}."
        yield Refusal(NO_RULE, f"{sentence} {_what_instead(ask)}")
    if ask.level is Level.DELEGATING:
        sentence = "These roles can give or change access itself, which is always refused. Ask for roles without that."
        yield Refusal(NO_DELEGATING, sentence)


def denial(rule: Rule, ask: Ask) -> Refusal:
    return Refusal(rule.name, f"Rule {rule.name} denies {ask.level} on {ask.target}. {_what_instead(ask)}")


def not_eligible(rule: Rule, groups: Iterable[str], person: str) -> Refusal:
    named = " or ".join(sorted(groups)) or "no group"
    who = f", and {person} is not one of them" if person else ""
    sentence = f"Rule {rule.name} is for people of {named}{who}. An administrator adds people to a group."
    return Refusal(rule.name, sentence)


def _what_instead(ask: Ask) -> str:
    """Access itself is given away nowhere, so that looking elsewhere would be in vain."""
    return "Ask for less." if ask.level is Level.DELEGATING else "Ask for less, or elsewhere."


def _refusals(rule: Rule, ask: Ask) -> Iterable[Refusal]:
    if rule.deny:
        yield denial(rule, ask)
    if not rule.deny and not rule.eligible & ask.groups:
        yield not_eligible(rule, rule.eligible, ask.person)
    if rule.maximum is not None and ask.duration > rule.maximum:
        longest = spell_duration(rule.maximum)
        yield Refusal(rule.name, f"Rule {rule.name} allows at most {longest}. Ask for a shorter time.", "duration")
    if ask.reason_length is not None and ask.reason_length < rule.reason_minimum:
        needed = characters(rule.reason_minimum)
        yield Refusal(rule.name, f"Rule {rule.name} needs a reason of at least {needed}. Write more.", "reason")
    if rule.ticket is not None and ask.ticket is not None and not rule.ticket.fits(ask.ticket):
        sentence = f"Rule {rule.name} needs a ticket that matches {rule.ticket.said}. Write the whole ticket."
        yield Refusal(rule.name, sentence, "ticket")
    for sentence, about in rule.conditions.objections(
        f"Rule {rule.name}",
        authentication=ask.authentication,
        is_unscoped=ask.is_unscoped,
        networks=ask.networks,
    ):
        yield Refusal(rule.name, sentence, about)
