"""Guards our own custom roles in Atlas: what is in them is what was approved, shared, and gone with the last grant."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.privileges import Privilege, Resource
from accessrequests.models import Grant, SharedObject, SharedUse
from accessrequests.operations import grants
from tests import make
from tests.make import Cast
from tests.races.together import at_once, kinds
from tests.workers.atlas.gates import TARGET, Gates, can, gates, longest_call_is_over, spec
from workers.ledger import PostgresLedger
from workers.provisioners.atlas.custom_roles import CustomRoles, own_roles
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.roles import built_in
from workers.provisioners.atlas.widened import widened
from workers.provisioners.base import GrantedRole, GrantSpec, ProvisionerError

ROUNDS = int(os.environ.get("ACCESS_TEST_ROUNDS", "5"))
FIND = can("find", on="reporting.daily_sales")
INSERT = can("insert", on="reporting.daily_sales")
PASSWORD = "a password of some length"


@pytest.fixture
def atlas(committed_cast: Cast) -> Iterator[Gates]:
    with gates() as made:
        yield made


@pytest.fixture
def first(committed_cast: Cast) -> Grant:
    return make.active_grant(committed_cast.alice, committed_cast.bob)


@pytest.fixture
def second(committed_cast: Cast) -> Grant:
    return make.active_grant(committed_cast.frank, committed_cast.bob)


def somebody_gives(atlas: Gates, username: str, *names: str) -> None:
    """By hand, a user with these roles in `admin`."""
    roles = [{"databaseName": "admin", "roleName": name} for name in names]
    body = {"databaseName": "admin", "username": username, "password": PASSWORD, "roles": roles}
    atlas.somebody("POST", "/databaseUsers", {**body, "groupId": atlas.served.project.id})


def somebody_changes(atlas: Gates, name: str, action: str = "REMOVE") -> None:
    resource = {"cluster": False, "db": "reporting", "collection": ""}
    atlas.somebody("PATCH", f"/customDBRoles/roles/{name}", {"actions": [{"action": action, "resources": [resource]}]})


def release_by_end(atlas: Gates, one: GrantSpec) -> dict[str, str]:
    grants.end(grant_id=one.grant_id, reason=EndReason.DRIFT, note="")
    evidence = atlas.roles.release(one)
    assert evidence.done, evidence
    return dict(evidence.facts["custom_roles"])


def content(atlas: Gates, name: str) -> dict[str, set[tuple[bool, str, str]]]:
    """What each action may be done on: cluster, database, collection. Atlas shows what is not set, or leaves it out."""
    actions = atlas.served.project.custom_roles[name]["actions"]
    return {each["action"]: {_place(resource) for resource in each["resources"]} for each in actions}


def _place(resource: dict[str, Any]) -> tuple[bool, str, str]:
    return resource.get("cluster", False), resource.get("db", ""), resource.get("collection", "")


class TestOwnRoles:
    @pytest.mark.parametrize(
        ("role", "needs_one"),
        [
            (GrantedRole("read", "shop", "", ()), False),
            (GrantedRole("readWrite", "shop", "orders", ()), False),
            (GrantedRole("dbAdmin", "shop", "", ()), False),
            (GrantedRole("dbAdmin", "shop", "orders", ()), True),
            (GrantedRole("readAnyDatabase", "admin", "", ()), False),
            (GrantedRole("their-own", "admin", "", ()), False),
            (GrantedRole("their-own", "admin", "orders", ()), True),
            (GrantedRole("find", "reporting", "daily_sales", ()), True),
            (GrantedRole("find", "reporting", "", ()), True),
        ],
    )
    def test_are_for_what_atlas_cannot_give(self, first: Grant, role: GrantedRole, needs_one: bool) -> None:
        assert own_roles(spec(first, roles=[role])) == ([role] if needs_one else [])


class TestEnsure:
    def test_makes_a_role_of_exactly_what_was_approved(self, atlas: Gates, first: Grant) -> None:
        held = (
            Privilege(Resource("reporting", "daily_sales"), frozenset({"find", "killCursors", "createSearchIndexes"})),
            Privilege(Resource("reporting"), frozenset({"find", "listCollections"})),
            Privilege(Resource(cluster=True), frozenset({"inprog", "find"})),
        )
        role = GrantedRole("look", "reporting", "daily_sales", held)

        names = atlas.roles.ensure(spec(first, roles=[role, GrantedRole("read", "shop", "", ())]))

        assert names == {role: atlas.roles.name_of(held)}
        assert names[role].startswith("access-")
        one, whole = (False, "reporting", "daily_sales"), (False, "reporting", "")
        assert content(atlas, names[role]) == {
            "FIND": {one, whole},
            "CREATE_SEARCH_INDEX": {one},
            "LIST_COLLECTIONS": {whole},
            "IN_PROG": {(True, "", "")},
        }
        assert atlas.roles.changed(spec(first, roles=[role])) == []

    def test_is_repeated_and_shared_without_another_call(self, atlas: Gates, first: Grant, second: Grant) -> None:
        names = [atlas.roles.ensure(spec(grant, roles=[FIND])) for grant in (first, first, second)]

        assert names == [{FIND: atlas.role_names[0]}] * 3
        assert atlas.writes("customDBRoles") == ["POST"]
        assert SharedUse.objects.count() == len({first, second})

    def test_never_uses_one_that_somebody_changed(self, atlas: Gates, first: Grant, second: Grant) -> None:
        (widened,) = atlas.roles.ensure(spec(first, roles=[FIND])).values()
        somebody_changes(atlas, widened)

        (made,) = atlas.roles.ensure(spec(second, roles=[FIND])).values()

        assert made == f"{widened}-2"
        assert content(atlas, made) == {"FIND": {(False, "reporting", "daily_sales")}}
        assert atlas.roles.changed(spec(first, roles=[FIND])) == [widened]
        assert atlas.roles.changed(spec(second, roles=[FIND])) == []

    def test_takes_one_that_inherits_for_changed(self, atlas: Gates, first: Grant) -> None:
        (name,) = atlas.roles.ensure(spec(first, roles=[FIND])).values()
        inherits = [{"db": "reporting", "role": "readWrite"}]
        atlas.somebody("PATCH", f"/customDBRoles/roles/{name}", {"inheritedRoles": inherits})

        assert atlas.roles.changed(spec(first, roles=[FIND])) == [name]

    def test_goes_to_another_when_its_own_was_changed(self, atlas: Gates, first: Grant) -> None:
        one = spec(first, roles=[FIND])
        (widened,) = atlas.roles.ensure(one).values()
        somebody_changes(atlas, widened)

        (made,) = atlas.roles.ensure(one).values()

        assert atlas.roles.given(one) == {FIND: made}
        assert atlas.role_names == [widened, made]
        assert release_by_end(atlas, one) == {widened: "gone", made: "gone"}
        assert atlas.role_names == []

    def test_gives_up_when_all_were_changed(self, atlas: Gates, first: Grant) -> None:
        for _ in range(9):
            (name,) = atlas.roles.ensure(spec(first, roles=[FIND])).values()
            somebody_changes(atlas, name)

        with pytest.raises(ProvisionerError, match="was changed by somebody"):
            atlas.roles.ensure(spec(first, roles=[FIND]))

    def test_is_another_in_each_installation(self, atlas: Gates, first: Grant) -> None:
        elsewhere = CustomRoles(atlas.project, PostgresLedger(TARGET), "other1")

        assert elsewhere.name_of(FIND.privileges) != atlas.roles.name_of(FIND.privileges)
        assert atlas.roles.name_of(FIND.privileges) != atlas.roles.name_of(INSERT.privileges)

    def test_finds_its_own_after_a_lost_answer(self, atlas: Gates, first: Grant) -> None:
        atlas.served.order("drop_after_commit", method="POST", path="customDBRoles")
        with pytest.raises(AtlasFailure):
            atlas.roles.ensure(spec(first, roles=[FIND]))

        names = atlas.roles.ensure(spec(first, roles=[FIND]))

        assert list(names.values()) == atlas.role_names
        assert atlas.writes("customDBRoles") == ["POST"]

    def test_refuses_what_atlas_does_not_take(self, atlas: Gates, first: Grant) -> None:
        many = [can("find", on=f"reporting.c{number}") for number in range(21)]
        for roles, why in ((many, "20 custom roles"), ([can("killCursors", on="shop.orders")], "can allow nothing")):
            with pytest.raises(ProvisionerError, match=why) as refused:
                atlas.roles.ensure(spec(first, roles=roles))
            assert refused.value.permanent

        assert atlas.writes("customDBRoles") == []

    def test_says_when_the_project_is_full(self, atlas: Gates, first: Grant) -> None:
        atlas.change(custom_role_limit=1)
        atlas.roles.ensure(spec(first, roles=[FIND]))

        with pytest.raises(AtlasFailure) as full:
            atlas.roles.ensure(spec(first, roles=[INSERT]))

        assert full.value.full
        assert release_by_end(atlas, spec(first, roles=[FIND, INSERT])) == {
            atlas.roles.name_of(role.privileges): "gone" for role in (FIND, INSERT)
        }

    def test_makes_nothing_for_a_grant_that_ends(self, atlas: Gates, first: Grant) -> None:
        grants.end(grant_id=first.pk, reason=EndReason.DRIFT, note="")

        with pytest.raises(ProvisionerError) as refused:
            atlas.roles.ensure(spec(first, roles=[FIND]))

        assert refused.value.permanent
        assert atlas.role_names == []


class TestRelease:
    def test_keeps_what_another_grant_needs(self, atlas: Gates, first: Grant, second: Grant) -> None:
        one, other = spec(first, roles=[FIND, INSERT]), spec(second, roles=[FIND])
        atlas.roles.ensure(one)
        (shared,) = atlas.roles.ensure(other).values()
        alone = atlas.roles.name_of(INSERT.privileges)

        assert release_by_end(atlas, one) == {shared: "kept for other grants", alone: "gone"}
        assert atlas.role_names == [shared]
        assert release_by_end(atlas, other) == {shared: "gone"}
        assert atlas.role_names == []
        assert not SharedObject.objects.filter(kind="custom_role").exists()

    def test_goes_after_the_user(self, atlas: Gates, first: Grant) -> None:
        one = spec(first, roles=[FIND])
        (name,) = atlas.roles.ensure(one).values()
        somebody_gives(atlas, one.username, name, "readAnyDatabase")

        early = atlas.roles.release(one)
        atlas.somebody("DELETE", f"/databaseUsers/admin/{one.username}")

        assert (early.done, atlas.role_names) == (False, [name])
        assert early.remains == (f"The role {name} still belongs to the user of this grant, who goes first.",)
        assert release_by_end(atlas, one) == {name: "gone"}
        assert atlas.role_names == []

    @pytest.mark.parametrize("others", [(), ("readAnyDatabase",)])
    def test_names_whoever_has_it_by_hand(self, atlas: Gates, first: Grant, others: tuple[str, ...]) -> None:
        """Atlas would take it from a user with other roles without asking, and refuse for one without."""
        one = spec(first, roles=[FIND])
        (name,) = atlas.roles.ensure(one).values()
        somebody_gives(atlas, "app", name, *others)

        assert release_by_end(atlas, one) == {name: "kept, since app has it by somebody's hand"}
        assert atlas.role_names == [name]
        assert len(atlas.served.project.database_users["admin", "app"]["roles"]) == 1 + len(others)

    def test_names_a_role_that_inherits_it(self, atlas: Gates, first: Grant) -> None:
        one = spec(first, roles=[FIND])
        (name,) = atlas.roles.ensure(one).values()
        body = {"roleName": "analysts", "actions": [], "inheritedRoles": [{"db": "admin", "role": name}]}
        atlas.somebody("POST", "/customDBRoles/roles", body)

        assert release_by_end(atlas, one) == {name: "kept, since analysts has it by somebody's hand"}
        assert atlas.role_names == [name, "analysts"]

    def test_removes_what_a_lost_row_left_over(self, atlas: Gates, first: Grant) -> None:
        one = spec(first, roles=[FIND])
        (name,) = atlas.roles.ensure(one).values()
        SharedUse.objects.all().delete()
        SharedObject.objects.all().delete()

        assert release_by_end(atlas, one) == {name: "gone"}
        assert atlas.role_names == []

    def test_leaves_a_role_of_that_name_that_it_does_not_know(self, atlas: Gates, first: Grant) -> None:
        one, name = spec(first, roles=[FIND]), atlas.roles.name_of(FIND.privileges)
        resource = {"cluster": False, "db": "reporting", "collection": ""}
        body = {"roleName": name, "actions": [{"action": "FIND", "resources": [resource]}], "inheritedRoles": []}
        atlas.somebody("POST", "/customDBRoles/roles", body)

        assert atlas.roles.given(one) == {}
        assert release_by_end(atlas, one) == {}
        assert atlas.role_names == [name]

    def test_looks_again_after_a_call_without_an_answer(self, atlas: Gates, first: Grant) -> None:
        one = spec(first, roles=[FIND])
        atlas.served.order("drop_before", method="POST", path="customDBRoles")
        with pytest.raises(AtlasFailure):
            atlas.roles.ensure(one)
        grants.end(grant_id=first.pk, reason=EndReason.DRIFT, note="")

        early = atlas.roles.release(one)
        late = {"action": "FIND", "resources": [{"cluster": False, "db": "reporting", "collection": "daily_sales"}]}
        name = atlas.roles.name_of(FIND.privileges)
        atlas.somebody("POST", "/customDBRoles/roles", {"roleName": name, "actions": [late], "inheritedRoles": []})
        longest_call_is_over()

        assert (early.done, "once more" in early.waiting) == (False, True)
        assert release_by_end(atlas, one) == {name: "gone"}
        assert atlas.role_names == []


def test_one_ends_while_another_begins(atlas: Gates, first: Grant, second: Grant) -> None:
    """Whoever was told a name has a role of that name, whoever else ends at that moment."""
    begins, ends = spec(first, roles=[FIND]), spec(second, roles=[FIND])
    for _ in range(ROUNDS):
        Grant.objects.update(state="active", end_reason="", revocation_started_at=None)
        atlas.roles.ensure(ends)

        outcomes = at_once([partial(release_by_end, atlas, ends), partial(atlas.roles.ensure, begins)])

        assert kinds(outcomes) == {"dict": 2}
        assert atlas.roles.changed(begins) == []
        assert len(atlas.role_names) == 1
        release_by_end(atlas, begins)
        assert atlas.role_names == []
    assert not SharedUse.objects.exists()


class TestWidened:
    def test_a_built_in_role_on_the_servers_own_database_is_no_custom_role_that_has_gone(
        self, atlas: Gates, first: Grant
    ) -> None:
        whole = built_in(["admin"])
        held = [GrantedRole(name, "admin", "", whole[f"{name}@admin"]) for name in ("read", "dbAdmin", "backup")]

        assert widened(atlas.project, atlas.roles, spec(first, roles=held)) == []
        lost = GrantedRole("gone", "admin", "", ())
        assert widened(atlas.project, atlas.roles, spec(first, roles=[*held, lost])) == ["gone"]
