"""What in a policy cannot be wrong by itself, and cannot work here: nobody in a group, a rule that never matches, a step
that nobody could fill.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from allauth.mfa.models import Authenticator

from accessrequests.domain.approvals import Given, Step, open_steps
from accessrequests.domain.policy import Rule, Rules
from accessrequests.domain.tables import Finding, Path, closest
from accessrequests.models import Group, Target
from accessrequests.queries.people import memberships_of_people

MOST_NAMED = 3


@dataclass(frozen=True, slots=True)
class Here:
    """What there is: the people of each group, who has a second factor, and what each target is and has."""

    people: Mapping[str, frozenset[str]]
    with_factor: frozenset[str]
    targets: Mapping[str, Target]

    @property
    def environments(self) -> frozenset[str]:
        return frozenset(target.environment for target in self.targets.values())

    def databases(self, target: Target) -> frozenset[str] | None:
        """Those of its inventory; None while that has not been read."""
        inventory = getattr(target, "inventory", None)
        return None if inventory is None else frozenset(inventory.databases)

    def groups_of(self, person: str) -> frozenset[str]:
        return frozenset(group for group, people in self.people.items() if person in people)


def advise(rules: Rules) -> list[Finding]:
    """One sentence for each thing that is not as its author will have meant it. Nothing of it forbids publishing."""
    here = _here()
    found = [finding for number, rule in enumerate(rules.rules) for finding in _of_rule(rule, ("rules", number), here)]
    found += _of_steps("The policy, publishing", rules.publishing, ("publishing",), here)
    return found


def _here() -> Here:
    people: dict[str, set[str]] = {name: set() for name in Group.objects.values_list("name", flat=True)}
    current = memberships_of_people()
    for group, person in current.values_list("group__name", "person__username"):
        people[group].add(person)
    targets = Target.objects.filter(retired_at=None).select_related("inventory")
    factors = Authenticator.objects.filter(type=Authenticator.Type.TOTP)
    return Here(
        {group: frozenset(held) for group, held in people.items()},
        frozenset(factors.values_list("user__username", flat=True)),
        {one.slug: one for one in targets},
    )


def _of_rule(rule: Rule, path: Path, here: Here) -> Iterator[Finding]:
    who = f"Rule {rule.name}"
    yield from _of_match(rule, path, here)
    if rule.deny:
        return
    yield from _of_groups(who, rule.eligible, (*path, "eligible"), here, "may ask")
    yield from _of_steps(who, rule.approvals, path, here)
    yield from _unfillable(rule, path, here)
    if rule.answering.step_up:
        yield from _without_factor(rule, (*path, "step_up"), here)
    if rule.answering.escalate:
        yield from _of_groups(who, [rule.answering.escalate.to], (*path, "escalate", "to"), here, "may answer then")
        if rule.answering.escalate.after >= rule.lapses_after:
            sentence = (
                f"{who}: a request lapses before anybody else may answer it. Escalate sooner, or let it wait longer."
            )
            yield Finding(sentence, (*path, "escalate", "after"))
    if rule.answering.fallback:
        yield from _of_groups(who, [rule.answering.fallback], (*path, "fallback"), here, "may answer then")
    if rule.break_glass:
        where = (*path, "break_glass")
        yield from _of_groups(who, rule.break_glass.eligible, (*where, "eligible"), here, "may use its break-glass")
        yield from _of_groups(who, rule.break_glass.terms.tells, (*where, "tells"), here, "is told")
        yield from _of_groups(who, rule.break_glass.terms.review_by, (*where, "review_by"), here, "may review")


def _of_match(rule: Rule, path: Path, here: Here) -> Iterator[Finding]:
    who, where, match = f"Rule {rule.name}, match", (*path, "match"), rule.match
    yield from _unknown(who, "environment", match.environments, here.environments, (*where, "environments"))
    yield from _unknown(who, "target", match.targets, here.targets, (*where, "targets"))
    meant = [
        target
        for target in here.targets.values()
        if (not match.targets or target.slug in match.targets)
        and (not match.environments or target.environment in match.environments)
    ]
    if not meant and match.targets <= set(here.targets) and match.environments <= here.environments:
        yield Finding(f"{who}: none of these targets is in these environments, so the rule never matches.", where)
    offered = {kind for target in meant for kind in target.offers.get("kinds", [])}
    if meant and match.kinds and not match.kinds & offered:
        sentence = f"{who}: no target that it is about offers {_named(match.kinds)}, so the rule never matches."
        yield Finding(sentence, (*where, "kinds"))
    read = [here.databases(target) for target in meant]
    known = frozenset(name for databases in read if databases is not None for name in databases)
    if meant and None not in read:
        yield from _unknown(who, "database", match.databases, known, (*where, "databases"))


def _unknown(who: str, what: str, named: Iterable[str], known: Iterable[str], path: Path) -> Iterator[Finding]:
    there = frozenset(known)
    for name in sorted(set(named) - there):
        near = closest(name, there)
        yield Finding(f"{who}: there is no {what} called {name}{f', did you mean {near}?' if near else '.'}", path)


def _of_groups(who: str, groups: Iterable[str], path: Path, here: Here, may: str) -> Iterator[Finding]:
    for group in sorted(groups):
        if group not in here.people:
            yield from _unknown(who, "group", [group], here.people, path)
        elif not here.people[group]:
            yield Finding(f"{who}: nobody is in the group {group}, so nobody of it {may}.", path)


def _of_steps(who: str, steps: Iterable[Step], path: Path, here: Here) -> Iterator[Finding]:
    for number, step in enumerate(steps):
        where = (*path, "approvals", number)
        people = here.people.get(step.group)
        if not people:
            yield from _of_groups(who, [step.group], (*where, "group"), here, "can approve")
        elif len(people) < step.needed:
            sentence = f"{who}: {step.needed} different people of {step.group} must approve, and it has {len(people)}."
            yield Finding(sentence, (*where, "people"))


def _without_factor(rule: Rule, path: Path, here: Here) -> Iterator[Finding]:
    for step in rule.approvals:
        people = here.people.get(step.group, frozenset())
        able = len(people & here.with_factor)
        if able < step.needed <= len(people):
            have = f"{able or 'nobody'} of its {len(people)} people {'have' if able > 1 else 'has'} one"
            sentence = f"Rule {rule.name}: {step.needed} of {step.group} must approve with a second factor, and {have}."
            yield Finding(f"{sentence} They add it under Account, Second factor.", path)


def _unfillable(rule: Rule, path: Path, here: Here) -> Iterator[Finding]:
    """Those who may ask and whose own request nobody could complete, because they never count themselves."""
    fallback = here.people.get(rule.answering.fallback, frozenset())
    if any(len(here.people.get(step.group, ())) < step.needed for step in rule.approvals):
        return
    everybody = frozenset(person for step in rule.approvals for person in here.people.get(step.group, ()))
    given = {person: Given(person, here.groups_of(person)) for person in everybody}
    askers = sorted({person for group in rule.eligible for person in here.people.get(group, ())})
    stuck = [
        asker
        for asker in askers
        if not fallback - {asker}
        and open_steps(rule.approvals, [one for person, one in given.items() if person != asker])
    ]
    if stuck:
        sentence = f"Rule {rule.name}: when {_named(stuck)} asks, too few others are there who may approve."
        yield Finding(f"{sentence} Add people to a group, or name a fallback.", (*path, "approvals"))


def _named(names: Iterable[str]) -> str:
    listed = sorted(names)
    more = len(listed) - MOST_NAMED
    return " or ".join(listed) if more <= 0 else f"{', '.join(listed[:MOST_NAMED])} or one of {more} more"
