"""Guards the words of a policy: every key of a rule is said, and a change names each part, before and after."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from accessrequests.domain.language import RULE
from accessrequests.domain.policy import parse
from accessrequests.domain.policy_words import Change, changes, of_rule, publishing
from tests.domain.test_rules import PRODUCTION_READ, policy_of

WHOLE = parse(policy_of())
# One other value for every key of a rule that is about something.
OTHERS: dict[str, Any] = {
    "match": {"levels": ["write"]},
    "eligible": ["support"],
    "approvals": [{"group": "security", "people": 2}],
    "in_sequence": False,
    "maximum": "PT6H",
    "default": "PT2H",
    "total_maximum": "P2D",
    "reason_minimum": 20,
    "ticket": {"pattern": "DEV-[0-9]+"},
    "lapses_after": "PT5H",
    "remind_after": "PT15M",
    "escalate": {"after": "PT3H", "to": "leads"},
    "fallback": "heads",
    "on_call": {"schedule": "second", "roles": ["read@shop"], "maximum": "PT2H"},
    "step_up": False,
    "deny": True,
    "authentication": ["scram"],
    "unscoped": False,
    "widest_ipv4": 28,
    "widest_ipv6": 64,
    "break_glass": {"eligible": [], "tells": ["security"], "review_by": []},
}


def test_says_all_of_a_rule() -> None:
    words = of_rule(WHOLE.rules[0])

    assert words.when == (
        "When somebody asks for read access, the target is production, what is asked for is a database user and a role "
        "touches the database shop."
    )
    assert words.longest == "At most 8 hours. 1 hour is suggested."
    assert words.extensions == "With extensions at most 1 day in all."
    assert words.reason == (
        "The reason needs at least 10 characters. A ticket is needed that matches OPS-[0-9]+ (the incident)."
    )
    assert words.waiting == (
        "They are asked one after another: data-owners, then audit. Approving is done in the portal, with a second "
        "factor. Who has not answered is reminded after 5 minutes. Without an answer after 2 hours, people of leads may "
        "answer too. Where nobody else can answer, people of administrators may."
    )
    assert words.on_call == "Whoever is on call (database-primary) gets read@shop at once, for at most 2 hours."
    assert words.break_glass == (
        "People of on-call may break the glass for read@shop, for at most 2 hours. Everybody of security is told at once. security "
        "reviews it within 12 hours. After 1 use of one person in 3 days, or 4 on one target in 12 hours, a second "
        "person is needed."
    )


@pytest.mark.parametrize("key", sorted(PRODUCTION_READ.keys() - {"name"}))
def test_no_change_of_a_rule_goes_unsaid(key: str) -> None:
    (change,) = changes(WHOLE, parse(policy_of(**{key: OTHERS[key]})))

    assert (change.name, change.kind) == ("production-read", "changed")
    assert all(before != after for before, after in change.parts)


@pytest.mark.parametrize("key", [name for name, key in RULE.items() if not key.needed and name != "deny"])
def test_nothing_that_is_left_out_goes_unsaid(key: str) -> None:
    document = policy_of()
    del document["rules"][0][key]

    (change,) = changes(WHOLE, parse(document))

    assert (change.name, change.kind) == ("production-read", "changed")


def test_says_little_of_a_rule_that_says_little() -> None:
    plain = policy_of(match={"targets": ["shop-prod"]}, approvals=[], reason_minimum=0)
    denial = {"name": "p", "rules": [{"name": "r", "match": {}, "deny": True}]}

    words, denied = of_rule(parse(plain).rules[0]), of_rule(parse(denial).rules[0])

    assert words.when == "When the target is called shop-prod."
    assert (words.needs, words.waiting) == ("Nobody needs to approve: it is given at once.", "")
    assert words.reason.startswith("No reason is needed.")
    assert (denied.when, denied.longest, denied.denies) == ("Always.", "It sets no longest time.", True)


def test_says_what_was_added_and_removed_and_who_publishes() -> None:
    newer = copy.deepcopy(policy_of(name="another"))
    newer["publishing"] = {"approvals": [{"group": "security", "people": 2}]}

    found = changes(WHOLE, parse(newer))

    assert [(change.name, change.kind) for change in found] == [
        ("another", "added"),
        ("production-read", "removed"),
        ("The next version", "changed"),
    ]
    alone = "One administrator publishes alone."
    assert found[-1].parts == ((alone, "2 different people of security must agree to it."),)
    assert publishing(WHOLE) == alone


def test_the_same_rules_in_another_order_are_the_same() -> None:
    both = policy_of()["rules"] + policy_of(name="another")["rules"]

    assert changes(parse({"name": "p", "rules": both}), parse({"name": "q", "rules": both[::-1]})) == []
    assert Change("r", "added", ()) != Change("r", "removed", ())
