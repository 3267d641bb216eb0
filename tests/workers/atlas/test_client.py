"""Guards what goes over the wire to Atlas, and what comes of every kind of answer: nothing twice, nothing unsaid."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from tests.workers.atlas.calling import ALL, UNSAFE, USERS, V, call, failure_of
from tests.workers.atlas.recorder import Recorder, Say, error
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient, Method
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.connection_record import AtlasRecord

pytestmark = pytest.mark.django_db


class TestCall:
    def test_names_version_account_and_content(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [Say(201, {"username": "jit"}), Say(204)]

        made = client.call(Method.POST, USERS, version="2025-02-19", urgency=Urgency.GRANT, body={"roles": ["ü"]})
        gone = call(client, Method.DELETE, "admin", "jit")

        assert (made, gone) == ({"username": "jit"}, None)
        post, delete = atlas.asked
        assert post.path == "/api/atlas/v2/groups/5f0000000000000000000001/databaseUsers"
        assert post.headers["Accept"] == post.headers["Content-Type"] == "application/vnd.atlas.2025-02-19+json"
        assert post.headers["Authorization"] == "Bearer token-canary-1"
        assert post.json == {"roles": ["ü"]}
        assert delete.headers["Accept"] == "application/vnd.atlas.2023-01-01+json"
        assert "Content-Type" not in delete.headers
        assert delete.body == b""

    @pytest.mark.parametrize(
        ("name", "encoded"),
        [
            ("arn:aws:iam::1:role/a b", "arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fa%20b"),
            ("CN=jit,OU=x+y/z", "CN%3Djit%2COU%3Dx%2By%2Fz"),
            ("10.0.0.0/24", "10.0.0.0%2F24"),
            ("../../orgs", "..%2F..%2Forgs"),
            ("50%2F?a#b", "50%252F%3Fa%23b"),
            ("größe", "gr%C3%B6%C3%9Fe"),
            ("2001:db8::1/128", "2001%3Adb8%3A%3A1%2F128"),
        ],
    )
    def test_encodes_every_segment_by_itself(
        self, client: AtlasClient, atlas: Recorder, name: str, encoded: str
    ) -> None:
        call(client, Method.GET, "$external", name)

        assert atlas.asked[0].path.endswith(f"/databaseUsers/%24external/{encoded}")

    @pytest.mark.parametrize("name", ["", ".", ".."])
    def test_a_name_that_no_path_can_hold_is_refused_here(
        self, client: AtlasClient, atlas: Recorder, name: str
    ) -> None:
        with pytest.raises(AtlasFailure) as caught:
            call(client, Method.DELETE, "admin", name)

        assert caught.value.permanent
        assert not caught.value.gone
        assert atlas.calls == []

    def test_appends_a_verb_and_repeats_what_is_asked_for_more_than_once(
        self, client: AtlasClient, atlas: Recorder
    ) -> None:
        client.call(Method.POST, ("groups", "g", "users", "u:1"), verb="addRole", version=V, urgency=Urgency.GRANT)
        client.call(
            Method.GET, ("groups", "g", "events"), version=V, urgency=Urgency.GRANT, query={"eventType": ["A", "B&C"]}
        )

        assert [one.path for one in atlas.asked] == [
            "/api/atlas/v2/groups/g/users/u%3A1:addRole",
            "/api/atlas/v2/groups/g/events?eventType=A&eventType=B%26C",
        ]

    def test_a_certificate_comes_as_text(self, client: AtlasClient, atlas: Recorder) -> None:
        pem = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"
        atlas.answers = [Say(201, pem.encode(), {"Content-Type": "application/vnd.atlas.2023-01-01+json"})]

        assert call(client, Method.POST, "jit", "certs") == pem

    def test_an_answer_of_another_form_is_a_failure(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [Say(200, b"<html>Sign in</html>")]

        assert "a form that we do not know" in str(failure_of(client))

    def test_does_not_follow_to_another_place(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [Say(302, None, {"Location": f"{atlas.url}/elsewhere"})]

        assert failure_of(client).status == 302
        assert len(atlas.asked) == 1

    def test_reads_the_clock(self, client: AtlasClient, atlas: Recorder) -> None:
        assert client.clock_skew() == 0.0
        call(client)
        assert abs(client.clock_skew()) < 1.5

        atlas.answers = [Say(200, {}, {"Date": "Thu, 01 Jan 2015 00:00:00 GMT"})]
        call(client)
        assert client.clock_skew() < -86_400

        atlas.answers = [Say(200, {}, {"Date": "yesterday"})]
        call(client)
        assert client.clock_skew() < -86_400


class TestPages:
    def test_go_on_while_there_are_more(self, client: AtlasClient, atlas: Recorder) -> None:
        more = {"links": [{"rel": "self", "href": "x"}, {"rel": "next", "href": "http://evil.example/"}]}
        atlas.answers = [
            Say(200, {"results": [{"n": 1}, {"n": 2}], **more}),
            Say(200, {"results": [{"n": 3}], "links": []}),
        ]

        rows = list(client.pages(USERS, version=V, urgency=Urgency.RECONCILE, query={"username": "a b"}))

        assert [row["n"] for row in rows] == [1, 2, 3]
        assert [one.path.partition("?")[2] for one in atlas.asked] == [
            f"username=a+b&itemsPerPage=500&pageNum={number}&includeCount=false" for number in (1, 2)
        ]

    def test_a_full_page_without_a_link_is_not_taken_for_the_last(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [Say(200, {"results": [{}] * 500}), Say(200, {"results": []})]

        assert len(list(client.pages(USERS, version=V, urgency=Urgency.GRANT))) == 500
        assert len(atlas.asked) == 2

    def test_an_empty_list_is_one_call(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [Say(200, {"results": [], "links": [], "totalCount": 0})]

        assert list(client.pages(USERS, version=V, urgency=Urgency.GRANT)) == []
        assert len(atlas.asked) == 1


class TestFailure:
    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (404, "USER_NOT_FOUND"),
            (404, "USERNAME_NOT_FOUND"),
            (404, "USER_NOT_IN_GROUP"),
            (404, "RESOURCE_NOT_FOUND"),
            (404, "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND"),
            (404, "ATLAS_WHITELIST_NOT_FOUND"),
            (404, "NOT_IN_IP_RANGE"),
            (404, "ATLAS_CUSTOM_ROLE_NOT_FOUND"),
        ],
    )
    def test_gone_is_what_the_code_says(self, client: AtlasClient, atlas: Recorder, status: int, code: str) -> None:
        atlas.answers = [error(status, code)]
        failure = failure_of(client, Method.DELETE)

        assert failure.gone
        assert (failure.code, failure.status) == (code, status)
        assert not failure.unreachable
        assert len(atlas.asked) == 1

    @pytest.mark.parametrize(
        ("status", "code"),
        [
            (404, "GROUP_NOT_FOUND"),
            (404, "INVALID_GROUP_ID"),
            (404, "ORG_NOT_FOUND"),
            (401, "NOT_IN_GROUP"),
            (401, "USER_UNAUTHORIZED"),
            (403, "IP_ADDRESS_NOT_ON_ACCESS_LIST"),
            (404, "SOMETHING_NEW"),
            (404, "user_not_found"),
            (400, "USER_NOT_FOUND"),
            (400, "ALREADY_EXPIRED"),
        ],
    )
    def test_never_gone(self, client: AtlasClient, atlas: Recorder, status: int, code: str) -> None:
        atlas.answers = [error(status, code)]
        failure = failure_of(client, Method.DELETE)

        assert not failure.gone
        assert not failure.unreachable
        assert len(atlas.asked) == 1
        assert len(atlas.token_calls) == 1, "A lost right is no reason to ask for another token."

    def test_a_404_without_a_code_is_not_gone(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [Say(404, b"<html>not found</html>"), Say(404, ["USER_NOT_FOUND"])]

        assert not failure_of(client, Method.DELETE).gone
        assert not failure_of(client, Method.DELETE).gone

    def test_says_what_else_it_was(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [
            error(409, "USER_ALREADY_EXISTS"),
            error(409, "ATLAS_CUSTOM_ROLE_IN_USE_BY_USERS"),
            error(403, "GROUP_USERS_LIMIT_EXCEEDED"),
            error(400, "EXPIRATION_DATE_EXCEEDS_MAX"),
            error(409, "AUTOMATION_CONFIG_CONCURRENT_MODIFICATION"),
        ]
        exists, in_use, full, refused, busy = (failure_of(client, Method.POST) for _ in range(5))

        assert (exists.exists, in_use.in_use, full.full) == (True, True, True)
        assert [one.permanent for one in (exists, in_use, full, refused, busy)] == [False, False, False, True, False]

    @pytest.mark.parametrize("method", ALL)
    def test_a_dropped_connection_is_tried_again_only_where_that_is_safe(
        self, client: AtlasClient, atlas: Recorder, method: Method
    ) -> None:
        atlas.answers = [Say(drop=True), Say(200, {"n": 1})]
        if method in UNSAFE:
            failure = failure_of(client, method)
            assert failure.unreachable
            assert failure.outcome_unknown
            assert len(atlas.asked) == 1
        else:
            assert call(client, method) == {"n": 1}
            assert len(atlas.asked) == 2

    @pytest.mark.parametrize("method", ALL)
    def test_a_500_is_tried_again_only_where_that_is_safe(
        self, client: AtlasClient, atlas: Recorder, method: Method
    ) -> None:
        atlas.answers = [error(500, "UNEXPECTED_ERROR")] * 3
        failure = failure_of(client, method)

        assert len(atlas.asked) == (1 if method in UNSAFE else 2)
        assert failure.unreachable == (method not in UNSAFE)
        assert failure.outcome_unknown == (method in UNSAFE)

    def test_nobody_there(self, record: AtlasRecord) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            client = AtlasClient(record=replace(record, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}"))
            failure = failure_of(client, Method.POST)
            client.close()

        assert failure.unreachable
        assert not failure.outcome_unknown

    def test_a_503_that_says_when_is_left_alone_until_then(self, client: AtlasClient, atlas: Recorder) -> None:
        atlas.answers = [error(503, "UNEXPECTED_ERROR", Retry_After="7")]
        failure = failure_of(client)

        assert failure.retry_after == 7
        assert not failure.unreachable, "The relay would wake what waits for it."
        assert len(atlas.asked) == 1
