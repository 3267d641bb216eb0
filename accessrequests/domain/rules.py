"""The rules of a policy, and how they are read from a plain document."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from accessrequests.domain import break_glass_terms, custom_role_rules
from accessrequests.domain import conditions as terms
from accessrequests.domain.answering import Answering, Escalation
from accessrequests.domain.approvals import Step
from accessrequests.domain.break_glass_terms import BreakGlass
from accessrequests.domain.conditions import Conditions
from accessrequests.domain.custom_role_rules import RoleRule
from accessrequests.domain.forms import read_name
from accessrequests.domain.language import (
    DEFAULT_LAPSE,
    DENIAL,
    ESCALATE,
    MATCH,
    ON_CALL,
    POLICY,
    PUBLISHING,
    RULE,
    STEP,
    TICKET,
)
from accessrequests.domain.matching import Ask, Match
from accessrequests.domain.on_call import OnCall
from accessrequests.domain.privileges import Level
from accessrequests.domain.tables import Finding, Reader
from accessrequests.domain.tickets import Ticket
from accessrequests.domain.window import spell_duration


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
    default: timedelta | None = None
    total_maximum: timedelta | None = None
    ticket: Ticket | None = None
    answering: Answering = field(default_factory=Answering)
    on_call: OnCall | None = None
    break_glass: BreakGlass | None = None

    @property
    def longest_in_all(self) -> timedelta | None:
        """With all extensions: unless the rule says more, none goes past the maximum."""
        return self.total_maximum or self.maximum


@dataclass(frozen=True, slots=True)
class Rules:
    """A whole policy. A published one never changes; a new version takes its place.

    `publishing`: who must agree to that. Without any, one administrator publishes alone.
    """

    name: str
    rules: tuple[Rule, ...]
    publishing: tuple[Step, ...] = ()
    custom_roles: tuple[RoleRule, ...] = ()

    def matching(self, ask: Ask) -> list[Rule]:
        return [rule for rule in self.rules if rule.match.fits(ask)]


class InvalidPolicy(ValueError):
    """The document is not a policy. `sentences` name every rule and key that must be put right."""

    def __init__(self, findings: Collection[Finding]) -> None:
        super().__init__(" ".join(finding.sentence for finding in findings))
        self.findings = tuple(findings)

    @property
    def sentences(self) -> tuple[str, ...]:
        return tuple(finding.sentence for finding in self.findings)


def parse(document: object) -> Rules:
    """Read a policy from the plain values of its document, strictly: what we do not understand, we refuse.

    :raises InvalidPolicy: with one sentence for each thing that is wrong.
    """
    wrong: list[Finding] = []
    reader = Reader("The policy", document, POLICY, wrong)
    rules = tuple(_rule(entry, number, wrong) for number, entry in enumerate(reader["rules"]))
    publishing = _publishing(reader["publishing"], wrong)
    custom_roles = custom_role_rules.read(reader["custom_roles"], wrong)
    wrong += [*_named_twice("rules", rules), *_named_twice("custom_roles", custom_roles)]
    if wrong:
        raise InvalidPolicy(wrong)
    return Rules(name=reader["name"], rules=rules, publishing=publishing, custom_roles=custom_roles)


def _named_twice(key: str, rules: Iterable[Rule | RoleRule]) -> Iterable[Finding]:
    seen: set[str] = set()
    said: set[str] = set()
    for number, rule in enumerate(rules):
        if rule.name and rule.name in seen - said:
            said.add(rule.name)
            sentence = f"Rule {rule.name}: the name is used more than once. Give each rule a name of its own."
            yield Finding(sentence, (key, number, "name"))
        seen.add(rule.name)


def _publishing(entry: object, wrong: list[Finding]) -> tuple[Step, ...]:
    if entry is None:
        return ()
    reader = Reader("The policy, publishing", entry, PUBLISHING, wrong, ("publishing",))
    return _steps(reader, in_sequence=False)


def _rule(entry: object, number: int, wrong: list[Finding]) -> Rule:
    written = entry if isinstance(entry, Mapping) else {}
    named = read_name(written.get("name"))
    who = f"Rule {named}" if named else f"Rule number {number + 1}"
    deny = written.get("deny") is True
    reader = Reader(who, entry, DENIAL if deny else RULE, wrong, ("rules", number))
    answering = Answering(
        in_sequence=reader["in_sequence"],
        step_up=reader["step_up"],
        remind_after=reader["remind_after"],
        escalate=_escalation(reader),
        fallback=reader["fallback"],
    )
    rule = Rule(
        name=reader["name"],
        match=_match(reader),
        eligible=reader["eligible"],
        approvals=_steps(reader, in_sequence=answering.in_sequence),
        maximum=reader["maximum"],
        reason_minimum=reader["reason_minimum"],
        lapses_after=reader["lapses_after"],
        deny=deny,
        conditions=terms.read(reader),
        default=reader["default"],
        total_maximum=reader["total_maximum"],
        ticket=_ticket(reader),
        answering=answering,
        on_call=_on_call(reader),
        break_glass=break_glass_terms.read(reader) if reader["break_glass"] is not None else None,
    )
    _check_lengths(rule, reader)
    return rule


def _match(rule: Reader) -> Match:
    reader = Reader(f"{rule.who}, match", rule["match"], MATCH, rule.wrong, (*rule.path, "match"))
    return Match(**{**reader.values, "levels": frozenset(map(Level, reader["levels"]))})


def _steps(section: Reader, *, in_sequence: bool) -> tuple[Step, ...]:
    steps: list[Step] = []
    for number, entry in enumerate(section["approvals"]):
        path = (*section.path, "approvals", number)
        reader = Reader(f"{section.who}, approvals", entry, STEP, section.wrong, path)
        if reader["group"] and any(step.group == reader["group"] for step in steps):
            reader.note(f"the group {reader['group']} is named twice. Name it once, with all its people", "group")
        steps.append(Step(group=reader["group"], needed=reader["people"], turn=number if in_sequence else 0))
    return tuple(steps)


def _ticket(rule: Reader) -> Ticket | None:
    if rule["ticket"] is None:
        return None
    reader = Reader(f"{rule.who}, ticket", rule["ticket"], TICKET, rule.wrong, (*rule.path, "ticket"))
    return Ticket(**reader.values)


def _escalation(rule: Reader) -> Escalation | None:
    if rule["escalate"] is None:
        return None
    reader = Reader(f"{rule.who}, escalate", rule["escalate"], ESCALATE, rule.wrong, (*rule.path, "escalate"))
    return Escalation(**reader.values)


def _on_call(rule: Reader) -> OnCall | None:
    if rule["on_call"] is None:
        return None
    reader = Reader(f"{rule.who}, on_call", rule["on_call"], ON_CALL, rule.wrong, (*rule.path, "on_call"))
    return OnCall(**reader.values)


def _check_lengths(rule: Rule, reader: Reader) -> None:
    """What a rule could never mean: a length that another of its lengths forbids."""
    if rule.maximum is None:
        return
    longest = f"the maximum of {spell_duration(rule.maximum)}"
    if rule.default is not None and rule.default > rule.maximum:
        reader.note(f"the default is longer than {longest}. Make it shorter", "default")
    if rule.total_maximum is not None and rule.total_maximum < rule.maximum:
        reader.note(f"the total_maximum is shorter than {longest}. Make it as long at least", "total_maximum")
    if rule.on_call is not None and rule.on_call.maximum > rule.maximum:
        reader.note(f"the maximum of on_call is longer than {longest}. Make it shorter", "on_call", "maximum")
