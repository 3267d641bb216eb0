"""Guards the policy: rules only tighten, in any order; a verdict explains itself, and two make a stricter one."""

from __future__ import annotations

import dataclasses
import json
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from accessrequests.domain import answering as asking
from accessrequests.domain.answering import Answering
from accessrequests.domain.conditions import Conditions
from accessrequests.domain.policy import (
    NO_DELEGATING,
    NO_RULE,
    Ask,
    Match,
    Refusal,
    Rule,
    Rules,
    Step,
    Verdict,
    evaluate,
    from_json,
    stricter,
    to_json,
)
from accessrequests.domain.privileges import Level
from tests.domain.policies import ASKS, POLICIES, RULES, VERSIONS, loosens

READ_RULE = Rule(
    name="production-read",
    match=Match(environments=frozenset({"production"}), levels=frozenset({Level.READ})),
    eligible=frozenset({"engineering", "on-call"}),
    approvals=(Step("data-owners", 1),),
    maximum=timedelta(hours=8),
    reason_minimum=10,
    lapses_after=timedelta(hours=8),
)
PAYMENTS_RULE = Rule(
    name="payments",
    match=Match(targets=frozenset({"shop-prod"})),
    eligible=frozenset({"engineering"}),
    approvals=(Step("security", 2), Step("data-owners", 2)),
    maximum=timedelta(hours=4),
    reason_minimum=20,
    lapses_after=timedelta(hours=1),
)
ASK = Ask(
    target="shop-prod",
    environment="production",
    level=Level.READ,
    groups=frozenset({"engineering"}),
    duration=timedelta(hours=2),
    reason_length=30,
)


WIDTHS = "A block of addresses may be /16 (IPv4) or /48 (IPv6) at the widest."


def _judge(*rules: Rule, ask: Ask = ASK, version: int = 3, name: str = "sandbox") -> Verdict:
    return evaluate(Rules(name=name, rules=rules), ask, version=version)


