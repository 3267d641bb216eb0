"""Guards the algebra of privileges: union and difference lose nothing and add nothing, and are said in plain words."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain import privileges
from accessrequests.domain.privileges import Privilege, Resource
from tests.domain.mongod import BUILT_IN, HELD, ORDERS, RESOURCES, SHOP, can


class TestIncludes:
    @pytest.mark.parametrize(
        ("wide", "narrow", "included"),
        [
            (SHOP, ORDERS, True),
            (ORDERS, SHOP, False),
            (SHOP, Resource("crm", "orders"), False),
            (SHOP, Resource("shop", "system.profile"), False),
            (Resource(), SHOP, True),
            (Resource(), ORDERS, True),
            (Resource(), Resource("local", "oplog.rs"), False),
            (Resource(), Resource("admin", "orders"), False),
            (Resource(), Resource("shop", "system.js"), False),
            (Resource("", "system.js"), Resource("shop", "system.js"), True),
            (Resource("", "orders"), ORDERS, True),
            (Resource("", "orders"), SHOP, False),
            (Resource("admin"), Resource("admin", "orders"), True),
            (Resource("admin"), Resource("admin"), True),
            (Resource(cluster=True), Resource(cluster=True), True),
            (Resource(cluster=True), ORDERS, False),
            (Resource(), Resource(cluster=True), False),
        ],
    )
    def test_follows_the_server(self, wide: Resource, narrow: Resource, included: bool) -> None:
        assert privileges.includes(wide, narrow) is included

    @given(RESOURCES, RESOURCES, RESOURCES)
    def test_is_an_order(self, one: Resource, other: Resource, third: Resource) -> None:
        assert privileges.includes(one, one)
        if privileges.includes(one, other) and privileges.includes(other, one):
            assert one == other
        if privileges.includes(one, other) and privileges.includes(other, third):
            assert privileges.includes(one, third)


class TestUnion:
    def test_says_everything_once(self) -> None:
        held = privileges.union(
            [can(ORDERS, "find", "insert")], [can(SHOP, "find")], [can(SHOP, "collStats"), can(ORDERS)]
        )

        assert held == (can(SHOP, "find", "collStats"), can(ORDERS, "insert"))

    def test_keeps_what_a_wider_resource_does_not_include(self) -> None:
        held = [can(Resource(), "find"), can(Resource("local"), "find"), can(Resource("shop", "system.js"), "find")]

        assert set(privileges.union(held)) == set(held)

    def test_lets_any_action_speak_for_the_others(self) -> None:
        assert privileges.union([can(SHOP, "anyAction"), can(ORDERS, "find")]) == (can(SHOP, "anyAction"),)

    @given(HELD, HELD)
    def test_covers_what_went_in_and_nothing_else(self, held: list[Privilege], more: list[Privilege]) -> None:
        together = privileges.union(held, more)

        assert all(privileges.covers(together, privilege) for privilege in [*held, *more])
        assert all(privileges.covers([*held, *more], privilege) for privilege in together)

    @given(HELD, st.randoms(use_true_random=False))
    def test_does_not_depend_on_order_or_repetition(self, held: list[Privilege], chance: object) -> None:
        shuffled = held * 2
        chance.shuffle(shuffled)  # type: ignore[attr-defined]

        assert privileges.union(shuffled) == privileges.union(held) == privileges.union(privileges.union(held))


class TestDifference:
    def test_is_what_is_new(self) -> None:
        before = [can(SHOP, "find")]

        assert privileges.difference([can(ORDERS, "find", "insert")], before) == (can(ORDERS, "insert"),)
        assert privileges.difference([can(ORDERS, "find")], before) == ()
        assert privileges.difference(before, [can(ORDERS, "find")]) == (can(SHOP, "find"),)

    @given(HELD, HELD)
    def test_and_what_was_make_up_what_is(self, after: list[Privilege], before: list[Privilege]) -> None:
        rest = privileges.difference(after, before)

        assert all(privileges.covers([*rest, *before], privilege) for privilege in after)
        assert all(privileges.covers(after, privilege) for privilege in rest)
        assert privileges.difference(after, after) == ()

    @given(HELD, HELD, HELD)
    def test_grows_with_what_is_and_shrinks_with_what_was(
        self, after: list[Privilege], before: list[Privilege], more: list[Privilege]
    ) -> None:
        rest = privileges.difference(after, before)

        with_more = privileges.difference([*after, *more], before)

        assert all(privileges.covers(with_more, one) for one in rest)
        assert all(privileges.covers(rest, one) for one in privileges.difference(after, [*before, *more]))


class TestJson:
    @given(HELD)
    def test_reads_back(self, held: list[Privilege]) -> None:
        stored = json.loads(json.dumps(privileges.to_json(held)))

        assert privileges.from_json(stored) == tuple(held)


class TestSentences:
    def test_say_what_read_lets_one_do(self) -> None:
        assert privileges.what_this_lets_you_do([can(ORDERS, "find")]) == ["Read documents in shop.orders."]

    def test_say_what_read_write_lets_one_do(self) -> None:
        assert privileges.what_this_lets_you_do(BUILT_IN["readWrite@shop"]) == [
            "Read documents in every collection of shop.",
            "Follow changes as they happen in every collection of shop.",
            "See names, sizes and indexes in every collection of shop.",
            "Insert, update and delete documents in every collection of shop.",
            "Make and drop indexes in every collection of shop.",
            "Tidy what encrypted fields need in every collection of shop.",
            "Make, rename, cap and drop collections of shop.",
        ]

    def test_name_the_actions_that_have_no_words_and_those_that_give_access(self) -> None:
        held = [
            can(SHOP, "somethingNew", "collMod", "shardIt", "createUser", "grantRole"),
            can(Resource(cluster=True), "shutdown"),
        ]

        assert privileges.what_this_lets_you_do(held) == [
            "Change options and rules of every collection of shop.",
            "Use shardIt and somethingNew on every collection of shop.",
            "Use shutdown on the server itself.",
            "Give or change access itself with createUser and grantRole on every collection of shop.",
        ]

    def test_put_places_of_one_deed_together(self) -> None:
        held = [
            can(ORDERS, "find", "dropCollection"),
            can(Resource("", "logs"), "find"),
            can(Resource(), "createCollection"),
        ]

        assert privileges.what_this_lets_you_do(held) == [
            "Read documents in every logs and shop.orders.",
            "Drop shop.orders.",
            "Make collections of every database.",
        ]

    def test_hide_no_power_over_stored_scripts(self) -> None:
        held = [can(SHOP, "find"), can(Resource("shop", "system.js"), "find", "insert")]

        assert "Insert documents in shop.system.js." in privileges.what_this_lets_you_do(held)

    def test_say_what_changes(self) -> None:
        before, after = [can(SHOP, "find")], [can(ORDERS, "find", "insert")]

        assert privileges.what_changes(before, after) == [
            "New: insert documents in shop.orders.",
            "No longer: read documents in every collection of shop.",
        ]
        assert privileges.what_changes(before, before) == ["Nothing changes."]

    @given(HELD)
    def test_leave_no_action_unsaid(self, held: list[Privilege]) -> None:
        said = privileges.what_this_lets_you_do(held)

        assert bool(said) == any(privilege.actions for privilege in held)
        assert all(sentence.endswith(".") and sentence[0].isupper() for sentence in said)
