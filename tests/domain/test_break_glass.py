"""Guards what the policy says to an emergency: off unless a rule has it, the strictest of several, and a deny wins."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain import break_glass_terms
from accessrequests.domain.break_glass import (
    OFF,
    BreakGlassVerdict,
    evaluate_break_glass,
    from_json,
    to_json,
)
from accessrequests.domain.break_glass_terms import BreakGlass, Cooldown, Terms
from accessrequests.domain.policy import NO_DELEGATING, NO_RULE, Ask, Match, Rule, Rules, Step
from accessrequests.domain.privileges import Level
from tests.domain.policies import ASKS, POLICIES, RULES, is_longer, loosened_uses
from tests.domain.policies import TERMS as EMERGENCIES

TERMS = Terms(tells=frozenset({"security"}), review_by=frozenset({"security"}))
RULE = Rule(
    name="production",
    match=Match(environments=frozenset({"production"})),
    eligible=frozenset({"engineering"}),
    approvals=(Step("data-owners", 1),),
    maximum=timedelta(hours=8),
    break_glass=BreakGlass(frozenset({"on-call"}), TERMS),
)
ASK = Ask(
    target="shop-prod",
    environment="production",
    level=Level.READ,
    groups=frozenset({"on-call"}),
    duration=timedelta(hours=1),
    reason_length=30,
    person="grace",
    databases=frozenset({"shop"}),
    roles=frozenset({"read@shop"}),
)


def _judge(*rules: Rule, ask: Ask = ASK) -> BreakGlassVerdict:
    return evaluate_break_glass(Rules("sandbox", rules), ask, version=3)


def _with(**changes: object) -> Rule:
    terms = dataclasses.replace(TERMS, **changes)  # type: ignore[arg-type]
    return dataclasses.replace(RULE, name="stricter", break_glass=BreakGlass(frozenset({"on-call"}), terms))


def loosens(before: BreakGlassVerdict, after: BreakGlassVerdict) -> list[str]:
    """What the second verdict gives and the first does not."""
    said = ["allowed"] if after.allowed and not before.allowed else []
    said += [] if set(before.refusals) <= set(after.refusals) else ["refusals"]
    said += ["reason_minimum"] if after.reason_minimum < before.reason_minimum else []
    if before.terms is None or after.terms is None:
        return said if before.terms is None else [*said, "terms"]
    old, new = before.terms, after.terms
    looser = {
        "tells": not old.tells <= new.tells,
        "review_by": not new.review_by <= old.review_by,
        "roles": old.roles is not None and (new.roles is None or not new.roles <= old.roles),
        "maximum": is_longer(new.maximum, old.maximum),
        "default": is_longer(new.default, old.default),
        "review_within": is_longer(new.review_within, old.review_within),
        "person": new.cooldown.person > old.cooldown.person,
        "person_within": new.cooldown.person_within < old.cooldown.person_within,
        "target": new.cooldown.target > old.cooldown.target,
        "target_within": new.cooldown.target_within < old.cooldown.target_within,
    }
    said += loosened_uses(before.conditions, after.conditions)
    return [*said, *(what for what, is_looser in looser.items() if is_looser)]


def test_allows_what_a_rule_has_one_for_and_says_what_follows() -> None:
    verdict = _judge(RULE)

    assert (verdict.allowed, verdict.rules, verdict.terms) == (True, ("production",), TERMS)
    assert verdict.sentences == (
        "The longest time is 4 hours.",
        "The suggested time is 1 hour.",
        "The reason needs at least 20 characters.",
        "Everybody of security is told at once and can end it.",
        "Somebody else of security reviews it within 1 day.",
    )


@pytest.mark.parametrize(
    ("rules", "ask", "rule", "part"),
    [
        ((), ASK, OFF, "No rule of the policy sandbox has a break-glass for read on shop-prod."),
        ((dataclasses.replace(RULE, break_glass=None),), ASK, OFF, "has a break-glass"),
        ((RULE,), dataclasses.replace(ASK, environment="staging"), OFF, "has a break-glass"),
        ((RULE,), dataclasses.replace(ASK, groups=frozenset({"engineering"})), "production", "people of on-call"),
        ((_with(tells=frozenset()),), ASK, "stricter", "would tell nobody"),
        ((_with(review_by=frozenset()),), ASK, OFF, "Nobody could review"),
        ((_with(roles=frozenset()),), ASK, "stricter", "is for no role, not for read@shop"),
        ((_with(roles=frozenset({"read@other"})),), ASK, "stricter", "is for read@other, not for read@shop"),
        ((RULE,), dataclasses.replace(ASK, duration=timedelta(hours=4, seconds=1)), "production", "at most 4 hours"),
        ((RULE,), dataclasses.replace(ASK, reason_length=19), "production", "at least 20 characters"),
        ((dataclasses.replace(RULE, reason_minimum=40),), ASK, "production", "at least 40 characters"),
        ((RULE,), dataclasses.replace(ASK, authentication="ldap"), "production", "not with LDAP"),
        ((RULE,), dataclasses.replace(ASK, level=Level.DELEGATING), NO_DELEGATING, "always refused"),
        (
            (dataclasses.replace(RULE, match=Match(databases=frozenset({"shop"}))),),
            dataclasses.replace(ASK, databases=frozenset({"shop", "payments"})),
            NO_RULE,
            "on the database payments of shop-prod",
        ),
    ],
)
def test_refuses_and_names_the_rule(rules: tuple[Rule, ...], ask: Ask, rule: str, part: str) -> None:
    verdict = _judge(*rules, ask=ask)

    assert not verdict.allowed
    assert [refusal.rule for refusal in verdict.refusals] == [rule]
    assert part in verdict.refusals[0].sentence
    assert verdict.sentences[0] == verdict.refusals[0].sentence


def test_lets_a_deny_win() -> None:
    frozen = Rule("frozen", Match(), frozenset(), (), None, deny=True)

    assert [refusal.rule for refusal in _judge(RULE, frozen).refusals] == ["frozen"]


def test_nobody_is_eligible_where_the_list_is_empty() -> None:
    nobody = dataclasses.replace(RULE, break_glass=BreakGlass(frozenset(), TERMS))

    assert "people of no group, and grace is not one of them" in _judge(nobody).refusals[0].sentence


def test_combines_to_the_strictest() -> None:
    other = _with(
        tells=frozenset({"leads"}),
        review_by=frozenset({"security", "leads"}),
        roles=frozenset({"read@shop"}),
        maximum=timedelta(minutes=30),
        review_within=timedelta(hours=12),
        cooldown=Cooldown(1, timedelta(days=3), 9, timedelta(days=2)),
    )

    assert _judge(RULE, other).terms == Terms(
        tells=frozenset({"leads", "security"}),
        review_by=frozenset({"security"}),
        roles=frozenset({"read@shop"}),
        maximum=timedelta(minutes=30),
        default=timedelta(minutes=30),
        review_within=timedelta(hours=12),
        cooldown=Cooldown(1, timedelta(days=7), 5, timedelta(days=2)),
    )


@given(st.builds(BreakGlass, st.just(frozenset("ef")), EMERGENCIES), POLICIES, RULES, ASKS)
def test_never_loosens_when_a_rule_is_added(held: BreakGlass, rules: list[Rule], another: Rule, ask: Ask) -> None:
    rules.append(dataclasses.replace(another, match=Match(), break_glass=held, deny=False))
    before = _judge(*rules, ask=ask)

    assert loosens(before, _judge(*rules, another, ask=ask)) == []


@given(POLICIES, RULES, ASKS)
def test_never_begins_with_a_rule_that_has_none(rules: list[Rule], another: Rule, ask: Ask) -> None:
    before = _judge(*rules, ask=ask)
    after = _judge(*rules, dataclasses.replace(another, break_glass=None), ask=ask)

    assert not after.allowed or before.allowed
    assert after.terms == before.terms


@given(POLICIES, ASKS, st.randoms(use_true_random=False))
def test_never_depends_on_the_order_of_rules(rules: list[Rule], ask: Ask, chance: object) -> None:
    shuffled = list(rules)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    assert _judge(*shuffled, ask=ask) == _judge(*rules, ask=ask)


@given(POLICIES, ASKS)
def test_is_consistent_and_reads_back(rules: list[Rule], ask: Ask) -> None:
    verdict = _judge(*rules, ask=ask)

    assert verdict.allowed == (not verdict.refusals)
    assert not verdict.allowed or (verdict.terms is not None and ask.duration <= verdict.terms.maximum)
    assert all(sentence.endswith(".") for sentence in verdict.sentences)
    assert from_json(json.loads(json.dumps(to_json(verdict)))) == verdict


@pytest.mark.parametrize("roles", [None, frozenset({"read@shop"})])
def test_terms_that_were_kept_are_the_same_when_they_are_read(roles: frozenset[str] | None) -> None:
    terms = dataclasses.replace(TERMS, roles=roles)

    assert break_glass_terms.from_json(json.loads(json.dumps(break_glass_terms.to_json(terms)))) == terms
