"""Guards the access history: every real login and refusal of a cluster, out of its own log, and nothing of ours."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pymongo.errors import OperationFailure

from sandbox.atlas.history import ROUTES
from sandbox.atlas.logins import LoginLog
from tests.sandbox.atlas.behind import ROOT, Behind, add_user, await_applied
from tests.sandbox.atlas.serving import CLIENT_ID, Served, serving


@pytest.fixture
def served(behind: Behind) -> Iterator[Served]:
    """A stand-in in front of a project whose clusters have seen a login and some that failed."""
    with serving(routes=ROUTES) as served, behind.project(organisation=served.server.organisation) as made:
        organisation, project = made
        served.project = project
        served.give(CLIENT_ID, project_roles={project.id: ("GROUP_DATABASE_ACCESS_ADMIN",)})
        add_user(organisation, project, "comes-in")
        await_applied(organisation, project)
        with behind.login("main", "comes-in") as client:
            client.shop.orders.find_one()
        for name in ("comes-in", "unknown"):
            with behind.login("main", name, "wrong") as client, pytest.raises(OperationFailure):
                client.shop.orders.find_one()
        with organisation.changing():
            project.access_list.clear()
            project.changed()
        await_applied(organisation, project)
        with behind.login("main", "comes-in") as client, pytest.raises(OperationFailure):
            client.shop.orders.find_one()
        yield served


def asked(served: Served, what: str = "clusters/main", **query: Any) -> httpx2.Response:
    with served.bearer() as client:
        return client.get(served.path(f"/dbAccessHistory/{what}"), params=query)


def rows(served: Served, what: str = "clusters/main", **query: Any) -> list[dict[str, Any]]:
    answer = asked(served, what, **query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["accessLogs"]
    return found


def milliseconds(moment: float) -> int:
    return int(moment * 1000)


def test_tells_of_successes_and_failures_newest_first(served: Served) -> None:
    found = rows(served)
    assert [each["timestamp"] for each in found] == sorted((each["timestamp"] for each in found), reverse=True)
    succeeded = next(each for each in found if each["authResult"])
    assert succeeded["username"] == "comes-in"
    assert succeeded["authSource"] == "admin"
    assert succeeded["ipAddress"] == succeeded["hostname"] == "127.0.0.1"
    assert succeeded["failureReason"] is None
    assert succeeded["groupId"] == served.project.id
    assert "Authentication succeeded" in succeeded["logLine"]
    reasons = {(each["username"], each["failureReason"].partition(":")[0]) for each in found if each["failureReason"]}
    assert reasons >= {
        ("comes-in", "AuthenticationFailed"),
        ("comes-in", "AuthenticationRestrictionUnmet"),
        ("unknown", "UserNotFound"),
    }
    assert ROOT not in {each["username"] for each in found}


def test_narrows_by_result_address_moment_and_count(served: Served) -> None:
    assert all(each["authResult"] for each in rows(served, authResult="true"))
    assert not any(each["authResult"] for each in rows(served, authResult="false"))
    assert rows(served, ipAddress="192.0.2.1") == []
    assert rows(served, ipAddress="127.0.0.1") == rows(served)
    assert rows(served, nLogs=1) == rows(served)[:1]
    now = time.time()
    assert rows(served, start=milliseconds(now + 60), end=milliseconds(now + 120)) == []
    assert rows(served, start=milliseconds(now - 3600), end=milliseconds(now + 60)) == rows(served)


@pytest.mark.parametrize("query", [{"start": 1_800_000_000_000}, {"end": 1_800_000_000_000}, {"nLogs": 20_001}])
def test_refuses_half_a_span_and_too_many_lines(served: Served, query: dict[str, Any]) -> None:
    assert asked(served, **query).status_code == 400


def test_of_a_process_is_that_of_its_cluster(served: Served) -> None:
    host = served.project.clusters["main"].hosts[0]
    assert rows(served, f"processes/{host}") == rows(served)
    assert len(rows(served, "processes/127.0.0.1")) >= len(rows(served))
    assert asked(served, "processes/elsewhere").status_code == 404
    assert asked(served, "clusters/elsewhere").json()["errorCode"] == "CLUSTER_NOT_FOUND"


def test_a_log_is_read_once_and_only_in_whole_lines(tmp_path: Path) -> None:
    def line(name: str) -> str:
        facts = f'{{"principalName":"{name}","authenticationDatabase":"admin","remote":"[::1]:7"}}'
        return f'{{"t":{{"$date":"2026-01-01T00:00:00.250+00:00"}},"id":20250,"ctx":"conn1","attr":{facts}}}\n'

    path = tmp_path / "log"
    path.write_text(f"no JSON\n{line('first')}{line('second')[:40]}")
    log = LoginLog(path)
    assert [each.username for each in log.logins()] == ["first"]
    path.write_text(f"no JSON\n{line('first')}{line('second')}")
    second = log.logins()[1]
    assert (second.username, second.address) == ("second", "::1")
    assert second.at == datetime(2026, 1, 1, 0, 0, 0, 250_000, tzinfo=UTC)


def test_a_connection_that_never_says_who_it_is_is_no_login(served: Served, behind: Behind) -> None:
    before = len(rows(served))
    with socket.create_connection(("127.0.0.1", behind.mongods["main"].port)):
        pass
    assert len(rows(served)) == before
