"""Guards what a rule says about the use of an access: what is outside is refused, with its part of the ask named."""

from __future__ import annotations

from typing import Any

import pytest

from accessrequests.domain.conditions import Conditions, combined, from_json, to_json
from accessrequests.domain.networks import Network, read_network

STRICT = Conditions(frozenset({"scram", "x509"}), False, 24, 64)
USE: dict[str, Any] = {"authentication": "scram", "is_unscoped": False, "networks": None}


def network(text: str) -> Network:
    found = read_network(text)
    assert found is not None
    return found


def objections(conditions: Conditions, **use: Any) -> list[tuple[str, str]]:
    return [(about, sentence) for sentence, about in conditions.objections("Rule r", **{**USE, **use})]


@pytest.mark.parametrize(
    ("use", "about", "sentence"),
    [
        (
            {"authentication": "ldap"},
            "authentication",
            (
                "Rule r allows signing in with a password or an X.509 certificate, not with LDAP. "
                "Choose another way to sign in."
            ),
        ),
        (
            {"is_unscoped": True},
            "clusters",
            "Rule r wants the clusters named. Choose those that you need.",
        ),
        (
            {"networks": ()},
            "source_addresses",
            "Rule r wants to know from which addresses. Name those that you connect from.",
        ),
        (
            {"networks": (network("192.0.2.0/23"),)},
            "source_addresses",
            "Rule r allows blocks of /24 at the widest, and 192.0.2.0/23 is wider. Name fewer addresses.",
        ),
        (
            {"networks": (network("192.0.2.7"), network("2001:db8::/32"))},
            "source_addresses",
            "Rule r allows blocks of /64 at the widest, and 2001:db8::/32 is wider. Name fewer addresses.",
        ),
    ],
)
def test_objects_to_what_is_outside(use: dict[str, Any], about: str, sentence: str) -> None:
    assert objections(STRICT, **use) == [(about, sentence)]


def test_objects_to_nothing_at_the_edge_and_to_nothing_that_is_not_said_yet() -> None:
    conditions = Conditions(frozenset({"x509"}), True, 24, 64)
    edge = (network("192.0.2.0/24"), network("2001:db8::/64"))

    assert objections(conditions, authentication="x509", is_unscoped=True, networks=edge) == []
    assert objections(STRICT, authentication=None, networks=None) == []
    assert objections(Conditions(), networks=()) == []
    assert objections(Conditions(widest_ipv4=24), networks=(network("2001::/16"),)) == []


def test_lets_nobody_in_where_two_share_no_way_to_sign_in() -> None:
    nothing = combined([Conditions(frozenset({"ldap"})), Conditions()])

    assert nothing.sentences() == ["One may sign in with nothing at all."]
    assert "signing in with nothing at all, not with a password" in objections(nothing)[0][1]


def test_says_only_what_is_other_than_usual() -> None:
    assert Conditions().sentences() == []
    assert Conditions(frozenset({"scram", "x509"}), True, 24, 64).sentences() == [
        "One may sign in with a password or an X.509 certificate.",
        "Where a target has clusters, it may be for all of them.",
        "An IPv4 block may be /24 or narrower.",
        "An IPv6 block may be /64 or narrower.",
    ]


def test_reads_back() -> None:
    assert from_json(to_json(STRICT)) == STRICT
    assert from_json({}) == combined([]) == Conditions()
