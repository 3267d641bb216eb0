"""Guards which asks a rule is about: nobody escapes a rule on a database by asking for more, nor gets more by it."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import pytest

from accessrequests.domain.matching import EVERY_DATABASE, Ask, Match, databases_of, not_spoken_of
from accessrequests.domain.privileges import Level, Privilege, Resource

SHOP = Match(databases=frozenset({"shop"}))
PAYMENTS = Match(databases=frozenset({"payments"}))
ASK = Ask(
    target="shop-prod",
    environment="production",
    level=Level.READ,
    groups=frozenset(),
    duration=timedelta(hours=1),
    reason_length=None,
    databases=frozenset({"shop"}),
)


@pytest.mark.parametrize(
    ("databases", "fits"),
    [
        ({"shop"}, True),
        ({"shop", "other"}, True),
        ({"other"}, False),
        (EVERY_DATABASE, True),
        (frozenset(), False),
    ],
)
def test_one_database_is_enough_for_a_rule_to_be_about_an_ask(databases: frozenset[str], fits: bool) -> None:
    assert SHOP.fits(dataclasses.replace(ASK, databases=frozenset(databases))) is fits


@pytest.mark.parametrize(
    ("databases", "matches", "left"),
    [
        ({"shop"}, [SHOP], []),
        ({"shop", "payments"}, [SHOP], ["payments"]),
        ({"shop", "payments"}, [SHOP, PAYMENTS], []),
        ({"shop", "payments"}, [SHOP, Match()], []),
        (EVERY_DATABASE, [SHOP, PAYMENTS], [""]),
    ],
)
def test_a_rule_on_one_database_says_nothing_of_another(
    databases: frozenset[str], matches: list[Match], left: list[str]
) -> None:
    assert not_spoken_of(frozenset(databases), matches) == left


@pytest.mark.parametrize(
    ("resource", "action", "touched"),
    [
        (Resource("shop", "orders"), "find", {"shop"}),
        (Resource("", ""), "find", {""}),
        (Resource("", "", cluster=True), "serverStatus", {""}),
    ],
)
def test_what_is_about_the_server_touches_every_database(resource: Resource, action: str, touched: set[str]) -> None:
    assert databases_of([Privilege(resource, frozenset({action}))]) == touched
    assert databases_of([Privilege(resource, frozenset())]) == frozenset()
