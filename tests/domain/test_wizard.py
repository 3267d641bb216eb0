"""Guards the questions that lead to an ask: every way ends, none ends in nothing, and each ends in the smallest that fits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from accessrequests.domain.privileges import Level, RoleRef, expand, from_json, level_of
from accessrequests.domain.wizard import KEYS, TOLD, Choice, Proposal, Step, next_step
from accessrequests.domain.wizard_answers import AdminRole, Offered, Standing

LENGTHS = ("PT30M", "PT2H", "PT8H")
OPEN = Standing(cost="at once", maximum=timedelta(hours=24), methods=("scram", "x509"))
TWO = Standing(cost="two of data-owners", people=2, maximum=timedelta(hours=4), methods=("scram",))
NO = Standing("Rule no denies it.")
ACTIONS = {
    "collection": {"find": "read documents", "createIndex": "make indexes", "createCollection,find": "make it"},
    "database": {"find": "read documents", "dbStats": "see how much there is in all"},
}


def on(database: str, *actions: str) -> list[dict[str, Any]]:
    return [{"resource": {"database": database, "collection": "", "cluster": False}, "actions": list(actions)}]


ROLES: dict[str, Any] = {
    "read@shop": on("shop", "find", "listCollections"),
    "readWrite@shop": on("shop", "find", "insert", "update", "remove"),
    "dbAdmin@shop": on("shop", "collMod", "createIndex"),
    "read@logs": on("logs", "find"),
}
ADMIN = (AdminRole("dbAdmin@shop", "shop", Level.ADMIN), AdminRole("clusterMonitor@admin", "the server itself"))


def offered(target: str = "shop-prod", **changes: Any) -> Offered:
    values: dict[str, Any] = {
        "name": f"{target}, of data-owners",
        "environment": "production",
        "policy": dict.fromkeys(Level, OPEN) | {Level.ADMIN: TWO, Level.DELEGATING: NO},
        "roles": ROLES,
        "collections": {"logs": [], "shop": ["customers", "orders"]},
        "admin_roles": ADMIN,
    }
    return Offered(target=target, **{**values, **changes})


ATLAS = offered(
    "ecommerce-prod",
    kinds=frozenset({"database_user", "role_grant", "project_role"}),
    clusters=("main", "reporting"),
    own=("alice@admin",),
    services={"etl@admin": "etl", "reports@admin": "reports"},
    project_roles=("GROUP_CLUSTER_MANAGER", "GROUP_READ_ONLY"),
    actions=ACTIONS,
)
ONLY_ROLES = offered("legacy", kinds=frozenset({"role_grant"}), own=("alice@admin",))
UNREAD = offered("new", roles=None, collections={}, admin_roles=None)
SHUT = offered("shut", policy=dict.fromkeys(Level, NO), roles=None, collections={}, admin_roles=None)
WORLDS: Mapping[str, tuple[Offered, ...]] = {
    "one server": (offered(),),
    "several": (offered(), offered("shop-dev", policy=dict.fromkeys(Level, OPEN)), ATLAS, UNREAD, SHUT),
    "Atlas and no Atlas user": (dataclasses.replace(ATLAS, project_roles=None, services={}),),
    "logins that stand anyway": (ONLY_ROLES,),
    "reading only": (offered(policy=dict.fromkeys(Level, NO) | {Level.READ: OPEN}),),
    "no collection, nothing to administer": (offered(collections={"shop": []}, admin_roles=()),),
    "not read yet": (UNREAD,),
    "nothing allowed": (SHUT, offered(policy=dict.fromkeys(Level, NO), roles=None, collections={})),
    "no target": (),
}


def walk(world: tuple[Offered, ...], answers: Mapping[str, str] | None = None) -> Iterator[Step | Proposal]:
    """Every page and every end that can be reached."""
    found = next_step(answers or {}, world, LENGTHS)
    yield found
    if isinstance(found, Step):
        for choice in found.choices:
            if not choice.refusal:
                yield from walk(world, {**(answers or {}), found.key: choice.value})


def ends(world: tuple[Offered, ...]) -> list[Proposal]:
    return [found for found in walk(world) if isinstance(found, Proposal)]


def step(answers: Mapping[str, str], *world: Offered) -> Step:
    found = next_step(answers, world or (offered(),), LENGTHS)
    assert isinstance(found, Step)
    return found


def end(*world: Offered, **answers: str) -> Proposal:
    found = next_step(answers, world or (offered(),), LENGTHS)
    assert isinstance(found, Proposal), found
    return found


@pytest.mark.parametrize("name", WORLDS)
def test_every_way_ends_in_an_ask_or_says_why_it_goes_no_further(name: str) -> None:
    world = WORLDS[name]
    for found in walk(world):
        assert [one.key for one in found.given] == [key for key in KEYS if key in {one.key for one in found.given}]
        if isinstance(found, Step):
            assert found.key in KEYS
            assert all(one.title for one in found.choices)
            assert len({one.value for one in found.choices}) == len(found.choices)
        else:
            assert_fits(found, {one.target: one for one in world}[found.target])


def assert_fits(found: Proposal, here: Offered) -> None:
    """It is on offer there, allowed, and as narrow as it was asked for."""
    assert found.kind in here.kinds
    assert found.told in TOLD
    assert bool(found.database_user) == (found.kind == "role_grant")
    assert found.authentication == ("scram" if found.kind == "database_user" else "")
    if found.kind == "project_role":
        assert (found.role in (here.project_roles or ()), found.clusters) == (True, ())
        return
    assert len(found.clusters) == (1 if here.clusters else 0)
    role = RoleRef.parse(found.role)
    assert bool(role.collection) == found.told.endswith("collection")
    if role.role not in {"clusterMonitor", *ACTIONS["collection"], *ACTIONS["database"]}:
        held = expand(role, {name: from_json(stored) for name, stored in ROLES.items()})
        standing = here.policy[level_of(held)]
        assert not standing.refusal
        assert standing.maximum is None or timedelta(hours=8) >= standing.maximum or found.duration in LENGTHS


def test_the_whole_tree_has_all_its_ends() -> None:
    found = ends(WORLDS["several"])

    assert {one.told for one in found} == set(TOLD)
    assert {one.kind for one in found} == {"database_user", "role_grant", "project_role"}
    assert {one.target for one in found} == {"shop-prod", "shop-dev", "ecommerce-prod"}


@pytest.mark.parametrize("name", ["not read yet", "nothing allowed", "no target"])
def test_nothing_is_promised_where_nothing_can_be_had(name: str) -> None:
    assert ends(WORLDS[name]) == []
    last = [found for found in walk(WORLDS[name]) if isinstance(found, Step)][-1]
    assert last.key == "do"
    assert all(one.refusal for one in last.choices)


def test_says_which_rule_refuses() -> None:
    assert step({"plane": "data", "who": "me"}, *WORLDS["nothing allowed"]).choices[0].refusal == NO.refusal
    wishes = {one.value: one.refusal for one in step({"plane": "data", "who": "me"}, *WORLDS["reading only"]).choices}
    assert wishes == {"read": "", "change": NO.refusal, "administer": NO.refusal}
    asked = {"plane": "data", "who": "me", "do": "read", "reach": "collection"}
    where = step(asked, *WORLDS["several"]).choices
    assert [(one.value, one.refusal) for one in where] == [
        ("ecommerce-prod", ""),
        ("shop-dev", ""),
        ("shop-prod", ""),
        ("new", "What it has to offer has not been read yet. That takes a minute once it answers."),
        ("shut", NO.refusal),
    ]


def test_the_fewest_people_come_first() -> None:
    slow = offered("a-slow-one", policy=dict.fromkeys(Level, TWO))

    where = step({"who": "me", "do": "read", "reach": "database"}, slow, offered()).choices

    assert [one.value for one in where] == ["shop-prod", "a-slow-one"]
    assert where[0].hint == "shop-prod, of data-owners. Takes: at once."


def test_what_is_missing_in_the_catalogue_is_said() -> None:
    (data, project) = step({}, *WORLDS["Atlas and no Atlas user"]).choices
    assert (data.refusal, "which Atlas user you are" in project.refusal) == ("", True)

    (me, service) = step({"plane": "data"}, *WORLDS["Atlas and no Atlas user"]).choices
    assert (me.refusal, "no login as of a service" in service.refusal) == ("", True)


def test_a_lone_answer_goes_without_saying_and_another_is_asked_again() -> None:
    answers = {"who": "me", "do": "read", "reach": "database", "place": "logs"}

    found = step({**answers, "length": "PT9999H"})

    assert found.key == "length"
    assert [(one.key, one.value) for one in found.given if not one.was_chosen] == [
        ("plane", "data"),
        ("target", "shop-prod"),
    ]
    assert step({**answers, "who": "nobody"}).key == "who", "what follows an answer that is none is not believed"
    assert step({**answers, "do": "administer", "place": "shop"}).key == "role"


def test_lengths_end_where_the_policy_ends_them() -> None:
    answers = {"who": "me", "do": "administer", "role": "clusterMonitor@admin"}
    assert [one.value for one in step(answers).choices] == ["PT30M", "PT2H"]

    short = dict.fromkeys(Level, Standing(maximum=timedelta(minutes=5)))
    assert end(offered(policy=short), **answers).duration == "PT5M"
    endless = dict.fromkeys(Level, Standing(maximum=None))
    assert [one.title for one in step(answers, offered(policy=endless)).choices] == ["30 minutes", "2 hours", "8 hours"]


def test_an_ask_is_spelled_as_the_form_takes_it() -> None:
    read = {"who": "me", "do": "read", "reach": "collection", "length": "PT30M"}
    assert end(**read, place="shop.orders").role == "read@shop.orders"
    assert end(who="me", do="administer", role="dbAdmin@shop", place="shop.orders", length="PT30M").role == (
        "dbAdmin@shop.orders"
    )
    assert end(who="me", do="administer", role="dbAdmin@shop", place="shop", length="PT30M").role == "dbAdmin@shop"
    atlas = {"plane": "data", "cluster": "main", "length": "PT30M"}
    single = end(ATLAS, **atlas, who="me", do="action", reach="collection", action="createIndex", place="shop.orders")
    assert (single.role, single.clusters, single.told) == ("createIndex@shop.orders", ("main",), "action-collection")
    service = end(ATLAS, **atlas, who="service", login="etl@admin", do="read", reach="database", place="logs")
    assert (service.kind, service.database_user, service.role) == ("role_grant", "etl@admin", "read@logs")
    project = end(ATLAS, plane="project", role="GROUP_READ_ONLY", length="PT30M")
    assert (project.kind, project.role, project.told) == ("project_role", "GROUP_READ_ONLY", "project")


def test_an_action_is_had_only_where_it_means_something() -> None:
    asked = {"plane": "data", "who": "me", "do": "action"}
    assert [one.value for one in step({**asked, "reach": "collection"}, ATLAS).choices] == [*ACTIONS["collection"]]
    assert [one.value for one in step({**asked, "reach": "database"}, ATLAS).choices] == [*ACTIONS["database"]]
    assert "action" not in {one.value for one in step({"plane": "data", "who": "me"}).choices}

    (where, *_) = [
        one for one in step({**asked, "reach": "database", "action": "find"}, ATLAS, offered()).choices if one.refusal
    ]
    assert where == Choice(
        "shop-prod", "shop-prod", "shop-prod, of data-owners", environment="production", refusal=where.refusal
    )


def test_roles_that_can_give_access_are_never_led_to() -> None:
    giving = offered(roles={"read@shop": on("shop", "find", "grantRole"), "read@logs": ROLES["read@logs"]})

    assert {one.role for one in ends((giving,)) if one.told == "read-database"} == {"read@logs"}
    assert {one.role for one in ends((giving,)) if one.told == "read-collection"} == {
        "read@shop.customers",
        "read@shop.orders",
    }, "on one collection that role has no such power"
