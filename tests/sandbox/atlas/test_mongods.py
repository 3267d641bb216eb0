"""Guards that what the stand-in says of a project is so on its clusters: users, roles, scopes and the access list."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from sandbox.atlas.actions import ACTIONS
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from tests.sandbox.atlas.behind import PASSWORD, ROOT, Behind, Document, add_user, await_applied, eventually


@pytest.fixture
def made(behind: Behind) -> Iterator[tuple[Organisation, Project]]:
    with behind.project() as found:
        yield found


def refusal(client: MongoClient[Document], collection: str = "orders") -> int:
    with client, pytest.raises(OperationFailure) as error:
        client.shop[collection].find_one()
    return int(error.value.code or 0)


class TestUsers:
    def test_log_in_on_the_clusters_of_their_scope_only(
        self, behind: Behind, made: tuple[Organisation, Project]
    ) -> None:
        add_user(*made, "scoped", scopes=[{"name": "reporting", "type": "CLUSTER"}])
        await_applied(*made)
        with behind.login("reporting", "scoped") as client:
            assert client.shop.orders.find_one() == {"_id": 1}
            with pytest.raises(OperationFailure) as refused:
                client.shop.orders.insert_one({})
            assert refused.value.code == 13
        assert refusal(behind.login("main", "scoped")) == 18

    def test_leave_a_cluster_with_their_scope_and_all_of_them_when_deleted(
        self, behind: Behind, made: tuple[Organisation, Project]
    ) -> None:
        user = add_user(*made, "moves")
        await_applied(*made)
        with behind.login("main", "moves") as open_connection:
            assert open_connection.shop.orders.find_one()
            add_user(*made, "moves", scopes=[{"name": "reporting", "type": "CLUSTER"}])
            await_applied(*made)
            with pytest.raises(OperationFailure):
                open_connection.shop.orders.find_one()
        organisation, project = made
        with organisation.changing():
            del project.database_users["admin", user["username"]]
            project.changed()
        await_applied(*made)
        assert refusal(behind.login("reporting", "moves")) == 18

    def test_get_a_new_password(self, behind: Behind, made: tuple[Organisation, Project]) -> None:
        add_user(*made, "renewed")
        await_applied(*made)
        organisation, project = made
        with organisation.changing():
            project.passwords["admin", "renewed"] = "another password"
            project.changed()
        await_applied(*made)
        assert refusal(behind.login("main", "renewed")) == 18
        with behind.login("main", "renewed", "another password") as client:
            assert client.shop.orders.find_one()

    @pytest.mark.parametrize(
        "said",
        [
            {"databaseName": "$external", "username": "arn:aws:iam::1:user/a", "awsIAMType": "USER"},
            {"databaseName": "$external", "username": "idp/ada", "oidcAuthType": "USER"},
            {"username": "idp/group", "oidcAuthType": "IDP_GROUP"},
            {"username": "CN=group", "ldapAuthType": "GROUP"},
        ],
    )
    def test_who_sign_in_elsewhere_are_on_no_mongod(
        self, behind: Behind, made: tuple[Organisation, Project], said: dict[str, Any]
    ) -> None:
        add_user(*made, **said)
        await_applied(*made)
        with MongoClient[Document](behind.mongods["main"].uri()) as root:
            found = root.admin.command("usersInfo", {"forAllDBs": True})["users"]
        assert [each["user"] for each in found] == [ROOT]

    def test_who_cannot_be_on_a_mongod_keep_nobody_waiting(
        self, behind: Behind, made: tuple[Organisation, Project], capsys: pytest.CaptureFixture[str]
    ) -> None:
        organisation, project = made
        with organisation.changing():
            add_user(*made, "impossible")
            project.passwords["admin", "impossible"] = "a bell \a rings"
        add_user(*made, "possible")
        await_applied(*made)
        with behind.login("main", "possible") as client:
            assert client.shop.orders.find_one()
        assert "impossible@admin cannot be on this cluster" in capsys.readouterr().err

    def test_are_left_alone_when_nothing_changed(self, behind: Behind, made: tuple[Organisation, Project]) -> None:
        add_user(*made, "stays")
        await_applied(*made)
        with MongoClient[Document](behind.mongods["main"].uri()) as root:
            before = root.admin.system.users.find_one({"user": "stays"})
            add_user(*made, "comes")
            await_applied(*made)
            assert root.admin.system.users.find_one({"user": "stays"}) == before
            assert root.admin.system.users.find_one({"user": "comes"})


class TestRoles:
    def test_of_one_collection_open_no_other(self, behind: Behind, made: tuple[Organisation, Project]) -> None:
        narrow = {"roleName": "readWrite", "databaseName": "shop", "collectionName": "orders"}
        add_user(*made, "narrow", roles=[narrow])
        await_applied(*made)
        with behind.login("main", "narrow") as client:
            client.shop.orders.update_one({"_id": 1}, {"$set": {"seen": True}})
        assert refusal(behind.login("main", "narrow"), "customers") == 13
        with MongoClient[Document](behind.mongods["main"].uri()) as root:
            root.shop.orders.update_one({"_id": 1}, {"$unset": {"seen": ""}})

    @pytest.mark.parametrize(
        "name",
        [
            *("atlasAdmin", "backup", "clusterMonitor", "dbAdminAnyDatabase", "enableSharding", "killOpSession"),
            *("readAnyDatabase", "readWriteAnyDatabase"),
        ],
    )
    def test_of_atlas_are_all_there(self, behind: Behind, made: tuple[Organisation, Project], name: str) -> None:
        add_user(*made, "built-in", roles=[{"roleName": name, "databaseName": "admin"}])
        await_applied(*made)
        with behind.login("main", "built-in") as client:
            held = client.admin.command("connectionStatus", showPrivileges=True)["authInfo"]
        assert name in {role["role"] for role in held["authenticatedUserRoles"]}
        assert held["authenticatedUserPrivileges"]

    def test_of_the_project_change_and_go(self, behind: Behind, made: tuple[Organisation, Project]) -> None:
        organisation, project = made
        orders = {"db": "shop", "collection": "orders"}
        with organisation.changing():
            project.custom_roles["looks"] = {
                "roleName": "looks",
                "actions": [{"action": "FIND", "resources": [orders]}],
                "inheritedRoles": [],
            }
            project.custom_roles["root"] = {  # Named like a role that only a mongod has.
                "roleName": "root",
                "actions": [{"action": "LIST_DATABASES", "resources": [{"cluster": True}]}],
                "inheritedRoles": [{"role": "looks", "db": "admin"}],
            }
        add_user(*made, "custom", roles=[{"roleName": "root", "databaseName": "admin"}])
        await_applied(*made)
        with behind.login("main", "custom") as client:
            assert client.shop.orders.find_one() == {"_id": 1}
            assert "shop" in client.list_database_names()
            with organisation.changing():
                resources = [{"db": "shop", "collection": "customers"}]
                project.custom_roles["looks"]["actions"][0]["resources"] = resources
                project.changed()
            await_applied(*made)
            assert client.shop.customers.find_one() == {"_id": 1}
        assert refusal(behind.login("main", "custom"), "orders") == 13
        add_user(*made, "custom")
        with organisation.changing():
            project.custom_roles.clear()
            project.changed()
        await_applied(*made)
        with MongoClient[Document](behind.mongods["main"].uri()) as root:
            left = {role["role"] for role in root.admin.command("rolesInfo", 1)["roles"]}
        assert left == {"atlasAdmin", "killOpSession"}

    def test_know_every_action_that_the_server_knows(self, behind: Behind, made: tuple[Organisation, Project]) -> None:
        organisation, project = made
        with organisation.changing():
            resource = {"db": "shop", "collection": ""}
            actions = [{"action": name, "resources": [resource]} for name in (*ACTIONS, "OUT_TO_S3")]
            project.custom_roles["all"] = {"roleName": "all", "actions": actions, "inheritedRoles": []}
            project.changed()
        await_applied(*made)
        with MongoClient[Document](behind.mongods["main"].uri()) as root:
            (role,) = root.admin.command("rolesInfo", "all", showPrivileges=True)["roles"]
        assert set(role["privileges"][0]["actions"]) == set(ACTIONS.values())


class TestAccessList:
    def test_lets_in_from_what_is_active(self, behind: Behind, made: tuple[Organisation, Project]) -> None:
        organisation, project = made
        add_user(*made, "anywhere")
        with organisation.changing():
            project.access_list.clear()
            project.access_list["10.0.0.0/8"] = {"cidrBlock": "10.0.0.0/8"}
            project.changed()
        await_applied(*made)
        assert refusal(behind.login("main", "anywhere")) == 18
        with organisation.changing():
            project.access_list["127.0.0.0/8"] = {"cidrBlock": "127.0.0.0/8"}
            project.pending_entries["127.0.0.0/8"] = organisation.now().timestamp() + 0.3
            project.changed()
        assert refusal(behind.login("main", "anywhere")) == 18
        await_applied(*made)
        with behind.login("main", "anywhere") as client:
            assert client.shop.orders.find_one()

    def test_that_is_empty_lets_nobody_in(self, behind: Behind, made: tuple[Organisation, Project]) -> None:
        organisation, project = made
        add_user(*made, "nobody")
        with organisation.changing():
            project.access_list.clear()
            project.changed()
        await_applied(*made)
        assert refusal(behind.login("main", "nobody")) == 18


class TestProgress:
    def test_is_pending_first_and_applied_after_the_delay(self, behind: Behind) -> None:
        with behind.project(apply_seconds=0.5) as (organisation, project):
            begun = organisation.now().timestamp()
            add_user(organisation, project, "late")
            assert not any(cluster.is_applied for cluster in project.clusters.values())
            await_applied(organisation, project)
            assert organisation.now().timestamp() - begun >= 0.5

    def test_waits_for_a_cluster_that_is_away(self, behind: Behind, made: tuple[Organisation, Project]) -> None:
        _, project = made
        await_applied(*made)
        behind.mongods["main"].stop()
        try:
            add_user(*made, "patient")
            assert eventually(lambda: project.clusters["reporting"].is_applied)
            assert not project.clusters["main"].is_applied
        finally:
            behind.mongods["main"].start()
        await_applied(*made)
        with behind.login("main", "patient", PASSWORD) as client:
            assert client.shop.orders.find_one()
