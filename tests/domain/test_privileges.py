"""Guards what roles are taken to mean: never less than the server allows, and never a level too low."""

from __future__ import annotations

import itertools

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
from tests.domain.mongod import BUILT_IN, HELD, ORDERS, SHOP, can


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
        assert RoleRef.stored(text) == role_ref
        assert str(role_ref) == text

    def test_of_a_project_has_no_database(self) -> None:
        assert RoleRef.stored("GROUP_READ_ONLY") == RoleRef("GROUP_READ_ONLY", "")
        assert str(RoleRef("GROUP_READ_ONLY", "")) == "GROUP_READ_ONLY"

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
        with pytest.raises(privileges.InvalidRole, match=r"^Write a role as role@database or"):
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
            ("clusterMonitor@admin", Level.DELEGATING),
            ("clusterManager@admin", Level.ADMIN),
            ("clusterAdmin@admin", Level.DELEGATING),
            ("hostManager@admin", Level.ADMIN),
            ("backup@admin", Level.DELEGATING),
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
            (can(ORDERS, "find"), Level.READ),
            (can(ORDERS, "find", "insert"), Level.WRITE),
            (can(ORDERS, "somethingNew"), Level.ADMIN),
            (can(ORDERS, "bypassDocumentValidation"), Level.ADMIN),
            (can(ORDERS, "FIND"), Level.ADMIN),
            (can(SHOP, "viewUser", "viewRole"), Level.ADMIN),
            (can(SHOP, "grantRole"), Level.DELEGATING),
            (can(SHOP, "changeOwnCustomData"), Level.DELEGATING),
            (can(SHOP, "changeOwnPassword"), Level.DELEGATING),
            (can(Resource(), "find"), Level.READ),
            (can(Resource(), "update"), Level.WRITE),
            (can(Resource(cluster=True), "listDatabases"), Level.ADMIN),
            (can(Resource(cluster=True), "applyOps"), Level.DELEGATING),
            (can(Resource("local", "oplog.rs"), "find"), Level.DELEGATING),
            (can(Resource("config"), "find"), Level.ADMIN),
            (can(Resource("__mdb_internal_search"), "find"), Level.ADMIN),
            (can(Resource("shop", "system.js"), "find"), Level.READ),
            (can(Resource("shop", "system.js"), "insert"), Level.WRITE),
            (can(Resource("shop", "system.buckets.prices"), "find"), Level.READ),
            (can(Resource("shop", "system.profile"), "find"), Level.ADMIN),
            (can(Resource("shop", "system.views"), "insert"), Level.ADMIN),
            (can(Resource("", "system.users"), "find"), Level.DELEGATING),
            (can(Resource("", "system.users"), "collStats"), Level.ADMIN),
            (can(Resource("admin", "system.roles"), "find"), Level.ADMIN),
            (can(Resource("local", "startup_log"), "find"), Level.ADMIN),
            (can(Resource("local"), "find"), Level.DELEGATING),
            (can(Resource("", "system.users"), "insert"), Level.DELEGATING),
            (can(Resource("admin", "system.roles"), "update"), Level.DELEGATING),
        ],
    )
    def test_looks_at_the_action_and_at_the_resource(self, privilege: Privilege, level: Level) -> None:
        assert privileges.level_of([privilege]) is level

    def test_of_nothing_is_the_lowest(self) -> None:
        assert privileges.level_of([]) is Level.READ
        assert privileges.level_of([can(Resource(cluster=True))]) is Level.READ

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
            ((can(ORDERS, "find"),), "shop.orders"),
            ((can(ORDERS, "find"), can(Resource("crm", "people"), "find")), "crm.people and shop.orders"),
            (BUILT_IN["read@shop"], "every collection of shop"),
            ((can(Resource(), "find"),), "every database"),
            ((can(Resource("", "orders"), "find"),), "every database"),
            (BUILT_IN["readAnyDatabase@admin"], "the server itself"),
        ],
    )
    def test_says_how_far(self, held: tuple[Privilege, ...], reach: str) -> None:
        assert privileges.reach_of(held) == reach

    def test_is_read_together_with_the_level(self) -> None:
        assert privileges.read(iter([can(Resource(), "find")])) == privileges.Reading(Level.READ, "every database")


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

    def test_makes_no_view_for_who_may_not_read(self) -> None:
        (admin,) = privileges.narrow(BUILT_IN["dbAdmin@shop"], database="shop", collection="orders")
        (owner,) = privileges.narrow(BUILT_IN["dbOwner@shop"], database="shop", collection="orders")

        assert not admin.actions & {"createCollection", "collMod"}
        assert {"find", "createCollection", "collMod"} <= owner.actions

    @given(HELD, HELD)
    def test_grows_with_the_role(self, held: list[Privilege], more: list[Privilege]) -> None:
        wider = privileges.narrow([*held, *more], database="shop", collection="orders")

        assert all(
            privileges.covers(wider, one) for one in privileges.narrow(held, database="shop", collection="orders")
        )

    def test_gives_nothing_elsewhere(self) -> None:
        assert privileges.narrow(BUILT_IN["read@shop"], database="crm", collection="orders") == ()
        assert privileges.narrow(BUILT_IN["read@shop"], database="shop", collection="system.profile") == ()
        assert privileges.narrow([can(ORDERS, "find")], database="shop", collection="customers") == ()

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
