"""Guards the reading of policies: what is not understood is refused, with the rule and the key that must be put right."""

from __future__ import annotations

import copy
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain.answering import Answering, Escalation
from accessrequests.domain.break_glass_terms import BreakGlass, Cooldown, Terms
from accessrequests.domain.conditions import Conditions
from accessrequests.domain.language import DEFAULT_LAPSE
from accessrequests.domain.on_call import OnCall
from accessrequests.domain.policy import Ask, InvalidPolicy, Match, Rule, Rules, Step, parse
from accessrequests.domain.privileges import Level
from accessrequests.domain.tickets import Ticket

PRODUCTION_READ: dict[str, Any] = {
    "name": "production-read",
    "match": {
        "environments": ["production"],
        "targets": [],
        "kinds": ["database_user"],
        "databases": ["shop"],
        "levels": ["read"],
    },
    "eligible": ["engineering"],
    "approvals": [{"group": "data-owners", "people": 1}, {"group": "audit", "people": 2}],
    "maximum": "PT8H",
    "reason_minimum": 10,
    "lapses_after": "PT4H",
    "deny": False,
    "authentication": ["scram", "oidc"],
    "unscoped": True,
    "widest_ipv4": 24,
    "widest_ipv6": 56,
    "in_sequence": True,
    "default": "PT1H",
    "total_maximum": "P1D",
    "ticket": {"pattern": "OPS-[0-9]+", "hint": "the incident"},
    "remind_after": "PT5M",
    "escalate": {"after": "PT2H", "to": "leads"},
    "fallback": "administrators",
    "on_call": {"schedule": "database-primary", "roles": ["read@shop"], "maximum": "PT2H"},
    "step_up": True,
    "break_glass": {
        "eligible": ["on-call"],
        "tells": ["security"],
        "review_by": ["security"],
        "roles": ["read@shop"],
        "maximum": "PT2H",
        "default": "PT30M",
        "review_within": "PT12H",
        "cooldown": {"person": 1, "person_within": "P3D", "target": 4, "target_within": "PT12H"},
    },
}


def policy_of(**changes: Any) -> dict[str, Any]:
    return {"name": "sandbox", "rules": [{**copy.deepcopy(PRODUCTION_READ), **changes}]}


def sentences_of(document: object) -> tuple[str, ...]:
    with pytest.raises(InvalidPolicy) as caught:
        parse(document)
    assert str(caught.value) == " ".join(caught.value.sentences)
    return caught.value.sentences