class TestEvaluate:
    def test_allows_what_one_rule_allows(self) -> None:
        assert _judge(READ_RULE) == Verdict(
            allowed=True,
            automatic=False,
            level=Level.READ,
            steps=(Step("data-owners", 1),),
            maximum=timedelta(hours=8),
            reason_minimum=10,
            lapses_after=timedelta(hours=8),
            conditions=Conditions(),
            sentences=(
                "Rule production-read applies (policy sandbox, version 3).",
                "1 person of data-owners must approve.",
                "The longest time is 8 hours.",
                "The reason needs at least 10 characters.",
                WIDTHS,
                "Without an answer the request lapses after 8 hours.",
            ),
            rules=("production-read",),
            refusals=(),
            policy="sandbox",
            version=3,
            total_maximum=timedelta(hours=8),
        )

    def test_combines_to_the_strictest(self) -> None:
        verdict = _judge(READ_RULE, PAYMENTS_RULE)

        assert verdict.allowed
        assert verdict.steps == (Step("data-owners", 2), Step("security", 2))
        assert verdict.maximum == timedelta(hours=4)
        assert verdict.reason_minimum == 20
        assert verdict.lapses_after == timedelta(hours=1)
        assert verdict.rules == ("payments", "production-read")
        assert verdict.sentences == (
            "Rules payments, production-read apply together (policy sandbox, version 3).",
            "2 different people of data-owners must approve.",
            "2 different people of security must approve.",
            "One person counts for one group only.",
            "The longest time is 4 hours.",
            "The reason needs at least 20 characters.",
            WIDTHS,
            "Without an answer the request lapses after 1 hour.",
        )

    def test_gives_access_at_once_where_nobody_is_asked(self) -> None:
        verdict = _judge(dataclasses.replace(READ_RULE, approvals=(), reason_minimum=1))

        assert verdict.automatic
        assert verdict.sentences == (
            "Rule production-read applies (policy sandbox, version 3).",
            "Nobody needs to approve: access is given at once.",
            "The longest time is 8 hours.",
            "The reason needs at least 1 character.",
            WIDTHS,
        )

    def test_says_nothing_of_a_reason_that_is_not_needed(self) -> None:
        verdict = _judge(dataclasses.replace(READ_RULE, reason_minimum=0))

        assert not any("reason" in sentence for sentence in verdict.sentences)

    @pytest.mark.parametrize(
        ("ask", "rule", "part"),
        [
            (
                dataclasses.replace(ASK, groups=frozenset({"auditors"})),
                "production-read",
                "people of engineering or on-call",
            ),
            (dataclasses.replace(ASK, groups=frozenset()), "production-read", "people of engineering or on-call"),
            (dataclasses.replace(ASK, duration=timedelta(hours=8, seconds=1)), "production-read", "at most 8 hours"),
            (dataclasses.replace(ASK, reason_length=9), "production-read", "at least 10 characters"),
            (
                dataclasses.replace(ASK, level=Level.WRITE),
                NO_RULE,
                "No rule of the policy sandbox allows write on shop-prod",
            ),
            (dataclasses.replace(ASK, environment="staging"), NO_RULE, "No rule of the policy sandbox"),
        ],
    )
    def test_refuses_and_names_the_rule(self, ask: Ask, rule: str, part: str) -> None:
        verdict = _judge(READ_RULE, ask=ask)

        assert not verdict.allowed
        assert not verdict.automatic
        assert [refusal.rule for refusal in verdict.refusals] == [rule]
        assert part in verdict.refusals[0].sentence
        assert verdict.sentences[0] == verdict.refusals[0].sentence

    def test_allows_up_to_the_limits_themselves(self) -> None:
        ask = dataclasses.replace(ASK, duration=timedelta(hours=8), reason_length=10)

        assert _judge(READ_RULE, ask=ask).allowed

    def test_does_not_judge_a_reason_that_is_not_written_yet(self) -> None:
        assert _judge(READ_RULE, ask=dataclasses.replace(ASK, reason_length=None)).allowed

    def test_asks_for_eligibility_under_every_rule(self) -> None:
        on_call = dataclasses.replace(ASK, groups=frozenset({"on-call"}))

        assert _judge(READ_RULE, ask=on_call).allowed
        assert [refusal.rule for refusal in _judge(READ_RULE, PAYMENTS_RULE, ask=on_call).refusals] == ["payments"]

    def test_names_whoever_is_not_eligible(self) -> None:
        nobody = dataclasses.replace(ASK, groups=frozenset())
        groups = " or ".join(sorted(READ_RULE.eligible))

        (unnamed,) = _judge(READ_RULE, ask=nobody).refusals
        (named,) = _judge(READ_RULE, ask=dataclasses.replace(nobody, person="mallory")).refusals

        start, remedy = f"Rule {READ_RULE.name} is for people of {groups}", "An administrator adds people to a group."
        assert unnamed.sentence == f"{start}. {remedy}"
        assert named.sentence == f"{start}, and mallory is not one of them. {remedy}"

    def test_lets_a_deny_win(self) -> None:
        deny = Rule(
            name="frozen", match=Match(), eligible=frozenset(), approvals=(), maximum=None, reason_minimum=0, deny=True
        )

        verdict = _judge(READ_RULE, deny)

        assert verdict.refusals == (
            Refusal("frozen", "Rule frozen denies read on shop-prod. Ask for less, or elsewhere."),
        )
        assert verdict.maximum == timedelta(hours=8)
        assert _judge(deny).maximum is None

    def test_refuses_delegating_whatever_the_rules_say(self) -> None:
        anything = dataclasses.replace(READ_RULE, match=Match(), approvals=())

        verdict = _judge(anything, ask=dataclasses.replace(ASK, level=Level.DELEGATING))

        assert [refusal.rule for refusal in verdict.refusals] == [NO_DELEGATING]

    def test_has_no_maximum_where_nothing_matches(self) -> None:
        verdict = _judge()

        assert (verdict.allowed, verdict.automatic, verdict.maximum, verdict.steps) == (False, False, None, ())
        assert verdict.sentences == (
            "No rule of the policy sandbox allows read on shop-prod. Ask for less, or elsewhere.",
        )

    @given(POLICIES, RULES, ASKS)
    def test_never_loosens_when_a_rule_is_added(self, rules: list[Rule], another: Rule, ask: Ask) -> None:
        before = _judge(*rules, ask=ask)
        assume(before.rules and NO_RULE not in {refusal.rule for refusal in before.refusals})

        assert loosens(before, _judge(*rules, another, ask=ask)) == []

    @given(POLICIES, RULES, ASKS)
    def test_never_refuses_less_for_a_rule_that_does_not_match(self, rules: list[Rule], other: Rule, ask: Ask) -> None:
        assume(not other.match.fits(ask))

        assert _judge(*rules, other, ask=ask) == _judge(*rules, ask=ask)

    @given(POLICIES, ASKS, st.randoms(use_true_random=False))
    def test_never_depends_on_the_order_of_rules(self, rules: list[Rule], ask: Ask, chance: object) -> None:
        shuffled = list(rules)
        chance.shuffle(shuffled)  # type: ignore[attr-defined]

        assert _judge(*shuffled, ask=ask) == _judge(*rules, ask=ask)

    @given(POLICIES, ASKS)
    def test_is_consistent_and_says_why(self, rules: list[Rule], ask: Ask) -> None:
        verdict = _judge(*rules, ask=ask)

        assert verdict.allowed == (not verdict.refusals)
        assert verdict.automatic == (verdict.allowed and not verdict.steps)
        assert not verdict.allowed or (verdict.maximum is not None and ask.duration <= verdict.maximum)
        assert all(refusal.sentence in verdict.sentences for refusal in verdict.refusals)
        assert verdict.sentences
        assert all(sentence.endswith(".") for sentence in verdict.sentences)


