"""What the stand-in shows of the organisation, its projects, alerts, limits on calls and service accounts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.sandbox.atlas.api import KEY, Api, check_refused

SECOND = "mdb_sa_id_ffffffffffffffffffffffff"


class TestProjects:
    def test_are_listed_to_who_may_see_them(self, api: Api) -> None:
        assert [each["name"] for each in api.get("/groups")["results"]] == ["shop", "other"]
        account = api.organisation.accounts[KEY]
        api.organisation.accounts[KEY] = replace(account, org_roles=("ORG_MEMBER",))
        assert [each["name"] for each in api.get("/groups")["results"]] == ["shop"]

    def test_show_their_organisation(self, api: Api) -> None:
        shown = api.get(f"/groups/{api.project.id}")
        assert shown.items() >= {"name": "shop", "clusterCount": 2, "orgId": api.organisation.id}.items()
        org = f"/orgs/{api.organisation.id}"
        assert api.get(org)["name"] == "Example Shop"
        assert [each["name"] for each in api.get("/orgs")["results"]] == ["Example Shop"]
        assert [each["id"] for each in api.get(f"{org}/groups", name="shop")["results"]] == [api.project.id]

    def test_that_do_not_exist_are_not_found(self, api: Api) -> None:
        missing = "1" * 24
        answer = api.call("GET", f"/groups/{missing}/databaseUsers")
        check_refused(answer, 404, "GROUP_NOT_FOUND", missing)
        assert answer.json()["detail"] == f"No group with ID {missing} exists."

    def test_warn_of_the_end_of_certificates(self, api: Api) -> None:
        alerts = api.get("/alertConfigs")["results"]
        assert "NDS_X509_USER_AUTHENTICATION_CUSTOMER_CA_EXPIRATION_CHECK" in [each["eventTypeName"] for each in alerts]
        assert alerts[0]["threshold"] == {"operator": "LESS_THAN", "threshold": 30, "units": "DAYS"}
        assert api.get(f"/alertConfigs/{alerts[0]['id']}") == alerts[0]
        check_refused(api.call("GET", f"/alertConfigs/{'0' * 24}"), 404, "RESOURCE_NOT_FOUND")


class TestSystem:
    def test_says_who_asks(self, api: Api) -> None:
        assert api.get("/").items() >= {"appName": "MongoDB Atlas", "throttling": False}.items()

    def test_says_how_often_one_may_ask(self, api: Api) -> None:
        of_project = {
            each["endpointSetName"]: each for each in api.get("/rateLimits", groupId=api.project.id)["results"]
        }
        users = of_project["databaseUsers"]
        assert (users["scope"], users["capacity"]["value"]) == ("GROUP", 10_000)
        path = "/api/atlas/v2/groups/{groupId}/databaseUsers"
        assert {"method": "POST", "path": path} in users["endpoints"]
        assert api.get("/rateLimits", endpointPath=path)["results"] == [users]
        assert api.get("/rateLimits/databaseUsers") == users
        assert "orgs" not in of_project
        check_refused(api.call("GET", "/rateLimits/patience"), 404, "RESOURCE_NOT_FOUND", "patience")


class TestServiceAccounts:
    def test_are_shown_with_their_roles_and_without_secrets(self, api: Api) -> None:
        (shown,) = api.get("/serviceAccounts")["results"]
        assert (shown["clientId"], shown["roles"]) == (KEY, ["GROUP_OWNER"])
        assert "secret" not in shown["secrets"][0]
        assert api.get(f"/serviceAccounts/{KEY}") == shown
        org = f"/orgs/{api.organisation.id}/serviceAccounts"
        assert [each["roles"] for each in api.get(org)["results"]] == [["ORG_OWNER"], ["ORG_MEMBER"]]
        assert api.get(f"{org}/{SECOND}")["name"] == "second"
        assert "of-the-tests" not in api.call("GET", org).text

    def test_of_other_projects_are_not_found(self, api: Api) -> None:
        check_refused(api.call("GET", f"/serviceAccounts/{SECOND}"), 404, "RESOURCE_NOT_FOUND", SECOND)
        check_refused(api.call("GET", "/serviceAccounts/nobody"), 404, "RESOURCE_NOT_FOUND", "nobody")

    def test_call_from_listed_addresses_only(self, api: Api) -> None:
        path = f"/serviceAccounts/{KEY}/accessList"
        entry = [{"ipAddress": "10.0.0.7"}, {"cidrBlock": "127.0.0.0/8"}]
        added = api.post(path, entry)
        assert (added.status_code, [each["cidrBlock"] for each in added.json()["results"]]) == (
            200,
            ["10.0.0.7/32", "127.0.0.0/8"],
        )
        assert api.event_names() == ["SERVICE_ACCOUNT_ACCESS_LIST_ENTRY_ADDED"] * 2
        assert api.delete(f"{path}/10.0.0.7").status_code == 204
        assert api.delete(f"{path}/127.0.0.0%2F8").status_code == 204
        assert api.get(f"/orgs/{api.organisation.id}{path}")["results"] == []
        check_refused(api.delete(f"{path}/10.0.0.7"), 404, "RESOURCE_NOT_FOUND", "10.0.0.7")
        api.post(path, entry[:1])
        check_refused(api.call("GET", "/databaseUsers"), 403, "IP_ADDRESS_NOT_ON_ACCESS_LIST", "127.0.0.1")

    @pytest.mark.parametrize(
        ("entry", "code"),
        [
            ({"cidrBlock": "0.0.0.0/0"}, "CANNOT_ADD_IP_ADDRESS_TO_WHITELIST"),
            ({"ipAddress": "here"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
            ({}, "MISSING_ATTRIBUTES"),
        ],
    )
    def test_refuse_the_whole_internet(self, api: Api, entry: dict[str, str], code: str) -> None:
        check_refused(api.post(f"/serviceAccounts/{KEY}/accessList", [entry]), 400, code)
