"""Guards what roles are taken to mean: never less than the server allows, and never a level too low.

`mongod_roles.json` is what rolesInfo of mongod 6.0.5 says of its built-in roles, written in the domain's words.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain import privileges
from accessrequests.domain.actions import (
    COLLECTION_ACTIONS,
    DELEGATING_ACTIONS,
    READ_ACTIONS,
    WRITE_ACTIONS,
)
from accessrequests.domain.privileges import Level, Privilege, Resource, RoleRef

BUILT_IN = {
    name: tuple(Privilege(Resource(*entry["resource"]), frozenset(entry["actions"])) for entry in entries)
    for name, entries in json.loads(Path(__file__).with_name("mongod_roles.json").read_text()).items()
}
SHOP = Resource("shop")
ORDERS = Resource("shop", "orders")

DATABASES = st.sampled_from(["", "shop", "crm", "admin", "local", "config", "__mdb_internal_x"])
COLLECTIONS = st.sampled_from(
    ["", "orders", "customers", "system.js", "system.profile", "system.users", "system.buckets.t"]
)
RESOURCES = st.builds(Resource, DATABASES, COLLECTIONS) | st.just(Resource(cluster=True))
ACTIONS = st.sampled_from(["find", "insert", "collMod", "createUser", "anyAction", "somethingNew", "dropDatabase"])
PRIVILEGES = st.builds(Privilege, RESOURCES, st.frozensets(ACTIONS, max_size=4))
HELD = st.lists(PRIVILEGES, max_size=5)


def _can(resource: Resource, *actions: str) -> Privilege:
    return Privilege(resource, frozenset(actions))


class TestRoleRef:
    @pytest.mark.parametrize(
        ("text", "role_ref"),
        [
            ("read@shop", RoleRef("read", "shop")),
            ("read@shop.orders", RoleRef("read", "shop", "orders")),
            ("readWrite@shop.orders.2024", RoleRef("readWrite", "shop", "orders.2024")),
            ("my role@shop.order lines", RoleRef("my role", "shop", "order lines")),
            ("a.b@shop", RoleRef("a.b", "shop")),
            ("read@shop.a@b", RoleRef("read", "shop", "a@b")),
            ("lesen@läden.bücher", RoleRef("lesen", "läden", "bücher")),
        ],
    )
    def test_is_read_and_written_alike(self, text: str, role_ref: RoleRef) -> None:
        assert RoleRef.parse(text) == role_ref
        assert str(role_ref) == text

    @pytest.mark.parametrize(
        "text",
        [
            *(
                "",
                "read",
                "@",
                "@shop",
                "read@",
                "read@.orders",
                "read@shop.",
                "read@@shop",
                "read@shop/x",
                "read@sh op",
            ),
            *(
                "read@$external",
                "read@shop.$cmd",
                "read@shop.or\x00ders",
                "read@shop\n",
                "re\u202ead@shop",
                "read@shop.\ud800",
            ),
            *(
                "r" * 129 + "@shop",
                "read@" + "s" * 64,
                "read@shop." + "c" * 251,
                "read@shöp" + "ö" * 30,
                'read@"shop"',
                "read@a*",
            ),
        ],
    )
    def test_refuses_other_texts(self, text: str) -> None:
        with pytest.raises(privileges.InvalidRole, match=r"like read@shop\.orders\.$"):
            RoleRef.parse(text)

    @given(st.text(max_size=40))
    def test_reads_back_whatever_it_takes(self, text: str) -> None:
        try:
            role_ref = RoleRef.parse(text)
        except privileges.InvalidRole:
            return
        assert str(role_ref) == text

    def test_names_its_place_and_its_entry_in_the_inventory(self) -> None:
        role_ref = RoleRef.parse("read@shop.orders")

        assert role_ref.inventory_name == "read@shop"
        assert role_ref.where == "shop.orders"
        assert RoleRef.parse("read@shop").where == "shop"


class TestLevel:
    def test_is_ordered_by_trust_and_not_by_the_alphabet(self) -> None:
        levels = [Level.READ, Level.WRITE, Level.ADMIN, Level.DELEGATING]

        assert sorted([Level.WRITE, Level.DELEGATING, Level.READ, Level.ADMIN]) == levels
        for (low, one), (high, other) in itertools.product(enumerate(levels), repeat=2):
            assert (one < other) == (low < high)
            assert (one <= other) == (low <= high)
            assert (one > other) == (low > high)
            assert (one >= other) == (low >= high)


class TestLevelOf:
    @pytest.mark.parametrize(
        ("role", "level"),
        [
            ("read@shop", Level.READ),
            ("readWrite@shop", Level.WRITE),
            ("dbAdmin@shop", Level.ADMIN),
            ("dbOwner@shop", Level.DELEGATING),
            ("userAdmin@shop", Level.DELEGATING),
            ("enableSharding@shop", Level.ADMIN),
            ("read@admin", Level.ADMIN),
            ("readWrite@admin", Level.ADMIN),
            ("userAdmin@admin", Level.DELEGATING),
            ("userAdminAnyDatabase@admin", Level.DELEGATING),
            ("readAnyDatabase@admin", Level.ADMIN),
            ("readWriteAnyDatabase@admin", Level.ADMIN),
            ("dbAdminAnyDatabase@admin", Level.DELEGATING),
            ("clusterMonitor@admin", Level.ADMIN),
            ("clusterManager@admin", Level.ADMIN),
            ("clusterAdmin@admin", Level.DELEGATING),
            ("hostManager@admin", Level.ADMIN),
            ("backup@admin", Level.ADMIN),
            ("restore@admin", Level.DELEGATING),
            ("root@admin", Level.DELEGATING),
            ("__system@admin", Level.DELEGATING),
        ],
    )
    def test_knows_the_built_in_roles(self, role: str, level: Level) -> None:
        assert privileges.level_of(BUILT_IN[role]) is level

    @pytest.mark.parametrize(
        ("privilege", "level"),
        [
            (_can(ORDERS, "find"), Level.READ),
            (_can(ORDERS, "find", "insert"), Level.WRITE),
            (_can(ORDERS, "somethingNew"), Level.ADMIN),
            (_can(ORDERS, "bypassDocumentValidation"), Level.ADMIN),
            (_can(ORDERS, "FIND"), Level.ADMIN),
            (_can(SHOP, "viewUser", "viewRole"), Level.ADMIN),
            (_can(SHOP, "grantRole"), Level.DELEGATING),
            (_can(SHOP, "changeOwnCustomData"), Level.DELEGATING),
            (_can(SHOP, "changeOwnPassword"), Level.DELEGATING),
            (_can(Resource(), "find"), Level.READ),
            (_can(Resource(), "update"), Level.WRITE),
            (_can(Resource(cluster=True), "listDatabases"), Level.ADMIN),
            (_can(Resource(cluster=True), "applyOps"), Level.DELEGATING),
            (_can(Resource("local", "oplog.rs"), "find"), Level.ADMIN),
            (_can(Resource("config"), "find"), Level.ADMIN),
            (_can(Resource("__mdb_internal_search"), "find"), Level.ADMIN),
            (_can(Resource("shop", "system.js"), "find"), Level.READ),
            (_can(Resource("shop", "system.js"), "insert"), Level.WRITE),
            (_can(Resource("shop", "system.buckets.prices"), "find"), Level.READ),
            (_can(Resource("shop", "system.profile"), "find"), Level.ADMIN),
            (_can(Resource("shop", "system.views"), "insert"), Level.ADMIN),
            (_can(Resource("", "system.users"), "find"), Level.ADMIN),
            (_can(Resource("", "system.users"), "insert"), Level.DELEGATING),
            (_can(Resource("admin", "system.roles"), "update"), Level.DELEGATING),
        ],
    )
    def test_looks_at_the_action_and_at_the_resource(self, privilege: Privilege, level: Level) -> None:
        assert privileges.level_of([privilege]) is level

    def test_of_nothing_is_the_lowest(self) -> None:
        assert privileges.level_of([]) is Level.READ
        assert privileges.level_of([_can(Resource(cluster=True))]) is Level.READ

    def test_sorts_every_action_once(self) -> None:
        for one, other in itertools.combinations((READ_ACTIONS, WRITE_ACTIONS, DELEGATING_ACTIONS), 2):
            assert not one & other
        assert not COLLECTION_ACTIONS & DELEGATING_ACTIONS

    @given(HELD, HELD)
    def test_never_falls_when_more_is_allowed(self, held: list[Privilege], more: list[Privilege]) -> None:
        together = privileges.union(held, more)

        assert privileges.level_of(together) == max(privileges.level_of(held), privileges.level_of(more))

    @given(HELD)
    def test_does_not_depend_on_how_it_is_said(self, held: list[Privilege]) -> None:
        assert privileges.level_of(privileges.normalise(held)) == privileges.level_of(held)


class TestReach:
    @pytest.mark.parametrize(
        ("held", "reach"),
        [
            ((), "nothing"),
            ((_can(ORDERS, "find"),), "shop.orders"),
            ((_can(ORDERS, "find"), _can(Resource("crm", "people"), "find")), "crm.people and shop.orders"),
            (BUILT_IN["read@shop"], "every collection of shop"),
            ((_can(Resource(), "find"),), "every database"),
            ((_can(Resource("", "orders"), "find"),), "every database"),
            (BUILT_IN["readAnyDatabase@admin"], "the server itself"),
        ],
    )
    def test_says_how_far(self, held: tuple[Privilege, ...], reach: str) -> None:
        assert privileges.reach_of(held) == reach

    def test_is_read_together_with_the_level(self) -> None:
        assert privileges.read(iter([_can(Resource(), "find")])) == privileges.Reading(Level.READ, "every database")


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
            [_can(ORDERS, "find", "insert")], [_can(SHOP, "find")], [_can(SHOP, "collStats"), _can(ORDERS)]
        )

        assert held == (_can(SHOP, "find", "collStats"), _can(ORDERS, "insert"))

    def test_keeps_what_a_wider_resource_does_not_include(self) -> None:
        held = [_can(Resource(), "find"), _can(Resource("local"), "find"), _can(Resource("shop", "system.js"), "find")]

        assert set(privileges.union(held)) == set(held)

    def test_lets_any_action_speak_for_the_others(self) -> None:
        assert privileges.union([_can(SHOP, "anyAction"), _can(ORDERS, "find")]) == (_can(SHOP, "anyAction"),)

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
        before = [_can(SHOP, "find")]

        assert privileges.difference([_can(ORDERS, "find", "insert")], before) == (_can(ORDERS, "insert"),)
        assert privileges.difference([_can(ORDERS, "find")], before) == ()
        assert privileges.difference(before, [_can(ORDERS, "find")]) == (_can(SHOP, "find"),)

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


class TestNarrow:
    def test_keeps_what_means_something_on_one_collection(self) -> None:
        (narrowed,) = privileges.narrow(BUILT_IN["readWrite@shop"], database="shop", collection="orders")

        assert narrowed.resource == ORDERS
        assert {"find", "insert", "update", "remove", "createIndex", "dropCollection"} <= narrowed.actions
        assert not narrowed.actions & {"listCollections", "dbStats", "dbHash", "renameCollectionSameDB"}

    def test_loses_all_power_over_users_and_roles(self) -> None:
        narrowed = privileges.narrow(BUILT_IN["dbOwner@shop"], database="shop", collection="orders")

        assert privileges.level_of(narrowed) is Level.ADMIN
        assert privileges.narrow(BUILT_IN["userAdmin@shop"], database="shop", collection="orders") == ()

    def test_gives_nothing_elsewhere(self) -> None:
        assert privileges.narrow(BUILT_IN["read@shop"], database="crm", collection="orders") == ()
        assert privileges.narrow(BUILT_IN["read@shop"], database="shop", collection="system.profile") == ()
        assert privileges.narrow([_can(ORDERS, "find")], database="shop", collection="customers") == ()

    @given(HELD, st.sampled_from(["shop", "admin"]), st.sampled_from(["orders", "system.profile"]))
    def test_never_gives_more_than_the_role(self, held: list[Privilege], database: str, collection: str) -> None:
        for privilege in privileges.narrow(held, database=database, collection=collection):
            assert privilege.resource == Resource(database, collection)
            assert privileges.covers(held, privilege)
            assert privilege.actions <= COLLECTION_ACTIONS


class TestExpand:
    def test_gives_the_role_as_the_target_has_it(self) -> None:
        expanded = privileges.expand(RoleRef.parse("read@shop"), BUILT_IN)

        assert expanded == privileges.normalise(BUILT_IN["read@shop"])

    def test_narrows_to_the_collection(self) -> None:
        (expanded,) = privileges.expand(RoleRef.parse("read@shop.orders"), BUILT_IN)

        assert expanded.resource == ORDERS
        assert privileges.level_of([expanded]) is Level.READ

    @pytest.mark.parametrize("text", ["reed@shop", "read@Shop", "read@crm", "READ@shop", "read@crm.orders"])
    def test_refuses_a_role_that_is_not_there(self, text: str) -> None:
        with pytest.raises(privileges.UnknownRole, match="has no role"):
            privileges.expand(RoleRef.parse(text), BUILT_IN)

    @pytest.mark.parametrize("text", ["userAdmin@shop.orders", "read@shop.system.profile"])
    def test_refuses_a_role_that_has_nothing_for_the_collection(self, text: str) -> None:
        with pytest.raises(privileges.UnknownRole, match="gives nothing on the one collection"):
            privileges.expand(RoleRef.parse(text), BUILT_IN)


class TestJson:
    @given(HELD)
    def test_reads_back(self, held: list[Privilege]) -> None:
        stored = json.loads(json.dumps(privileges.to_json(held)))

        assert privileges.from_json(stored) == tuple(held)


class TestSentences:
    def test_say_what_read_lets_one_do(self) -> None:
        assert privileges.what_this_lets_you_do([_can(ORDERS, "find")]) == ["Read documents in shop.orders."]

    def test_say_what_read_write_lets_one_do(self) -> None:
        assert privileges.what_this_lets_you_do(BUILT_IN["readWrite@shop"]) == [
            "Read documents in every collection of shop.",
            "Follow changes as they happen in every collection of shop.",
            "See names, sizes and indexes in every collection of shop.",
            "Insert, update and delete documents in every collection of shop.",
            "Make and drop indexes in every collection of shop.",
            "Make, rename, cap and drop collections of shop.",
            "Tidy what encrypted fields need in every collection of shop.",
        ]

    def test_name_the_actions_that_have_no_words_and_those_that_give_access(self) -> None:
        held = [
            _can(SHOP, "somethingNew", "collMod", "createUser", "grantRole"),
            _can(Resource(cluster=True), "shutdown"),
        ]

        assert privileges.what_this_lets_you_do(held) == [
            "Use collMod and somethingNew on every collection of shop.",
            "Use shutdown on the server itself.",
            "Give or change access itself with createUser and grantRole on every collection of shop.",
        ]

    def test_put_places_of_one_deed_together(self) -> None:
        held = [
            _can(ORDERS, "find", "dropCollection"),
            _can(Resource("", "logs"), "find"),
            _can(Resource(), "createCollection"),
        ]

        assert privileges.what_this_lets_you_do(held) == [
            "Read documents in every logs and shop.orders.",
            "Drop shop.orders.",
            "Make collections of every database.",
        ]

    def test_hide_no_power_over_stored_scripts(self) -> None:
        held = [_can(SHOP, "find"), _can(Resource("shop", "system.js"), "find", "insert")]

        assert "Insert documents in shop.system.js." in privileges.what_this_lets_you_do(held)

    def test_say_what_changes(self) -> None:
        before, after = [_can(SHOP, "find")], [_can(ORDERS, "find", "insert")]

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
