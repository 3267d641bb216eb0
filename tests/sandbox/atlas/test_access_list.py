"""The access list of the stand-in: every rule that Atlas has for it, over HTTP."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.sandbox.atlas.api import Api, Json, check_refused

LIST = "/accessList"
ADDRESS = "127.0.0.71"
ENTRY = f"{LIST}/{ADDRESS}"


def put(api: Api, **said: Any) -> Json:
    answer = api.post(LIST, [{"ipAddress": ADDRESS, **said}])
    assert answer.status_code == 201, answer.text
    return dict(api.get(ENTRY))


class TestCreate:
    def test_answers_201_with_the_first_page_of_the_whole_list(self, api: Api) -> None:
        api.post(LIST, [{"cidrBlock": "10.0.0.0/24"}, {"ipAddress": "2001:db8::7"}])
        answer = api.post(LIST, [{"ipAddress": ADDRESS, "comment": "access-requests tests"}])
        body = answer.json()
        assert answer.status_code == 201
        assert body["totalCount"] == 3
        assert [each["cidrBlock"] for each in body["results"]] == ["10.0.0.0/24", "2001:db8::7/128", f"{ADDRESS}/32"]
        assert body == api.get(LIST)

    def test_shows_one_address_as_address_and_as_block(self, api: Api) -> None:
        link = f"{api.server.origin}/api/atlas/v2/groups/{api.project.id}{ENTRY}%2F32"
        assert put(api, comment="mine") == {
            "cidrBlock": f"{ADDRESS}/32",
            "comment": "mine",
            "groupId": api.project.id,
            "ipAddress": ADDRESS,
            "links": [{"href": link, "rel": "self"}],
        }

    def test_shows_a_block_as_a_block(self, api: Api) -> None:
        api.post(LIST, [{"cidrBlock": "10.0.0.0/24"}])
        assert api.get(f"{LIST}/10.0.0.0%2F24").keys() == {"cidrBlock", "groupId", "links"}

    def test_a_block_of_one_is_the_address(self, api: Api) -> None:
        put(api)
        api.post(LIST, [{"cidrBlock": f"{ADDRESS}/32", "comment": "again"}])
        assert [each["comment"] for each in api.get(LIST)["results"]] == ["again"]

    def test_takes_the_whole_internet(self, api: Api) -> None:
        assert api.post(LIST, [{"cidrBlock": "0.0.0.0/0"}]).status_code == 201

    @pytest.mark.parametrize(
        ("said", "code"),
        [
            ({}, "MISSING_ATTRIBUTES"),
            (
                {"ipAddress": ADDRESS, "cidrBlock": "127.0.0.0/24"},
                "MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY",
            ),
            ({"ipAddress": "127.0.0.300"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
            ({"ipAddress": "127.0.0.0/24"}, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"),
            ({"cidrBlock": "127.0.0.1/24"}, "INVALID_CIDR_BLOCK"),
            ({"cidrBlock": "127.0.0.1"}, "INVALID_CIDR_BLOCK"),
            ({"ipAddress": ADDRESS, "comment": "c" * 81}, "INVALID_NETWORK_PERMISSION_COMMENT"),
            ({"ipAddress": ADDRESS, "colour": "red"}, "INVALID_ATTRIBUTE"),
            ({"ipAddress": 7}, "INVALID_JSON_ATTRIBUTE"),
            ({"ipAddress": ADDRESS, "deleteAfterDate": "soon"}, "INVALID_DATE_FORMAT"),
            ({"ipAddress": ADDRESS, "deleteAfterDate": "2026-03-08T12:00:00.250Z"}, "EXPIRATION_DATE_EXCEEDS_MAX"),
            ({"ipAddress": ADDRESS, "deleteAfterDate": "2026-03-01T12:00:00Z"}, "EXPIRATION_DATE_IN_PAST"),
            ({"awsSecurityGroup": "sg-0a"}, "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION"),
            (
                {"awsSecurityGroup": "sg-0a", "deleteAfterDate": "2026-03-02T00:00:00Z"},
                "NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED",
            ),
        ],
    )
    def test_refuses_all_for_one_that_is_wrong(self, api: Api, said: Json, code: str) -> None:
        check_refused(api.post(LIST, [{"ipAddress": "10.9.9.9"}, said]), 400, code)
        assert api.get(LIST)["results"] == []
        assert api.events() == []

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"ipAddress": ADDRESS}, "INVALID_JSON"),
            ([], "MISSING_ATTRIBUTES"),
            ([{"ipAddress": ADDRESS}, {"cidrBlock": f"{ADDRESS}/32"}], "DUPLICATE_ADDRESSES_IN_INPUT"),
        ],
    )
    def test_takes_an_array_of_different_entries(self, api: Api, body: Any, code: str) -> None:
        check_refused(api.post(LIST, body), 400, code)

    def test_takes_80_letters_of_a_comment(self, api: Api) -> None:
        assert put(api, comment="c" * 80)["comment"] == "c" * 80

    def test_refuses_the_two_hundred_and_first(self, api: Api) -> None:
        api.post(LIST, [{"ipAddress": f"10.0.0.{number}"} for number in range(200)])
        check_refused(api.post(LIST, [{"ipAddress": ADDRESS}]), 403, "ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED", 200)
        assert api.post(LIST, [{"ipAddress": "10.0.0.7", "comment": "no new one"}]).status_code == 201


class TestPutAgain:
    """Posting an entry once more never says that it is there: it changes it."""

    def test_without_a_date_it_becomes_permanent(self, api: Api) -> None:
        assert put(api, deleteAfterDate=api.at(hours=2))["deleteAfterDate"] == "2026-03-01T14:00:00Z"
        assert "deleteAfterDate" not in put(api)

    def test_with_another_date_and_comment_it_gets_them(self, api: Api) -> None:
        put(api, deleteAfterDate=api.at(hours=2), comment="first")
        changed = put(api, deleteAfterDate=api.at(hours=1), comment="second")
        assert (changed["deleteAfterDate"], changed["comment"]) == ("2026-03-01T13:00:00Z", "second")
        assert api.event_names() == ["NETWORK_PERMISSION_ENTRY_ADDED", "NETWORK_PERMISSION_ENTRY_UPDATED"]

    def test_what_is_permanent_stays_so(self, api: Api) -> None:
        put(api, comment="first")
        again = api.post(LIST, [{"ipAddress": ADDRESS, "deleteAfterDate": api.at(hours=2), "comment": "second"}])
        check_refused(again, 400, "PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY")
        assert api.get(ENTRY)["comment"] == "first"

    def test_what_has_expired_stays_so(self, api: Api) -> None:
        put(api, deleteAfterDate=api.at(hours=2))
        api.later(hours=3)
        again = api.post(LIST, [{"ipAddress": ADDRESS, "deleteAfterDate": api.at(hours=2)}])
        check_refused(again, 400, "ALREADY_EXPIRED")

    def test_it_stays_active(self, api: Api) -> None:
        put(api)
        api.later(seconds=5)
        api.settle()
        put(api, comment="again")
        assert api.get(f"{ENTRY}/status") == {"STATUS": "ACTIVE"}


class TestStatus:
    def test_is_pending_until_it_counts(self, api: Api) -> None:
        put(api)
        assert api.get(f"{ENTRY}/status") == {"STATUS": "PENDING"}
        assert api.project.open_blocks(api.now.timestamp()) == []
        api.later(seconds=api.organisation.settings.active_seconds)
        assert api.project.open_blocks(api.now.timestamp()) == [f"{ADDRESS}/32"]
        assert api.get(f"{ENTRY}/status") == {"STATUS": "PENDING"}, "The clusters do not have it yet."
        api.settle()
        assert api.get(f"{ENTRY}%2F32/status") == {"STATUS": "ACTIVE"}


class TestDelete:
    @pytest.mark.parametrize("name", [ADDRESS, f"{ADDRESS}%2F32"])
    def test_takes_the_entry_by_either_name(self, api: Api, name: str) -> None:
        put(api)
        assert api.delete(f"{LIST}/{name}").status_code == 204
        assert api.get(LIST)["results"] == []
        assert api.project.pending_entries == {}
        removed = {"eventTypeName": "NETWORK_PERMISSION_ENTRY_REMOVED", "whitelistEntry": f"{ADDRESS}/32"}
        assert api.events()[-1].items() >= removed.items()

    def test_an_unknown_entry_is_not_found(self, api: Api) -> None:
        for answer in (api.call("GET", ENTRY), api.call("GET", f"{ENTRY}/status"), api.delete(ENTRY)):
            check_refused(answer, 404, "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND", ADDRESS, api.project.id)

    def test_what_is_no_address_is_refused(self, api: Api) -> None:
        check_refused(api.delete(f"{LIST}/here"), 400, "INVALID_IP_ADDRESS_OR_CIDR_NOTATION", "here")


def test_writes_that_overlap_fail_where_that_is_set(api: Api) -> None:
    api.organisation.settings.change({"overlap_fails": True, "access_list_write_seconds": 0.5})
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda number: api.post(LIST, [{"ipAddress": f"10.0.0.{number}"}]), range(4)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes[0] == 201
    assert codes[1:] == [500] * 3
    assert api.get(LIST)["totalCount"] == 1