class TestStricter:
    @given(POLICIES, POLICIES, ASKS, VERSIONS, VERSIONS)
    def test_does_not_depend_on_order(
        self, one: list[Rule], other: list[Rule], ask: Ask, first: int, second: int
    ) -> None:
        pinned, current = _judge(*one, ask=ask, version=first), _judge(*other, ask=ask, version=second, name="other")

        assert stricter(pinned, current) == stricter(current, pinned)

    @given(POLICIES, ASKS, VERSIONS)
    def test_of_one_verdict_twice_is_that_verdict(self, rules: list[Rule], ask: Ask, version: int) -> None:
        verdict = _judge(*rules, ask=ask, version=version)

        assert stricter(verdict, verdict) == verdict

    @given(POLICIES, POLICIES, ASKS, VERSIONS, VERSIONS)
    def test_is_at_least_as_strict_as_each(
        self, one: list[Rule], other: list[Rule], ask: Ask, first: int, second: int
    ) -> None:
        pinned, current = _judge(*one, ask=ask, version=first), _judge(*other, ask=ask, version=second)
        combined = stricter(pinned, current)

        assert loosens(pinned, combined) == []
        assert loosens(current, combined) == []

    @given(POLICIES, POLICIES, POLICIES, ASKS)
    def test_combines_three_in_any_grouping(
        self, one: list[Rule], other: list[Rule], third: list[Rule], ask: Ask
    ) -> None:
        verdicts = [
            _judge(*rules, ask=ask, version=number) for number, rules in enumerate((one, other, third), start=1)
        ]

        left = stricter(stricter(verdicts[0], verdicts[1]), verdicts[2])
        assert left == stricter(verdicts[0], stricter(verdicts[1], verdicts[2]))

    def test_names_the_newer_version(self) -> None:
        assert stricter(_judge(READ_RULE, version=7), _judge(PAYMENTS_RULE, version=8)).version == 8

    def test_keeps_a_refusal_that_was_stored_without_its_reason(self) -> None:
        silent = dataclasses.replace(_judge(READ_RULE), allowed=False)

        assert not stricter(silent, _judge(READ_RULE)).allowed


class TestJson:
    @given(POLICIES, ASKS, VERSIONS)
    def test_reads_back(self, rules: list[Rule], ask: Ask, version: int) -> None:
        verdict = _judge(*rules, ask=ask, version=version)

        assert from_json(json.loads(json.dumps(to_json(verdict)))) == verdict

    def test_has_the_shape_that_the_api_shows(self) -> None:
        assert to_json(_judge(READ_RULE, ask=dataclasses.replace(ASK, reason_length=3))) == {
            "allowed": False,
            "automatic": False,
            "level": "read",
            "steps": [{"group": "data-owners", "needed": 1}],
            "maximum": "PT8H",
            "default": None,
            "total_maximum": "PT8H",
            "reason_minimum": 10,
            "tickets": [],
            "lapses_after": "PT8H",
            "in_sequence": False,
            "step_up": False,
            "remind_after": "PT15M",
            "escalate": None,
            "fallback": "",
            "on_call": [],
            "authentication": ["scram"],
            "unscoped": False,
            "widest_ipv4": None,
            "widest_ipv6": None,
            "sentences": [
                "Rule production-read needs a reason of at least 10 characters. Write more.",
                "Rule production-read applies (policy sandbox, version 3).",
                "1 person of data-owners must approve.",
                "The longest time is 8 hours.",
                "The reason needs at least 10 characters.",
                WIDTHS,
                "Without an answer the request lapses after 8 hours.",
            ],
            "rules": ["production-read"],
            "refusals": [
                {
                    "rule": "production-read",
                    "sentence": "Rule production-read needs a reason of at least 10 characters. Write more.",
                }
            ],
            "policy": {"name": "sandbox", "version": 3},
        }

    def test_reads_a_verdict_of_before_there_was_more_to_say(self) -> None:
        verdict = _judge(READ_RULE)
        old = to_json(verdict)
        for key in ("default", "total_maximum", "tickets", "on_call", *asking.to_json(Answering())):
            del old[key]

        assert from_json(old) == verdict

    def test_passes_over_the_people_that_other_layers_add(self) -> None:
        verdict = _judge(READ_RULE)
        stored = to_json(verdict)
        stored["steps"][0]["people"] = ["bob", "grace"]

        assert from_json(stored) == verdict
