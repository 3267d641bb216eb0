"""Guards that a client made by others, from Atlas's own specification, works on the stand-in as it is: pyatlassdk."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyatlassdk.admin import AtlasAdminClient
from pyatlassdk.admin._errors import AtlasApiError
from pyatlassdk.admin.models.cloud_database_user import CloudDatabaseUser
from pyatlassdk.admin.models.network_permission_entry import NetworkPermissionEntry
from pyatlassdk.admin.models.update_custom_db_role import UpdateCustomDBRole
from pyatlassdk.admin.models.user_custom_db_role import UserCustomDBRole

from sandbox.atlas.organisation import new_id
from sandbox.atlas.project import Cluster
from sandbox.atlas.seed import grown
from sandbox.atlas.table import all_routes
from sandbox.ecommerce import CLUSTERS, DEV, PROD, AtlasKeys, organisation_document
from tests.sandbox.atlas.api import KEY, SECRET
from tests.sandbox.atlas.api import served as served_organisation
from tests.sandbox.atlas.serving import CLIENT_ID, CLIENT_SECRET, PRIVATE_KEY, PUBLIC_KEY, Served, serving

# The least that the product itself needs.
ROLES = ("GROUP_READ_ONLY", "GROUP_DATABASE_ACCESS_ADMIN", "GROUP_NETWORK_ACCESS_MANAGER")
ORDERS = {"cluster": False, "db": "shop", "collection": "orders"}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(routes=all_routes()) as made:
        made.project.clusters["main"] = Cluster(id=new_id(), name="main", created_at=0.0, hosts=["127.0.0.1:27017"])
        for key in (CLIENT_ID, PUBLIC_KEY):
            made.give(key, project_roles={made.project.id: ROLES})
        yield made


@pytest.fixture(params=["oauth2", "digest"])
def client(request: pytest.FixtureRequest, served: Served) -> Iterator[AtlasAdminClient]:
    base = f"{served.server.origin}/api/atlas/v2"
    tokens = f"{served.server.origin}/api/oauth/token"
    if request.param == "oauth2":
        account: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "oauth_token_url": tokens}
    else:
        account = {"public_key": PUBLIC_KEY, "private_key": PRIVATE_KEY}
    with AtlasAdminClient(base_url=base, **account) as made:
        assert made.auth_mode == request.param
        yield made


def test_database_users(client: AtlasAdminClient, served: Served) -> None:
    users, project = client.database_users, served.project.id
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    roles = [{"roleName": "readWrite", "databaseName": "shop", "collectionName": "orders"}]
    scopes, labels = [{"name": "main", "type": "CLUSTER"}], [{"key": "owner", "value": "alice"}]
    asked: dict[str, Any] = {"databaseName": "admin", "groupId": project, "username": "migration", "roles": roles}
    secret = {"password": "a password of some length", "deleteAfterDate": end}
    made = users.create_group_database_user(
        project, CloudDatabaseUser.model_validate({**asked, **secret, "scopes": scopes, "labels": labels})
    )
    assert (made.username, made.delete_after_date, made.password) == ("migration", end, None)
    assert (made.aws_iam_type, made.ldap_auth_type, made.oidc_auth_type, made.x509_type) == ("NONE",) * 4

    later = end + timedelta(hours=1)
    changed = {**asked, "roles": [{"roleName": "read", "databaseName": "shop"}], "deleteAfterDate": later}
    users.update_group_database_user("admin", project, "migration", CloudDatabaseUser.model_validate(changed))
    found = users.get_group_database_user("admin", project, "migration")
    assert [(role.role_name, role.database_name, role.collection_name) for role in found.roles] == [
        ("read", "shop", None)
    ]
    assert found.delete_after_date == later
    assert [scope.name for scope in found.scopes or []] == ["main"]
    listed = users.list_group_database_users(project)
    assert [(each.username, each.delete_after_date) for each in listed.results or []] == [("migration", later)]

    # It reads every answer as JSON, and the one to a deletion is empty, as Atlas's is.
    with contextlib.suppress(json.JSONDecodeError):
        users.delete_group_database_user("admin", project, "migration")
    with pytest.raises(AtlasApiError) as gone:
        users.get_group_database_user("admin", project, "migration")
    assert (gone.value.status_code, gone.value.payload["errorCode"]) == (404, "USERNAME_NOT_FOUND")


def test_users_with_slashes_in_their_names(client: AtlasAdminClient, served: Served) -> None:
    users, project = client.database_users, served.project.id
    name = "arn:aws:iam::123456789012:role/migration-job"
    asked = {"databaseName": "$external", "groupId": project, "username": name, "awsIAMType": "ROLE"}
    roles = [{"roleName": "read", "databaseName": "shop"}]
    users.create_group_database_user(project, CloudDatabaseUser.model_validate({**asked, "roles": roles}))
    assert users.get_group_database_user("$external", project, name).username == name
    deleted = users.delete_group_database_user("$external", project, name, envelope=True)
    assert deleted["status"] == 204
    assert users.list_group_database_users(project).results == []


def test_custom_roles(client: AtlasAdminClient, served: Served) -> None:
    roles, project = client.custom_database_roles, served.project.id
    asked = {"roleName": "daily-sales", "actions": [{"action": "FIND", "resources": [ORDERS]}]}
    made = roles.create_group_custom_db_role_role(project, UserCustomDBRole.model_validate(asked))
    assert made.role_name == "daily-sales"
    whole = {"actions": [{"action": "FIND", "resources": [{**ORDERS, "collection": ""}]}]}
    roles.update_group_custom_db_role_role(project, "daily-sales", UpdateCustomDBRole.model_validate(whole))
    found = roles.get_group_custom_db_role_role(project, "daily-sales")
    assert [(each.db, each.collection) for action in found.actions or [] for each in action.resources or []] == [
        ("shop", "")
    ]
    assert roles.list_group_custom_db_role_roles(project) == [found]
    roles.delete_group_custom_db_role_role(project, "daily-sales", envelope=True)
    assert roles.list_group_custom_db_role_roles(project) == []


def test_access_list(client: AtlasAdminClient, served: Served) -> None:
    entries, project = client.project_ip_access_list, served.project.id
    end = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    asked = [{"cidrBlock": "192.0.2.0/24", "comment": "office"}, {"ipAddress": "198.51.100.7", "deleteAfterDate": end}]
    made = entries.create_group_access_list_entry(
        project, [NetworkPermissionEntry.model_validate(each) for each in asked]
    )
    assert {each.cidr_block for each in made.results or []} == {"192.0.2.0/24", "198.51.100.7/32"}
    moved = {"cidrBlock": "192.0.2.0/24", "comment": "the new office"}
    entries.create_group_access_list_entry(project, [NetworkPermissionEntry.model_validate(moved)])
    assert entries.get_group_access_list_entry("192.0.2.0/24", project).comment == "the new office"
    assert entries.get_group_access_list_entry("198.51.100.7", project).delete_after_date == end
    assert entries.get_group_access_list_status("192.0.2.0/24", project).status in {"PENDING", "ACTIVE"}
    for value in ("192.0.2.0/24", "198.51.100.7"):
        entries.delete_group_access_list_entry(value, project, envelope=True)
    assert entries.list_group_access_list_entries(project).results == []


def test_rights_are_refused_in_its_own_words(client: AtlasAdminClient, served: Served) -> None:
    with pytest.raises(AtlasApiError) as refused:
        client.ldap_configuration.get_group_user_security(served.project.id)
    assert refused.value.payload["errorCode"] == "USER_UNAUTHORIZED"


def test_reads_the_organisation_of_the_sandbox() -> None:
    """It cannot read users with custom roles, so that these are in one project only."""
    keys = AtlasKeys()
    clusters = {project: [{"name": name} for name in names] for project, names in CLUSTERS.items()}
    seed = organisation_document(keys=keys, clusters=clusters, shop_password="a password of some length", authority="")
    with serving(routes=all_routes(), organisation=grown(seed)) as made:
        base = f"{made.server.origin}/api/atlas/v2"
        key = keys.api_key
        with AtlasAdminClient(base_url=base, public_key=key.public_key, private_key=key.private_key) as client:
            for project in (keys.projects[DEV], keys.projects[PROD]):
                users = client.database_users.list_group_database_users(project).results or []
                assert {"shop-app", "shop-reports"} <= {each.username for each in users}
            for project in keys.projects.values():
                (role,) = client.custom_database_roles.list_group_custom_db_role_roles(project)
                assert role.role_name == "supportDesk"
                assert client.project_ip_access_list.list_group_access_list_entries(project).results


def test_reads_whatever_else_the_product_reads() -> None:
    """It checks each answer against the specification."""
    with served_organisation() as api:
        project, organisation = api.project.id, api.organisation.id
        api.add_user()
        api.post("/accessList", [{"ipAddress": "192.0.2.7"}])
        api.post("/users", {"username": "invited@example.com", "roles": ["GROUP_READ_ONLY"]})
        tokens = f"{api.server.origin}/api/oauth/token"
        account = {"client_id": KEY, "client_secret": SECRET, "oauth_token_url": tokens}
        with AtlasAdminClient(base_url=f"{api.server.origin}/api/atlas/v2", **account) as client:
            people, accounts = client.mongo_db_cloud_users, client.service_accounts
            limit = "atlas.project.security.databaseAccess.users"
            read = [
                client.root.get_system_status(),
                client.organizations.list_orgs(),
                client.organizations.get_org(organisation),
                client.organizations.get_org_groups(organisation),
                client.projects.list_groups(),
                client.projects.get_group(project),
                client.projects.list_group_limits(project),
                client.projects.get_group_limit(project, limit),
                client.clusters.list_group_clusters(project),
                client.clusters.get_group_cluster("orders", project),
                client.clusters.get_group_cluster_status("orders", project),
                client.monitoring_and_logs.list_group_processes(project),
                client.alert_configurations.list_group_alert_configs(project),
                client.events.list_group_events(project),
                client.access_tracking.get_group_db_access_history_cluster(cluster_name="orders", group_id=project),
                people.list_group_users(project),
                people.list_org_users(organisation),
                client.teams.list_org_teams(organisation),
                client.teams.list_group_teams(project),
                accounts.list_group_service_accounts(project),
                accounts.list_org_service_accounts(organisation),
                client.rate_limiting.list_rate_limits(),
                client.ldap_configuration.get_group_user_security(project),
            ]
    assert all(each is not None for each in read)
