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
    assert objections(Conditions(widest_ipv4=24), networks=(network("2001:db8::/48"),)) == []


def test_lets_nobody_in_where_two_share_no_way_to_sign_in() -> None:
    nothing = combined([Conditions(frozenset({"ldap"})), Conditions()])

    assert nothing.sentences()[0] == "One may sign in with nothing at all."
    assert "signing in with nothing at all, not with a password" in objections(nothing)[0][1]


def test_allows_one_organisations_network_and_no_wider_where_nothing_is_said() -> None:
    edge = (network("10.1.0.0/16"), network("2001:db8::/48"))
    assert objections(Conditions(), networks=edge) == []
    for wide in ("10.0.0.0/15", "0.0.0.0/1", "2001:db8::/47", "8000::/1"):
        assert [about for about, _ in objections(Conditions(), networks=(network(wide),))] == ["source_addresses"]

    wider = Conditions(widest_ipv4=8, widest_ipv6=32)
    assert objections(wider, networks=(network("10.0.0.0/8"), network("2001:db8::/32"))) == []


def test_is_widened_only_by_all_of_them() -> None:
    wider = Conditions(widest_ipv4=8, widest_ipv6=32)
    assert combined([wider, Conditions(widest_ipv4=12)]).widest == {4: 12, 6: 48}
    assert combined([wider, Conditions()]).widest == {4: 16, 6: 48}
    assert combined([wider, Conditions()]).wants_addresses
    assert not combined([Conditions(), Conditions()]).wants_addresses


def test_says_how_wide_a_block_may_be_and_what_is_other_than_usual() -> None:
    assert Conditions().sentences() == ["A block of addresses may be /16 (IPv4) or /48 (IPv6) at the widest."]
    assert Conditions(frozenset({"scram", "x509"}), True, 24, 64).sentences() == [
        "One may sign in with a password or an X.509 certificate.",
        "Where a target has clusters, it may be for all of them.",
        "A block of addresses may be /24 (IPv4) or /64 (IPv6) at the widest.",
    ]


def test_reads_back() -> None:
    assert from_json(to_json(STRICT)) == STRICT
    assert from_json({}) == combined([]) == Conditions()
