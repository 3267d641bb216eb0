"""Guards the faults that can be ordered from the stand-in, and the desk where they are: what is done, and what is said."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.sandbox.atlas.serving import CLIENT_ID, CONTROL_TOKEN, PRIVATE_KEY, PUBLIC_KEY, Served, serving


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as made:
        yield made


@pytest.fixture
def client(served: Served) -> Iterator[httpx2.Client]:
    with served.bearer() as made:
        yield made


def add(served: Served, client: httpx2.Client, name: str = "x") -> httpx2.Response:
    return client.post(served.path("/accessList"), json={"name": name})


class TestFault:
    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            ("error_before", 500, "UNEXPECTED_ERROR"),
            ("error_after_commit", 500, "UNEXPECTED_ERROR"),
            ("rate_limited", 429, "RATE_LIMITED"),
            ("rate_limited_bucket", 429, "RATE_LIMITED_TOKEN_BUCKET"),
            ("unavailable", 503, "SERVICE_UNAVAILABLE"),
        ],
    )
    def test_answers_as_ordered(self, served: Served, fault: str, status: int, code: str) -> None:
        with served.bearer() as client:
            served.order(fault, method="POST", seconds=7)
            answer = add(served, client)
            assert (answer.status_code, answer.json()["errorCode"]) == (status, code)
            assert served.shelf.names == (["x"] if fault == "error_after_commit" else [])
            waits = fault in {"rate_limited_bucket", "unavailable"}
            assert answer.headers.get("Retry-After") == ("7" if waits else None)
            assert add(served, client, "next").status_code == 201

    @pytest.mark.parametrize(("fault", "done"), [("drop_before", False), ("drop_after_commit", True)])
    def test_drops_the_connection(self, served: Served, client: httpx2.Client, fault: str, done: bool) -> None:
        served.order(fault)
        with pytest.raises(httpx2.RemoteProtocolError):
            add(served, client)
        assert served.shelf.names == (["x"] if done else [])
        assert add(served, client, "next").status_code == 201

    def test_slow_does_first_and_answers_later(self, served: Served, client: httpx2.Client) -> None:
        served.order("slow", seconds=0.5)
        with pytest.raises(httpx2.ReadTimeout):
            client.post(served.path("/accessList"), json={"name": "x"}, timeout=0.2)
        assert served.shelf.names == ["x"]

    def test_late_does_when_everybody_has_gone(self, served: Served, client: httpx2.Client) -> None:
        served.order("late", seconds=0.5)
        with pytest.raises(httpx2.ReadTimeout):
            client.post(served.path("/accessList"), json={"name": "x"}, timeout=0.2)
        assert served.shelf.names == []
        deadline = time.monotonic() + 5
        while served.shelf.names != ["x"] and time.monotonic() < deadline:
            time.sleep(0.02)
        assert served.shelf.names == ["x"]

    def test_takes_the_calls_that_it_names(self, served: Served, client: httpx2.Client) -> None:
        served.order("error_before", method="DELETE|POST", path="databaseUsers$", times=2, skip=1)
        served.shelf.names = ["a"]
        statuses = [
            add(served, client).status_code,
            *(client.post(served.path("/databaseUsers"), json={"name": "b"}).status_code for _ in range(4)),
        ]
        assert statuses == [201, 201, 500, 500, 201]
        (order,) = served.control("GET", "faults").json()
        assert order["hits"] == 2

    def test_takes_the_calls_of_one_account(self, served: Served, client: httpx2.Client) -> None:
        served.order("error_before", account=CLIENT_ID)
        with served.client(auth=httpx2.DigestAuth(PUBLIC_KEY, PRIVATE_KEY)) as other:
            assert add(served, other).status_code == 201
        assert add(served, client).status_code == 500

    @pytest.mark.parametrize(("fault", "status"), [("unavailable", 503), ("error_after_commit", 500)])
    def test_reaches_the_token_endpoint(self, served: Served, fault: str, status: int) -> None:
        served.order(fault, path="/api/oauth/token")
        assert served.post("token", {"grant_type": "client_credentials"}).status_code == status

    def test_can_be_taken_back(self, served: Served, client: httpx2.Client) -> None:
        first = served.control("POST", "faults", {"fault": "drop_before"}).json()["id"]
        served.order("error_before")
        assert served.control("DELETE", f"faults/{first}").status_code == 204
        assert add(served, client).status_code == 500
        served.order("error_before", times=9)
        assert served.control("DELETE", "faults").status_code == 204
        assert add(served, client).status_code == 201

    @pytest.mark.parametrize(
        "order",
        [
            {},
            {"fault": "earthquake"},
            {"fault": "slow", "path": "("},
            {"fault": "slow", "times": "x"},
            {"fault": "slow", "when": 1},
        ],
    )
    def test_has_to_be_one(self, served: Served, order: dict[str, object]) -> None:
        assert served.control("POST", "faults", order).status_code == 422
        assert served.control("GET", "faults").json() == []


class TestOverlap:
    def test_fails_the_second_writer_of_one_access_list(self, served: Served) -> None:
        served.control("PATCH", "settings", {"overlap_fails": True, "access_list_write_seconds": 0.5})
        token = served.token()
        together = threading.Barrier(2)

        def write(name: str) -> int:
            with served.bearer(token) as client:
                together.wait()
                return add(served, client, name).status_code

        with ThreadPoolExecutor() as threads:
            assert sorted(threads.map(write, ["a", "b"])) == [201, 500]
        assert len(served.shelf.names) == 1

    def test_is_no_matter_for_readers_or_unless_ordered(self, served: Served, client: httpx2.Client) -> None:
        served.control("PATCH", "settings", {"access_list_write_seconds": 0.2})
        token = served.token()

        def call(method: str) -> int:
            with served.bearer(token) as other:
                return other.request(method, served.path("/accessList"), json={"name": "x"}).status_code

        with ThreadPoolExecutor() as threads:
            assert [*threads.map(call, ["POST", "POST"])] == [201, 201]
            served.control("PATCH", "settings", {"overlap_fails": True})
            assert sorted(threads.map(call, ["POST", "GET", "GET"])) == [200, 200, 201]


class TestDesk:
    def test_is_for_who_holds_its_token(self, served: Served) -> None:
        for token in ("x", "wrong", served.token()):
            assert served.control("GET", "settings", token=token).status_code == 401
        assert served.control("GET", "settings").status_code == 200

    def test_changes_settings(self, served: Served) -> None:
        said = served.control(
            "PATCH", "settings", {"purge_lag_seconds": 3, "delete_missing_user": "USERNAME_NOT_FOUND"}
        )
        assert said.json() | {"purge_lag_seconds": 3.0, "delete_missing_user": "USERNAME_NOT_FOUND"} == said.json()
        assert served.server.organisation.settings.purge_lag_seconds == 3.0

    @pytest.mark.parametrize(
        "settings",
        [
            {"nothing": 1},
            {"apply_seconds": -1},
            {"apply_seconds": "1"},
            {"overlap_fails": 1},
            {"live_tokens": True},
            [1],
        ],
    )
    def test_changes_none_of_the_settings_when_one_is_wrong(self, served: Served, settings: object) -> None:
        before = served.control("GET", "settings").json()
        wrong = {"purge_lag_seconds": 99, **settings} if isinstance(settings, dict) else settings
        assert served.control("PATCH", "settings", wrong).status_code == 422
        assert served.control("GET", "settings").json() == before

    def test_takes_back_every_token(self, served: Served, client: httpx2.Client) -> None:
        assert served.control("DELETE", "tokens").status_code == 204
        assert add(served, client).status_code == 401
        with served.bearer() as again:
            assert add(served, again).status_code == 201

    def test_shows_the_calls_without_their_secrets(self, served: Served, client: httpx2.Client) -> None:
        served.control("DELETE", "calls")
        client.post(served.path("/databaseUsers?pretty=true"), json={"name": "x", "password": "a-canary"})
        served.order("drop_before")
        with pytest.raises(httpx2.RemoteProtocolError):
            client.delete(served.path("/accessList/unknown"))
        answer = served.control("GET", "calls")
        made, dropped = answer.json()
        assert (
            made
            | {
                "method": "POST",
                "target": served.path("/databaseUsers?pretty=true"),
                "account": CLIENT_ID,
                "body": {"name": "x"},
                "status": 201,
                "code": None,
            }
            == made
        )
        assert (dropped["method"], dropped["status"]) == ("DELETE", None)
        assert "a-canary" not in answer.text

    def test_knows_nothing_else(self, served: Served) -> None:
        assert served.control("GET", "everything").status_code == 404
        with served.bearer(CONTROL_TOKEN) as client:
            assert client.post("/control/faults", content=b"{").status_code == 400
