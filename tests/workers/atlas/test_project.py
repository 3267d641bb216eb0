"""Guards that the stand-in, which third-party clients pass against, understands every call that we make."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.atlas.authorities import make_authority
from tests.sandbox.atlas.api import KEY, SECRET, Api, served
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord

pytestmark = pytest.mark.django_db

USER: dict[str, Any] = {
    "databaseName": "admin",
    "username": "jit-7",
    "password": "a password of some length",
    "roles": [{"roleName": "read", "databaseName": "shop"}],
    "scopes": [{"name": "orders", "type": "CLUSTER"}],
    "labels": [{"key": "access-requests-grant", "value": "7"}],
}
ROLE: dict[str, Any] = {
    "roleName": "find_daily",
    "actions": [{"action": "FIND", "resources": [{"db": "shop", "collection": "daily"}]}],
    "inheritedRoles": [],
}


@pytest.fixture
def api() -> Iterator[Api]:
    with served() as api:
        yield api


@pytest.fixture
def project(api: Api) -> Iterator[AtlasProject]:
    record = AtlasRecord(
        slug="shop",
        project_id=api.project.id,
        org_id=api.organisation.id,
        login=AtlasLogin(account=KEY, secret=SECRET),
        base_url=api.server.origin,
    )
    client = AtlasClient(record=record)
    yield AtlasProject(client=client, project_id=record.project_id, org_id=record.org_id, urgency=Urgency.GRANT)
    client.close()


def code_of(act: Any) -> str:
    with pytest.raises(AtlasFailure) as caught:
        act()
    return caught.value.code


def order(api: Api, what: str, body: Any = None, method: str = "POST") -> None:
    headers = {"Authorization": "Bearer control-of-the-tests"}
    answer = api.client.request(method, f"/control/{what}", json=body, headers=headers)
    assert answer.is_success, answer.text


class TestUsers:
    def test_come_change_and_go(self, project: AtlasProject, api: Api) -> None:
        end = (api.now + timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
        made = project.create_user({**USER, "deleteAfterDate": end})
        assert (made["username"], made["deleteAfterDate"]) == ("jit-7", end)
        assert code_of(lambda: project.create_user(USER)) == "USER_ALREADY_EXISTS"

        changed = project.change_user("admin", "jit-7", {"roles": [{"roleName": "readWrite", "databaseName": "s"}]})
        assert changed["scopes"] == USER["scopes"]
        assert project.user("admin", "jit-7") == changed
        assert [user["username"] for user in project.users()] == ["jit-7"]

        project.delete_user("admin", "jit-7")
        for act in (project.user, project.delete_user):
            with pytest.raises(AtlasFailure) as caught:
                act("admin", "jit-7")
            assert caught.value.gone

    def test_whose_names_no_path_would_hold(self, project: AtlasProject, api: Api) -> None:
        arn = "arn:aws:iam::123456789012:role/teams/data.reading+1"
        project.create_user(
            {"databaseName": "$external", "username": arn, "awsIAMType": "ROLE", "roles": USER["roles"]}
        )

        assert project.user("$external", arn)["username"] == arn
        project.delete_user("$external", arn)
        assert not api.project.database_users

    def test_more_than_a_page(self, project: AtlasProject, api: Api) -> None:
        order(api, "settings", {"user_limit": 900}, method="PATCH")
        for number in range(505):
            api.add_user(username=f"user-{number}")

        assert len({user["username"] for user in project.users()}) == 505


class TestRoles:
    def test_come_change_and_go(self, project: AtlasProject) -> None:
        project.create_role(ROLE)
        assert project.role("find_daily")["actions"] == ROLE["actions"]
        project.change_role(
            "find_daily", {"actions": [{"action": "INSERT", "resources": ROLE["actions"][0]["resources"]}]}
        )
        assert [role["actions"][0]["action"] for role in project.roles()] == ["INSERT"]

        project.create_user({**USER, "roles": [{"roleName": "find_daily", "databaseName": "admin"}]})
        with pytest.raises(AtlasFailure) as caught:
            project.delete_role("find_daily")
        assert caught.value.in_use

        project.delete_user("admin", USER["username"])
        project.delete_role("find_daily")
        with pytest.raises(AtlasFailure) as caught:
            project.role("find_daily")
        assert caught.value.gone


class TestAccessList:
    def test_comes_changes_and_goes(self, project: AtlasProject, api: Api) -> None:
        project.put_entries([{"cidrBlock": "203.0.113.7/32", "comment": "one"}, {"cidrBlock": "198.51.100.0/24"}])
        assert project.entry_status("203.0.113.7/32") == "PENDING"
        api.settle()
        api.later(seconds=60)
        api.settle()
        assert project.entry_status("203.0.113.7/32") == "ACTIVE"

        project.put_entries([{"cidrBlock": "203.0.113.7/32", "comment": "two"}])
        assert project.entry("203.0.113.7/32")["comment"] == "two"
        assert {entry["cidrBlock"] for entry in project.entries()} == {"203.0.113.7/32", "198.51.100.0/24"}

        project.delete_entry("203.0.113.7/32")
        for act in (project.entry, project.delete_entry):
            with pytest.raises(AtlasFailure) as caught:
                act("203.0.113.7/32")
            assert caught.value.gone


class TestClusters:
    def test_say_whether_changes_have_reached_them(self, project: AtlasProject, api: Api) -> None:
        assert {cluster["name"] for cluster in project.clusters()} == {"orders", "reports"}
        api.settle()
        assert project.cluster_status("orders") == "APPLIED"
        project.create_user(USER)
        assert project.cluster_status("orders") == "PENDING"
        with pytest.raises(AtlasFailure) as caught:
            project.cluster_status("no such")
        assert caught.value.gone


class TestHistory:
    def test_of_events(self, project: AtlasProject, api: Api) -> None:
        project.create_user(USER)
        project.put_entries([{"cidrBlock": "203.0.113.7/32"}])

        since = api.now - timedelta(minutes=1)
        assert {event["eventTypeName"] for event in project.events(since=since)} >= {
            "MONGODB_USER_ADDED",
            "NETWORK_PERMISSION_ENTRY_ADDED",
        }
        only = list(project.events(since=since, types=["MONGODB_USER_ADDED", "MONGODB_USER_DELETED"]))
        assert [event["dbUserUsername"] for event in only] == [USER["username"]]
        assert list(project.events(since=api.now + timedelta(hours=1))) == []

    def test_of_logins(self, project: AtlasProject, api: Api, tmp_path: Path) -> None:
        now = datetime.now(UTC)
        log = tmp_path / "mongod.log"
        log.touch()
        api.project.clusters["orders"].log_path = str(log)
        assert project.logins("orders", since=now - timedelta(days=1), until=now) == []


class TestMembers:
    def test_come_change_and_go(self, project: AtlasProject, api: Api) -> None:
        amir = api.person("amir@example.com")
        added = project.add_member("amir@example.com", ["GROUP_READ_ONLY"])
        assert added["id"] == amir
        project.add_role(amir, "GROUP_CLUSTER_MANAGER")
        (member,) = project.members(username="amir@example.com")
        assert set(member["roles"]) == {"GROUP_READ_ONLY", "GROUP_CLUSTER_MANAGER"}
        project.remove_role(amir, "GROUP_READ_ONLY")
        (found,) = project.members(username="amir@example.com")
        assert found["roles"] == ["GROUP_CLUSTER_MANAGER"]

        project.remove_member(amir)
        assert not list(project.members(username="amir@example.com"))

    def test_invited_ones_are_not_members(self, project: AtlasProject) -> None:
        project.add_member("newcomer@example.com", ["GROUP_READ_ONLY"])

        assert [one["username"] for one in project.members(invited=True)] == ["newcomer@example.com"]
        assert [one["username"] for one in project.people(username="newcomer@example.com", invited=True)]
        assert list(project.people(username="newcomer@example.com")) == []
        assert {one["username"] for one in project.members()} == {"olga@example.com"}

        (invited,) = project.members(invited=True)
        project.remove_member(invited["id"])
        assert list(project.members(invited=True)) == []

    def test_the_last_owner_stays(self, project: AtlasProject, api: Api) -> None:
        assert code_of(lambda: project.remove_member(api.person("olga@example.com"))) == "CANNOT_DELETE_LAST_OWNER"

    def test_the_whole_organisation(self, project: AtlasProject) -> None:
        assert {one["username"] for one in project.people()} >= {"amir@example.com", "olga@example.com"}


class TestProject:
    def test_says_what_it_is(self, project: AtlasProject) -> None:
        assert project.project()["name"] == "shop"
        limits = {limit["name"]: limit["value"] for limit in project.limits()}
        assert limits["atlas.project.security.databaseAccess.users"] == 100
        assert project.service_account(KEY)["clientId"] == KEY


class TestCertificates:
    def test_managed_ones(self, project: AtlasProject, api: Api) -> None:
        api.now = datetime.now(UTC)  # by which certificates are read
        user = {"databaseName": "$external", "username": "CN=jit-7", "x509Type": "MANAGED", "roles": USER["roles"]}
        project.create_user(user)

        pem = project.create_certificate("CN=jit-7", months=1)
        assert pem.startswith("-----BEGIN CERTIFICATE-----")
        assert "PRIVATE KEY-----" in pem

    def test_whose_authority_counts(self, project: AtlasProject, api: Api) -> None:
        assert not project.user_security()["customerX509"].get("cas")
        pem = make_authority("tests").certificate_pem
        api.project.user_security["customerX509"] = {"cas": pem}

        assert project.user_security()["customerX509"]["cas"] == pem


class TestFaults:
    """What the stand-in is told to do wrong, as Atlas does it."""

    @pytest.mark.parametrize("fault", ["error_after_commit", "drop_after_commit", "drop_before"])
    def test_a_write_is_never_made_twice(self, project: AtlasProject, api: Api, fault: str) -> None:
        order(api, "faults", {"fault": fault, "method": "POST", "path": "databaseUsers"})
        with pytest.raises(AtlasFailure) as caught:
            project.create_user(USER)

        assert caught.value.outcome_unknown
        assert len(api.project.database_users) == (0 if fault == "drop_before" else 1)

    @pytest.mark.parametrize("fault", ["error_after_commit", "drop_after_commit"])
    def test_a_deletion_that_lost_its_answer_finds_it_gone(self, project: AtlasProject, api: Api, fault: str) -> None:
        project.create_user(USER)
        order(api, "faults", {"fault": fault, "method": "DELETE", "path": "databaseUsers"})

        with pytest.raises(AtlasFailure) as caught:
            project.delete_user("admin", USER["username"])
        assert caught.value.gone

    @pytest.mark.parametrize("fault", ["rate_limited", "rate_limited_bucket", "unavailable"])
    def test_says_when_it_is_tried_again(self, project: AtlasProject, api: Api, fault: str) -> None:
        order(api, "faults", {"fault": fault, "method": "DELETE", "seconds": 55})
        with pytest.raises(AtlasFailure) as caught:
            project.at(Urgency.REVOKE).delete_user("admin", "jit")

        assert caught.value.retry_after > 0
        assert not caught.value.gone

    def test_a_token_taken_back_is_replaced(self, project: AtlasProject, api: Api) -> None:
        project.project()
        order(api, "tokens", method="DELETE")

        assert project.project()["name"] == "shop"

    def test_a_limit_drained_by_others_is_kept_for_revocations(self, project: AtlasProject, api: Api) -> None:
        project.create_user(USER)
        order(api, "buckets/databaseUsers", {"capacity": 100, "remaining": 19}, method="PATCH")
        revoking = project.at(Urgency.REVOKE)
        revoking.user("admin", USER["username"])

        for urgency in (Urgency.BREAK_GLASS, Urgency.GRANT, Urgency.RECONCILE):
            with pytest.raises(AtlasFailure, match="ending access comes first"):
                project.at(urgency).create_role(ROLE)
        assert api.project.custom_roles == {}
        revoking.delete_user("admin", USER["username"])
        assert not api.project.database_users

    def test_another_project_is_not_taken_for_gone(self, project: AtlasProject, api: Api) -> None:
        elsewhere = AtlasProject(project.client, "5f00000000000000000000ff", project.org_id, Urgency.REVOKE)
        with pytest.raises(AtlasFailure) as caught:
            elsewhere.delete_user("admin", "jit")

        assert caught.value.code in {"GROUP_NOT_FOUND", "NOT_IN_GROUP", "USER_UNAUTHORIZED"}
        assert not caught.value.gone


def test_an_api_key_signs_in_by_digest(api: Api) -> None:
    account = next(iter(api.organisation.accounts.values()))
    api.organisation.accounts["publickey"] = account.__class__(
        key="publickey", secrets=("a-private-key",), name="key", project_roles=account.project_roles
    )
    record = AtlasRecord(
        slug="shop",
        project_id=api.project.id,
        org_id=api.organisation.id,
        login=AtlasLogin(account="publickey", secret="a-private-key", is_api_key=True),
        base_url=api.server.origin,
    )
    client = AtlasClient(record=record)
    project = AtlasProject(client=client, project_id=record.project_id, org_id=record.org_id, urgency=Urgency.GRANT)
    try:
        name = "0123456789abcdef01234567/a.b=c"
        project.create_user(
            {"databaseName": "$external", "username": name, "oidcAuthType": "USER", "roles": USER["roles"]}
        )
        project.delete_user("$external", name)
        assert not api.project.database_users
    finally:
        client.close()
