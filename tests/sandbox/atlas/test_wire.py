"""Guards what goes over the stand-in's wire: paths, versions, rights, pages, envelopes and errors, as Atlas has them."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.sandbox.atlas.serving import CLIENT_ID, Served, serving


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


class TestPaths:
    @pytest.mark.parametrize(
        ("sent", "name"),
        [
            ("a%2Fb", "a/b"),
            ("arn%3Aaws%3Aiam%3A%3A1%3Auser%2Fx", "arn:aws:iam::1:user/x"),
            ("arn:aws:iam::1:user%2Fx", "arn:aws:iam::1:user/x"),
            ("CN=x,O=y%20z", "CN=x,O=y z"),
            ("a+b", "a+b"),
            ("100%25", "100%"),
        ],
    )
    def test_are_split_before_they_are_decoded(self, served: Served, sent: str, name: str) -> None:
        with served.bearer() as client:
            answer = client.get(served.path(f"/databaseUsers/$external/{sent}"))
        assert answer.json() == {"groupId": served.project.id, "databaseName": "$external", "username": name}

    def test_of_actions_end_in_a_colon_and_a_word(self, served: Served) -> None:
        with served.bearer() as client:
            assert client.post(served.path("/users/5:addRole")).json()["userId"] == "5"
            assert client.get(served.path("/users/5")).json()["userId"] == "5"

    def test_that_nobody_answers_are_not_found(self, served: Served) -> None:
        with served.bearer() as client:
            answer = client.get(served.path("/nothing"))
        assert (answer.status_code, answer.json()["errorCode"]) == (404, "RESOURCE_NOT_FOUND")

    def test_take_only_their_methods(self, served: Served) -> None:
        with served.bearer() as client:
            answer = client.patch(served.path("/accessList"), json={})
        assert (answer.status_code, answer.json()["errorCode"]) == (405, "METHOD_NOT_ALLOWED")


class TestVersions:
    @pytest.mark.parametrize(
        ("date", "version"),
        [
            ("2023-01-01", "2023-01-01"),
            ("2023-01-31", "2023-01-01"),
            ("2024-08-04", "2023-02-01"),
            ("2024-08-05", "2024-08-05"),
            ("2026-11-22", "2024-08-05"),
        ],
    )
    def test_resolve_to_the_newest_one_not_after_the_date(self, served: Served, date: str, version: str) -> None:
        with served.bearer(Accept=f"application/vnd.atlas.{date}+json") as client:
            answer = client.get(served.path("/clusters"))
        assert answer.json() == {"version": version}
        assert answer.headers["Content-Type"] == f"application/vnd.atlas.{version}+json;charset=utf-8"
        assert ("Deprecation" in answer.headers, "Sunset" in answer.headers) == ((version != "2024-08-05"),) * 2

    @pytest.mark.parametrize(
        "accept",
        [
            "*/*",
            "application/json",
            "application/vnd.atlas.2022-12-31+json",
            "application/vnd.atlas.2024-13-01+json",
            "application/vnd.atlas.preview+json",
        ],
    )
    def test_have_to_be_asked_for(self, served: Served, accept: str) -> None:
        with served.bearer(Accept=accept) as client:
            answer = client.get(served.path("/clusters"))
        assert answer.status_code == 406
        assert answer.json() == {
            "detail": "Invalid accept header or version date.",
            "error": 406,
            "errorCode": "INVALID_VERSION_DATE",
            "parameters": [],
            "reason": "Not Acceptable",
        }


class TestRights:
    @pytest.mark.parametrize(
        ("roles", "may"),
        [
            (("GROUP_OWNER",), True),
            (("GROUP_READ_ONLY", "GROUP_NETWORK_ACCESS_MANAGER"), True),
            (("GROUP_READ_ONLY", "GROUP_DATABASE_ACCESS_ADMIN"), False),
            (("GROUP_READ_ONLY",), False),
        ],
    )
    def test_are_those_of_the_operation(self, served: Served, roles: tuple[str, ...], may: bool) -> None:
        served.give(CLIENT_ID, project_roles={served.project.id: roles})
        with served.bearer() as client:
            answer = client.post(served.path("/accessList"), json={"name": "x"})
        assert served.shelf.names == (["x"] if may else [])
        assert (answer.status_code, answer.json().get("errorCode")) == (
            (201, None) if may else (401, "USER_UNAUTHORIZED")
        )

    def test_of_the_organisation_reach_into_its_projects(self, served: Served) -> None:
        served.give(CLIENT_ID, project_roles={}, org_roles=("ORG_READ_ONLY",))
        with served.bearer() as client:
            assert client.get(served.path("/accessList")).status_code == 200
            assert client.post(served.path("/accessList"), json={"name": "x"}).status_code == 401
            served.give(CLIENT_ID, org_roles=("ORG_OWNER",))
            assert client.post(served.path("/accessList"), json={"name": "x"}).status_code == 201

    def test_without_any_in_a_project_it_is_not_yours(self, served: Served) -> None:
        served.give(CLIENT_ID, project_roles={})
        with served.bearer() as client:
            answer = client.get(served.path("/accessList"))
        assert (answer.status_code, answer.json()["errorCode"]) == (401, "NOT_IN_GROUP")

    @pytest.mark.parametrize(
        ("path", "code"),
        [
            ("groups/111111111111111111111111/accessList", "GROUP_NOT_FOUND"),
            ("groups/nonsense/accessList", "INVALID_GROUP_ID"),
            ("orgs/111111111111111111111111", "ORG_NOT_FOUND"),
        ],
    )
    def test_in_what_is_not_there_are_a_404(self, served: Served, path: str, code: str) -> None:
        with served.bearer() as client:
            answer = client.get(f"/api/atlas/v2/{path}")
        assert (answer.status_code, answer.json()["errorCode"]) == (404, code)
        assert answer.headers["X-Error-Code"] == code

    def test_in_the_organisation_are_apart(self, served: Served) -> None:
        organisation = f"/api/atlas/v2/orgs/{served.server.organisation.id}"
        with served.bearer() as client:
            assert client.get(organisation).status_code == 200
            assert client.get(f"{organisation}/users").json()["errorCode"] == "USER_UNAUTHORIZED"
            served.give(CLIENT_ID, org_roles=("ORG_READ_ONLY",))
            assert client.get(f"{organisation}/users").status_code == 200


class TestPages:
    def test_link_to_what_comes_before_and_after(self, served: Served) -> None:
        served.shelf.names = [str(number) for number in range(5)]
        with served.bearer() as client:
            said = client.get(served.path("/accessList"), params={"itemsPerPage": 2, "pageNum": 2, "pretty": "true"})
        found = {link["rel"]: parse_qs(urlsplit(link["href"]).query) for link in said.json()["links"]}
        assert said.json()["results"] == ["2", "3"]
        assert said.json()["totalCount"] == 5
        assert {rel: query["pageNum"] for rel, query in found.items()} == {
            "self": ["2"],
            "next": ["3"],
            "previous": ["1"],
        }
        assert all(query["pretty"] == ["true"] for query in found.values())

    def test_can_be_followed_to_the_end(self, served: Served) -> None:
        served.shelf.names = [str(number) for number in range(7)]
        seen: list[str] = []
        with served.bearer() as client:
            url: str | None = served.path("/accessList?itemsPerPage=3")
            while url is not None:
                said = client.get(url).json()
                seen += said["results"]
                url = next((link["href"] for link in said["links"] if link["rel"] == "next"), None)
        assert seen == served.shelf.names

    def test_hold_a_hundred_unless_asked(self, served: Served) -> None:
        served.shelf.names = [str(number) for number in range(101)]
        with served.bearer() as client:
            assert len(client.get(served.path("/accessList")).json()["results"]) == 100

    def test_need_not_be_counted(self, served: Served) -> None:
        with served.bearer() as client:
            said = client.get(served.path("/accessList?includeCount=false")).json()
        assert "totalCount" not in said
        assert said["results"] == []

    @pytest.mark.parametrize(
        "query", ["itemsPerPage=501", "itemsPerPage=0", "pageNum=0", "pageNum=x", "includeCount=1"]
    )
    def test_have_bounds(self, served: Served, query: str) -> None:
        with served.bearer() as client:
            answer = client.get(served.path(f"/accessList?{query}"))
        assert (answer.status_code, answer.json()["errorCode"]) == (400, "INVALID_QUERY_PARAMETER")
        assert answer.json()["parameters"] == [query.partition("=")[0]]


class TestBodies:
    @pytest.mark.parametrize(
        "kind", ["application/json", "application/vnd.atlas.2023-01-01+json", "application/json; charset=utf-8"]
    )
    def test_are_json_by_any_of_its_names(self, served: Served, kind: str) -> None:
        with served.bearer() as client:
            answer = client.post(served.path("/accessList"), content=b'{"name": "x"}', headers={"Content-Type": kind})
        assert answer.status_code == 201

    @pytest.mark.parametrize(
        ("content", "kind", "code"),
        [
            (b"name=x", "application/x-www-form-urlencoded", "UNSUPPORTED_MEDIA_TYPE"),
            (b'{"name":', "application/json", "MALFORMED_JSON"),
            (b"[1]", "application/json", "INVALID_JSON"),
            (b"\xff\xfe", "application/json", "MALFORMED_JSON"),
        ],
    )
    def test_of_other_kinds_are_refused(self, served: Served, content: bytes, kind: str, code: str) -> None:
        with served.bearer() as client:
            answer = client.post(served.path("/accessList"), content=content, headers={"Content-Type": kind})
        assert answer.json()["errorCode"] == code
        assert served.shelf.names == []

    def test_say_how_long_they_are(self, served: Served) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", served.server.server_address[1], timeout=5)
        connection.putrequest("POST", served.path("/accessList"))
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        assert connection.getresponse().status == 411
        connection.close()

    def test_of_deleted_things_are_empty(self, served: Served) -> None:
        served.shelf.names = ["1.2.3.0/24"]
        with served.bearer() as client:
            answer = client.delete(served.path("/accessList/1.2.3.0%2F24"))
        assert (answer.status_code, answer.content) == (204, b"")
        assert "Content-Length" not in answer.headers
        assert served.shelf.names == []

    def test_come_in_an_envelope_and_indented_when_asked(self, served: Served) -> None:
        served.shelf.names = ["x"]
        with served.bearer() as client:
            answer = client.get(served.path("/clusters?envelope=true&pretty=true"))
            refused = client.get(served.path("/nothing?envelope=true"))
            deleted = client.delete(served.path("/accessList/x?envelope=true"))
        assert (deleted.status_code, deleted.json()) == (200, {"status": 204, "content": {}})
        assert answer.json() == {"status": 200, "content": {"version": "2024-08-05"}}
        assert answer.text.count("\n") > 3
        assert refused.status_code == 404
        assert refused.json()["status"] == 404
        assert refused.json()["content"]["errorCode"] == "RESOURCE_NOT_FOUND"


class TestErrors:
    def test_name_their_code_and_parameters(self, served: Served) -> None:
        with served.bearer() as client:
            answer = client.get("/api/atlas/v2/groups/111111111111111111111111/accessList")
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json() == {
            "detail": "No group with ID 111111111111111111111111 exists.",
            "error": 404,
            "errorCode": "GROUP_NOT_FOUND",
            "parameters": ["111111111111111111111111"],
            "reason": "Not Found",
        }

    def test_of_the_stand_in_itself_say_so(self, served: Served, capfd: pytest.CaptureFixture[str]) -> None:
        with served.bearer() as client:
            answer = client.get("/api/atlas/v2/broken")
        assert (answer.status_code, answer.json()["errorCode"]) == (500, "UNEXPECTED_ERROR")
        assert "stand-in failed" in answer.json()["detail"]
        assert "This operation is broken." in capfd.readouterr().err


def test_one_connection_carries_many_calls(served: Served) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", served.server.server_address[1], timeout=5)
    headers = {"Accept": "application/vnd.atlas.2023-01-01+json", "Authorization": f"Bearer {served.token()}"}
    sockets = set()
    for _ in range(3):
        connection.request("GET", served.path("/clusters"), headers=headers)
        sockets.add(connection.sock)
        assert json.loads(connection.getresponse().read()) == {"version": "2023-01-01"}
    connection.close()
    assert len(sockets) == 1


def test_it_listens_on_loopback_only(served: Served) -> None:
    assert served.server.server_address[0] == "127.0.0.1"
