"""Guards what the roles of an ask come to on a target: single actions only where they mean what they say."""

from __future__ import annotations

from typing import Any

import pytest

from accessrequests.domain.privileges import Level
from accessrequests.queries import asks
from accessrequests.queries.asks import Considered, Invalid
from tests import make
from tests.make import Cast


def considered(cast: Cast, *roles: str) -> Considered:
    return asks.consider(requester=cast.alice, asked=make.asked(roles=roles), at=make.now())


def test_single_actions_are_judged_by_what_they_come_to(cast: Cast) -> None:
    found = considered(cast, "insert,find@shop.orders", "listIndexes@shop")

    assert [str(role) for role in found.roles] == ["find,insert@shop.orders", "listIndexes@shop"]
    assert (found.verdict.level, found.verdict.allowed) == (Level.WRITE, True)
    assert asks.elsewhere(found, make.target("shop-dev").inventory).level is Level.WRITE  # type: ignore[union-attr]


def test_giving_access_itself_is_refused_by_every_policy(cast: Cast) -> None:
    verdict = considered(cast, "createUser,find@shop").verdict

    assert (verdict.level, verdict.allowed) == (Level.DELEGATING, False)


@pytest.mark.parametrize(
    ("role", "why"),
    [
        ("find@crm", "There is no database called crm."),
        ("find@sohp", "There is no database called sohp. Did you mean shop?"),
        ("find@admin", "There is no database called admin."),
        ("find@shop.ordres", "shop has no collection called ordres. Did you mean shop.orders or shop.products?"),
        ("createSearchIndexes@shop.orders", "shop-prod has no search indexes, so createSearchIndexes means nothing"),
        ("dropDatabase@shop.orders", "dropDatabase means nothing on one collection."),
    ],
)
def test_what_is_not_there_is_named(cast: Cast, role: str, why: str) -> None:
    with pytest.raises(Invalid) as caught:
        considered(cast, role)
    assert caught.value.errors["roles"][0].startswith(why)


def test_the_same_twice_in_another_order_is_one_too_many(cast: Cast) -> None:
    with pytest.raises(Invalid, match="Name each role once"):
        considered(cast, "find,insert@shop", "insert,find@shop")


def test_a_role_that_is_called_like_an_action_cannot_be_meant(cast: Cast) -> None:
    named: dict[str, Any] = {"find_at_shop": make.ROLES["dbAdmin@shop"]}
    make.read_inventories(**named)

    with pytest.raises(
        Invalid, match="find@shop is read as a single action, and the target has a role of that very name"
    ):
        considered(cast, "find@shop")
    assert considered(cast, "find,insert@shop").verdict.allowed


def test_search_indexes_are_for_atlas(cast: Cast) -> None:
    make.make_atlas()
    make.publish_rules(make.rule("all"))
    asked = make.asked_of_atlas(roles=("createSearchIndexes@shop.orders",))

    assert asks.consider(requester=cast.alice, asked=asked, at=make.now()).verdict.allowed
