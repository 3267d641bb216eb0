"""The stand-in's events: newest first, narrowed by kind and time, with who did it, and nobody for the purge."""

from __future__ import annotations

from sandbox.atlas import access_list, database_users
from tests.sandbox.atlas.api import KEY, Api, check_refused

LIST = "/events"


def do_something_of_everything(api: Api) -> None:
    api.add_user()
    api.later(seconds=60)
    api.post("/accessList", [{"ipAddress": "10.0.0.7"}])
    api.later(seconds=60)
    api.delete("/databaseUsers/admin/jdoe")


class TestList:
    def test_is_newest_first_and_uncounted(self, api: Api) -> None:
        do_something_of_everything(api)
        body = api.get(LIST)
        names = [each["eventTypeName"] for each in body["results"]]
        assert names == ["MONGODB_USER_DELETED", "NETWORK_PERMISSION_ENTRY_ADDED", "MONGODB_USER_ADDED"]
        assert "totalCount" not in body
        assert "includeCount=false" in body["links"][0]["href"]

    def test_is_narrowed_by_kinds(self, api: Api) -> None:
        do_something_of_everything(api)
        wanted = api.get(LIST, eventType=["MONGODB_USER_ADDED", "MONGODB_USER_DELETED"])["results"]
        assert [each["dbUserUsername"] for each in wanted] == ["jdoe", "jdoe"]
        others = api.get(LIST, excludedEventType="MONGODB_USER_ADDED")["results"]
        assert [each["eventTypeName"] for each in others] == ["MONGODB_USER_DELETED", "NETWORK_PERMISSION_ENTRY_ADDED"]

    def test_is_narrowed_by_time(self, api: Api) -> None:
        do_something_of_everything(api)
        found = api.get(LIST, minDate="2026-03-01T12:00:30Z", maxDate="2026-03-01T12:01:30Z")["results"]
        assert [each["whitelistEntry"] for each in found] == ["10.0.0.7/32"]
        check_refused(api.call("GET", LIST, minDate="yesterday"), 400, "INVALID_DATE_FORMAT", "yesterday")

    def test_is_paged(self, api: Api) -> None:
        do_something_of_everything(api)
        body = api.get(LIST, itemsPerPage=2, pageNum=2)
        assert [each["eventTypeName"] for each in body["results"]] == ["MONGODB_USER_ADDED"]
        assert [each["rel"] for each in body["links"]] == ["self", "previous"]


class TestOne:
    def test_is_found_by_its_id(self, api: Api) -> None:
        api.add_user()
        event = api.events()[0]
        assert api.get(f"{LIST}/{event['id']}") == event
        assert api.get(f"{LIST}/{event['id']}", includeRaw=True)["raw"]["gn"] == "shop"
        check_refused(api.call("GET", f"{LIST}/{'0' * 24}"), 404, "RESOURCE_NOT_FOUND", "0" * 24)

    def test_names_the_caller(self, api: Api) -> None:
        api.add_user()
        assert (
            api.events()[0].items() >= {"publicKey": KEY, "remoteAddress": "127.0.0.1", "isGlobalAdmin": False}.items()
        )

    def test_of_a_role_names_it_in_its_raw_document(self, api: Api) -> None:
        api.post("/customDBRoles/roles", {"roleName": "tidy", "inheritedRoles": [{"db": "shop", "role": "read"}]})
        raw = api.get(LIST, includeRaw=True)["results"][0]["raw"]
        assert raw["description"] == "tidy"
        assert "tidy" not in api.call("GET", LIST).text


def test_what_the_purge_takes_has_no_actor(api: Api) -> None:
    api.add_user(deleteAfterDate=api.at(hours=1))
    api.post("/accessList", [{"ipAddress": "10.0.0.7", "deleteAfterDate": api.at(hours=1)}])
    with api.organisation.changing():
        database_users.remove(api.organisation, api.project, api.project.database_users["admin", "jdoe"])
        access_list.remove(api.organisation, api.project, api.project.access_list["10.0.0.7/32"])
    of_user, of_entry = api.events()[-2:]
    assert (of_user["eventTypeName"], of_user["dbUserUsername"]) == ("MONGODB_USER_DELETED", "jdoe")
    removed = ("NETWORK_PERMISSION_ENTRY_REMOVED", "10.0.0.7/32")
    assert (of_entry["eventTypeName"], of_entry["whitelistEntry"]) == removed
    assert not {"publicKey", "apiKeyId", "userId", "username", "remoteAddress"} & {*of_user, *of_entry}
    check_refused(api.call("GET", "/databaseUsers/admin/jdoe"), 404, "USERNAME_NOT_FOUND", "jdoe")