class TestParse:
    def test_reads_every_key(self) -> None:
        assert parse(policy_of()) == Rules(
            name="sandbox",
            rules=(
                Rule(
                    name="production-read",
                    match=Match(
                        environments=frozenset({"production"}),
                        levels=frozenset({Level.READ}),
                        kinds=frozenset({"database_user"}),
                        databases=frozenset({"shop"}),
                    ),
                    eligible=frozenset({"engineering"}),
                    approvals=(Step("data-owners", 1, turn=0), Step("audit", 2, turn=1)),
                    maximum=timedelta(hours=8),
                    reason_minimum=10,
                    lapses_after=timedelta(hours=4),
                    deny=False,
                    conditions=Conditions(frozenset({"scram", "oidc"}), True, 24, 56),
                    default=timedelta(hours=1),
                    total_maximum=timedelta(days=1),
                    ticket=Ticket("OPS-[0-9]+", "the incident"),
                    answering=Answering(
                        in_sequence=True,
                        step_up=True,
                        remind_after=timedelta(minutes=5),
                        escalate=Escalation(timedelta(hours=2), "leads"),
                        fallback="administrators",
                    ),
                    on_call=OnCall("database-primary", frozenset({"read@shop"}), timedelta(hours=2)),
                    break_glass=BreakGlass(
                        eligible=frozenset({"on-call"}),
                        terms=Terms(
                            tells=frozenset({"security"}),
                            review_by=frozenset({"security"}),
                            roles=frozenset({"read@shop"}),
                            maximum=timedelta(hours=2),
                            default=timedelta(minutes=30),
                            review_within=timedelta(hours=12),
                            cooldown=Cooldown(1, timedelta(days=3), 4, timedelta(hours=12)),
                        ),
                    ),
                ),
            ),
        )

    def test_fills_in_only_what_is_harmless(self) -> None:
        short = {"name": "r", "match": {}, "eligible": ["engineering"], "approvals": [], "maximum": "PT1H"}

        (rule,) = parse({"name": "p", "rules": [short]}).rules

        assert rule.match == Match()
        assert (rule.reason_minimum, rule.lapses_after, rule.deny) == (1, DEFAULT_LAPSE, False)
        assert rule.conditions == Conditions(frozenset({"scram"}), False, None, None)
        assert rule.answering == Answering(False, False, timedelta(minutes=15), None, "")
        assert (rule.default, rule.total_maximum, rule.longest_in_all) == (None, None, timedelta(hours=1))
        assert (rule.ticket, rule.on_call, rule.break_glass) == (None, None, None)

    def test_fills_in_what_an_emergency_is_usually_like(self) -> None:
        held = {"eligible": [], "tells": ["security"], "review_by": ["security"], "maximum": "PT30M"}

        break_glass = parse(policy_of(break_glass=held)).rules[0].break_glass

        assert break_glass is not None
        assert break_glass.eligible == frozenset()
        terms = break_glass.terms
        assert (terms.roles, terms.maximum, terms.default) == (None, timedelta(minutes=30), timedelta(minutes=30))
        assert terms.review_within == timedelta(hours=24)
        assert terms.cooldown == Cooldown(2, timedelta(days=7), 5, timedelta(days=1))

    def test_reads_who_must_agree_to_the_next_version(self) -> None:
        document = {**policy_of(), "publishing": {"approvals": [{"group": "security", "people": 2}]}}

        assert parse(document).publishing == (Step("security", 2),)
        assert parse(policy_of()).publishing == ()

    def test_lets_a_rule_that_denies_say_no_more(self) -> None:
        (rule,) = parse({"name": "p", "rules": [{"name": "r", "match": {"levels": ["admin"]}, "deny": True}]}).rules

        assert rule.deny
        assert (rule.eligible, rule.approvals, rule.maximum) == (frozenset(), (), None)

    def test_lets_a_rule_that_denies_leave_its_groups_empty(self) -> None:
        assert parse(policy_of(deny=True, eligible=[])).rules[0].eligible == frozenset()

    @pytest.mark.parametrize("key", ["name", "match", "eligible", "approvals", "maximum"])
    def test_asks_for_a_key_that_is_missing(self, key: str) -> None:
        document = policy_of()
        del document["rules"][0][key]

        (sentence,) = sentences_of(document)

        who = "Rule number 1" if key == "name" else "Rule production-read"
        assert sentence.startswith(f"{who}: the key {key} is missing. Write ")

    @pytest.mark.parametrize(
        ("key", "values"),
        [
            ("name", ["", "Prod Read", "-x", "x" * 81, 7, None, ["x"], "übung", "a\n"]),
            ("match", [[], "production", None, 7]),
            ("eligible", [[], "engineering", {}, [7], [""], [" x"], ["x\n"], ["x" * 65], None]),
            ("approvals", [{}, "data-owners", None, 1]),
            ("maximum", ["8 hours", 28_800, 8, "P1M", "PT0S", "P400D", None, True]),
            ("reason_minimum", [-1, 2_001, "10", 1.5, True, None]),
            ("lapses_after", ["1h", 0, None, "PT0S"]),
            ("deny", ["no", 0, None, "false"]),
            ("authentication", [[], "scram", ["password"], [7], None, ["scram", "kerberos"]]),
            ("unscoped", ["yes", 1, None]),
            ("widest_ipv4", [0, 33, "24", True, None]),
            ("widest_ipv6", [0, 129, "/64", False, None]),
            ("in_sequence", ["yes", 1, None]),
            ("default", ["1h", 3_600, None, "PT0S"]),
            ("total_maximum", ["12h", None, False]),
            ("ticket", ["OPS-[0-9]+", [], None, True]),
            ("remind_after", ["15m", 900, None]),
            ("escalate", ["leads", [], None]),
            ("fallback", ["", 7, None, ["leads"], " leads"]),
            ("on_call", ["database-primary", [], None, True]),
            ("step_up", ["yes", 1, None]),
            ("break_glass", [True, [], None, "on-call"]),
        ],
    )
    def test_refuses_a_wrong_value(self, key: str, values: list[Any]) -> None:
        for value in values:
            sentences = sentences_of(policy_of(**{key: value}))

            assert len(sentences) == 1, value
            assert f": the key {key} must be " in sentences[0]
            assert sentences[0].startswith("Rule number 1" if key == "name" else "Rule production-read")

    @pytest.mark.parametrize(
        ("match", "key"),
        [
            ({"environments": "production"}, "environments"),
            ({"environments": [date(2030, 1, 1)]}, "environments"),
            ({"targets": [None]}, "targets"),
            ({"targets": {"shop-prod": True}}, "targets"),
            ({"levels": ["reed"]}, "levels"),
            ({"levels": ["delegating"]}, "levels"),
            ({"levels": "read"}, "levels"),
        ],
    )
    def test_refuses_a_match_that_cannot_match(self, match: dict[str, Any], key: str) -> None:
        (sentence,) = sentences_of(policy_of(match=match))

        assert sentence.startswith(f"Rule production-read, match: the key {key} must be ")

    @pytest.mark.parametrize(
        ("approvals", "part"),
        [
            ([{"group": "security"}], "the key people is missing"),
            ([{"people": 1}], "the key group is missing"),
            ([{"group": "security", "people": 0}], "the key people must be a number from 1 to 20"),
            ([{"group": "security", "people": 21}], "the key people must be"),
            ([{"group": "security", "people": True}], "the key people must be"),
            ([{"group": "security", "people": "1"}], "the key people must be"),
            ([{"group": 7, "people": 1}], "the key group must be"),
            ([{"group": "security", "people": 1, "any": True}], "the key any is unknown"),
            (["security"], "write it as keys with values (group, people)"),
            ([{"group": "a", "people": 1}, {"group": "a", "people": 2}], "the group a is named twice"),
        ],
    )
    def test_refuses_an_approval_that_it_cannot_count(self, approvals: list[Any], part: str) -> None:
        (sentence,) = sentences_of(policy_of(approvals=approvals))

        assert sentence.startswith("Rule production-read, approvals: ")
        assert part in sentence

    @pytest.mark.parametrize("document", [None, [], "policy", 7, True])
    def test_refuses_what_is_no_document(self, document: object) -> None:
        assert sentences_of(document) == (
            "The policy: write it as keys with values (name, rules, custom_roles, publishing).",
        )

    @pytest.mark.parametrize("rules", [[], {}, "all", None])
    def test_refuses_a_policy_without_rules(self, rules: object) -> None:
        (sentence,) = sentences_of({"name": "p", "rules": rules})

        assert sentence == "The policy: the key rules must be a list with at least one rule."

    @pytest.mark.parametrize("entry", [None, "allow", 7, []])
    def test_refuses_a_rule_that_is_none(self, entry: object) -> None:
        (sentence,) = sentences_of({"name": "p", "rules": [copy.deepcopy(PRODUCTION_READ), entry]})

        assert sentence.startswith("Rule number 2: write it as keys with values (name, match,")

    def test_refuses_unknown_keys(self) -> None:
        document: dict[Any, Any] = policy_of(maximun="PT1H", match={"environment": ["production"]})
        document.update({"rulez": [], 7: 8})

        assert sentences_of(document) == (
            "The policy: the key rulez is unknown, did you mean rules?",
            "The policy: the key 7 is unknown. Use only name, rules, custom_roles, publishing.",
            "Rule production-read: the key maximun is unknown, did you mean maximum?",
            "Rule production-read, match: the key environment is unknown, did you mean environments?",
        )

    def test_says_which_word_was_meant(self) -> None:
        (levels,) = sentences_of(policy_of(match={"levels": ["read", "wirte"]}))
        (methods,) = sentences_of(policy_of(authentication=["scrum"]))

        assert levels.endswith("must be a list of read, write and admin. Did you mean write?")
        assert methods.endswith(" Did you mean scram?")

    def test_knows_a_key_whose_words_stand_the_other_way_round(self) -> None:
        (sentence,) = sentences_of(policy_of(maximum_total="P1D"))

        assert sentence == "Rule production-read: the key maximum_total is unknown, did you mean total_maximum?"

    def test_refuses_one_name_for_two_rules(self) -> None:
        document = policy_of()
        document["rules"] *= 2

        assert sentences_of(document) == (
            "Rule production-read: the name is used more than once. Give each rule a name of its own.",
        )

    def test_names_everything_that_is_wrong_at_once(self) -> None:
        sentences = sentences_of(policy_of(eligible=[], maximum=8, approvals=[{"group": "security"}]))

        assert len(sentences) == 3
        assert all(sentence.startswith("Rule production-read") and sentence.endswith(".") for sentence in sentences)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(["name", "rules", *PRODUCTION_READ, "group", "people", "levels"]), inner
                )
            ),
            max_leaves=20,
        )
    )
    def test_reads_or_refuses_anything(self, document: object) -> None:
        try:
            rules = parse(document)
        except InvalidPolicy:
            return
        assert all(rule.deny or (rule.eligible and rule.maximum) for rule in rules.rules)


ASK = Ask(
    target="shop-prod",
    environment="production",
    level=Level.READ,
    groups=frozenset(),
    duration=timedelta(hours=1),
    reason_length=None,
    databases=frozenset({"shop"}),
)


class TestMatch:
    @pytest.mark.parametrize(
        ("match", "fits"),
        [
            (Match(), True),
            (Match(environments=frozenset({"production", "staging"})), True),
            (Match(environments=frozenset({"staging"})), False),
            (Match(targets=frozenset({"shop-prod"})), True),
            (Match(targets=frozenset({"shop-dev"})), False),
            (Match(levels=frozenset({Level.READ})), True),
            (Match(levels=frozenset({Level.WRITE})), False),
            (Match(frozenset({"production"}), frozenset({"shop-prod"}), frozenset({Level.WRITE})), False),
            (Match(kinds=frozenset({"database_user"})), True),
            (Match(kinds=frozenset({"project_role"})), False),
            (Match(databases=frozenset({"shop", "payments"})), True),
            (Match(databases=frozenset({"payments"})), False),
        ],
    )
    def test_means_any_where_it_is_empty(self, match: Match, fits: bool) -> None:
        assert match.fits(ASK) is fits
