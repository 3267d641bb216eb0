"""Guards single actions asked for in place of a role: read as exactly these, and never where they mean something else."""

from __future__ import annotations

import pytest

from accessrequests.domain import privileges
from accessrequests.domain.actions import COLLECTION_ACTIONS, DELEGATING_ACTIONS
from accessrequests.domain.atlas_actions import atlas_action
from accessrequests.domain.privileges import Level, Privilege, Resource, RoleRef
from accessrequests.domain.single_actions import IN_WORDS


def level_of(text: str) -> Level:
    return privileges.level_of(privileges.expand(RoleRef.parse(text), {}))


def test_are_given_exactly_and_spelled_in_one_way() -> None:
    role_ref = RoleRef.parse("insert,find,insert@shop.orders")

    assert str(role_ref) == "find,insert@shop.orders"
    assert RoleRef.stored(str(role_ref)) == role_ref
    wanted = (Privilege(Resource("shop", "orders"), frozenset({"find", "insert"})),)
    assert privileges.expand(role_ref, {"find@shop": ()}) == wanted
    assert privileges.what_this_lets_you_do(wanted) == [
        "Read documents in shop.orders.",
        "Insert documents in shop.orders.",
    ]


def test_may_be_all_that_there_are_and_are_no_longer_than_they_need() -> None:
    every = ",".join(action for action in IN_WORDS if action in COLLECTION_ACTIONS)

    assert RoleRef.parse(f"{every}@shop.orders").actions == set(every.split(","))


@pytest.mark.parametrize("text", ["read@shop", "find.er@shop", "a,b@shop", "Find@shop", "GROUP_OWNER@shop"])
def test_a_role_stays_a_role(text: str) -> None:
    assert RoleRef.parse(text).actions == frozenset()


def test_of_a_project_there_are_none() -> None:
    assert RoleRef.stored("find").actions == frozenset()


@pytest.mark.parametrize(("text", "named"), [("find,frobnicate@shop", "frobnicate"), ("find,@shop", "nothing")])
def test_are_refused_beside_words_that_are_none(text: str, named: str) -> None:
    with pytest.raises(privileges.InvalidRole, match=f"^{named} cannot be asked for as a single action"):
        RoleRef.parse(text)


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("find,listIndexes@shop.orders", Level.READ),
        ("find,remove@shop.orders", Level.WRITE),
        ("collMod,find@shop.orders", Level.ADMIN),
        ("dropDatabase@shop", Level.ADMIN),
        ("createUser@shop", Level.DELEGATING),
        ("find,grantRole@shop.orders", Level.DELEGATING),
        ("find@local", Level.DELEGATING),
    ],
)
def test_need_as_much_trust_as_what_they_come_to(text: str, level: Level) -> None:
    assert level_of(text) is level


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("dropDatabase,find,listCollections@shop.orders", "dropDatabase, listCollections means nothing on one"),
        ("dropDatabase@shop.orders", "Ask for it on the whole database"),
        ("createCollection@shop.orders", "Ask for find with it"),
        ("collMod,insert@shop", "Ask for find with it"),
    ],
)
def test_are_refused_where_they_mean_nothing_or_more_than_they_say(text: str, why: str) -> None:
    with pytest.raises(privileges.UnknownRole, match=why):
        privileges.expand(RoleRef.parse(text), {})


def test_are_all_that_a_custom_role_of_atlas_can_hold() -> None:
    for action in IN_WORDS:
        where = Resource("shop", "orders" if action in COLLECTION_ACTIONS else "")
        assert atlas_action(action, where), action
        assert action not in DELEGATING_ACTIONS
