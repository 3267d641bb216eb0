"""Guards the sandbox as its users meet it: a state file that tells the truth, supervision, and nothing left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import httpx2
import psycopg
import pytest
from pymongo import MongoClient
from redis import Redis

from tests.sandbox.beside import expect_apart
from tests.sandbox.running import BARE, ROOT, Running, eventually, is_gone, run, sandbox

PEOPLE = {"alice", "bob", "carol", "dave", "erin", "frank", "grace", "mallory"}
PROCESSES = ("web", "relay", "worker", "worker_urgent")
KEYS = {
    *("web", "tokens", "passwords", "postgres", "postgres_app", "redis", "mongodb", "targets", "pids"),
    *("audit_anchor", "mail", "control", "logs", "identity", "atlas", "slack", "totp"),
}


class Start(Protocol):
    """Starts a sandbox, without a tour unless it is told otherwise."""

    def __call__(self, *options: str) -> Running: ...


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def all_pids(pids: dict[str, Any]) -> list[int]:
    plain = [pid for name, found in pids.items() if name != "mongod" for pid in found]
    return plain + [pid for found in pids["mongod"].values() for pid in found]


@pytest.fixture
def worlds(tmp_path: Path) -> Iterator[Start]:
    started: list[Running] = []

    def start(*options: str) -> Running:
        directory = tmp_path / f"world-{len(started)}"
        directory.mkdir()
        started.append(Running(directory, *(options or ("--no-tour",))))
        return started[-1]

    yield start
    for world in started:
        if world.process.poll() is None:
            world.end(signal.SIGTERM)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_world_from_beginning_to_end(worlds: Start, subtests: pytest.Subtests) -> None:
    """One test, since every world costs its start."""
    world = worlds()
    world.await_ready()
    for look in (
        check_state_file,
        check_every_part_opens,
        check_atlas,
        check_slack,
        check_state_file_is_not_written_over,
        check_web_knows_no_secret_of_a_target,
        partial(check_another_beside_it, worlds=worlds),
        check_commands_run_inside,
        check_killed_processes_come_back,
        check_stopped_parts_stay_down,
        check_end_leaves_nothing,
    ):
        with subtests.test(getattr(look, "__name__", "another beside it")):
            look(world)


def check_state_file(world: Running) -> None:
    state = world.state
    assert set(state) == KEYS
    assert set(state["tokens"]) == set(state["passwords"]) == PEOPLE
    assert set(state["targets"]) == {"shop-dev", "shop-staging", "shop-prod"}
    assert state["mongodb"]["uri"] == state["targets"]["shop-prod"]["uri"]
    assert world.state_file.stat().st_mode & 0o777 == 0o600
    assert set(state["pids"]) == {*PROCESSES, "sweep", "identity", "atlas", "slack", "redis", "postgres", "mongod"}
    assert [pid for pid in all_pids(state["pids"]) if is_gone(pid)] == []
    clusters = {f"{project}-{cluster}" for project, found in state["atlas"]["clusters"].items() for cluster in found}
    assert len(clusters) == 4
    assert set(state["pids"]["mongod"]) == {*state["targets"], *clusters}


def check_atlas(world: Running) -> None:
    """With the product's own keys: every project is there, applied, and holds what the catalogue says."""
    atlas = world.state["atlas"]
    assert set(atlas) >= {
        *("url", "client_id", "client_secret", "public_key", "private_key", "org_id", "projects", "project_id"),
        *("database", "control_url", "control_token", "owner"),
    }
    assert set(atlas["owner"]) == {"client_id", "client_secret", "public_key", "private_key"}
    assert atlas["projects"]["ecommerce-dev"] == atlas["project_id"]
    form = {"grant_type": "client_credentials"}
    login = (atlas["client_id"], atlas["client_secret"])
    token = httpx2.post(f"{atlas['url']}/api/oauth/token", data=form, auth=login).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.atlas.2025-03-12+json"}
    with httpx2.Client(base_url=f"{atlas['url']}/api/atlas/v2/groups/", headers=headers) as client:
        for name, project in atlas["projects"].items():
            clusters = client.get(f"{project}/clusters").json()["results"]
            assert {each["name"] for each in clusters} == set(atlas["clusters"][name])
            for cluster in clusters:
                status = client.get(f"{project}/clusters/{cluster['name']}/status").json()["changeStatus"]
                assert status == "APPLIED"
                assert cluster["connectionStrings"]["standard"].startswith("mongodb://127.0.0.1:")
                with MongoClient[dict[str, Any]](atlas["clusters"][name][cluster["name"]]["uri"]) as root:
                    assert root[atlas["database"]].orders.find_one()
        owners = [
            user
            for user in client.get(f"{atlas['project_id']}/users").json()["results"]
            if "GROUP_OWNER" in user["roles"] and user["orgMembershipStatus"] == "ACTIVE"
        ]
    assert len(owners) == 1
    settings = f"{atlas['control_url']}/settings"
    assert httpx2.get(settings).status_code == 401
    assert httpx2.get(settings, headers={"Authorization": f"Bearer {atlas['control_token']}"}).status_code == 200


def check_slack(world: Running) -> None:
    """Everybody is there and linked but the outsider, and nobody gets at its desk without the token."""
    slack = world.state["slack"]
    assert set(slack) >= {
        *("url", "signing_secret", "team_id", "app_id", "bot_token", "users", "outsider"),
        *("record_url", "trigger_url", "control_url", "control_token"),
    }
    with psycopg.connect(world.state["postgres"]) as connection:
        linked = connection.execute(
            "SELECT username, slack_user_id FROM accessrequests_slackidentity JOIN accessrequests_person"
            " ON accessrequests_person.id = person_id WHERE team_id = %s",
            [slack["team_id"]],
        ).fetchall()
    assert dict(linked) == slack["users"]
    assert slack["outsider"] not in slack["users"].values()
    desk = {"Authorization": f"Bearer {slack['control_token']}"}
    made = httpx2.post(slack["trigger_url"], json={"user": slack["users"]["bob"]}, headers=desk).json()
    assert set(made) == {"trigger_id", "response_url"}
    called = httpx2.post(f"{slack['url']}/api/auth.test", headers={"Authorization": f"Bearer {slack['bot_token']}"})
    assert called.json()["team_id"] == slack["team_id"]
    assert httpx2.get(slack["record_url"], headers=desk).json()["calls"][-1]["method"] == "auth.test"
    assert httpx2.get(slack["record_url"]).status_code == 401


def check_every_part_opens(world: Running) -> None:
    state = world.state
    assert answers(f"{state['web']}/readyz")
    for uri in (state["postgres"], state["postgres_app"]):
        with psycopg.connect(uri) as connection:
            assert connection.execute(
                "SELECT count(*) FROM accessrequests_person WHERE owner_id IS NULL"
            ).fetchone() == (8,)
    with Redis.from_url(state["redis"]) as redis:
        assert redis.ping()
    with MongoClient[dict[str, Any]](state["mongodb"]["uri"]) as root:
        assert root.shop.orders.estimated_document_count() > 10_000
    for name, token in state["tokens"].items():
        answer = httpx2.get(f"{state['web']}/api/v1/targets/", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, name


def check_state_file_is_not_written_over(world: Running) -> None:
    before = world.state
    third = run("--no-tour", "--state-file", world.state_file)
    assert third.returncode == 1
    assert "exists already" in third.stderr
    # A relay's children come and go, and are told of.
    assert {**world.state, "pids": None} == {**before, "pids": None}


def check_web_knows_no_secret_of_a_target(world: Running) -> None:
    for pid in world.state["pids"]["web"]:
        environment = Path(f"/proc/{pid}/environ").read_text()
        for name in ("ACCESS_TARGETS_FILE", "ACCESS_TAG_KEY", "ACCESS_ANCHOR_SEED=", "REDIS_URL", "OWNER_URL"):
            assert name not in environment


def check_another_beside_it(world: Running, *, worlds: Start) -> None:
    second = worlds("--tour-only")
    second.await_ready()
    expect_apart(world, second)


def check_commands_run_inside(world: Running) -> None:
    """As the operator of that world, on our own streams, from our own directory."""
    asked = run("run", "--state-file", world.state_file, "--", "audit", "verify")
    assert (asked.returncode, asked.stderr) == (0, "")
    assert asked.stdout.startswith("INTACT")
    command = sandbox("run", "--state-file", world.state_file, "--", "people", "set_password", "alice")
    told = subprocess.run(command, env=BARE, input="one quiet morning in may\n", text=True, check=False)
    assert told.returncode == 0
    people = world.state_file.with_name("people.yaml")
    people.write_text("people: {zoe: {name: 7}}\n")
    refused = subprocess.run(
        sandbox("run", "--state-file", world.state_file, "--", "people", "apply", people.name),
        env=BARE,
        cwd=people.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "name" in refused.stderr
    assert "Say what to run" in run("run", "--state-file", world.state_file).stderr


def check_killed_processes_come_back(world: Running) -> None:
    before = {name: set(world.state["pids"][name]) for name in PROCESSES}
    for name in PROCESSES:
        for pid in before[name]:
            os.kill(pid, signal.SIGKILL)

    def all_are_new() -> bool:
        now = world.state["pids"]
        return all(now[name] and before[name].isdisjoint(now[name]) for name in PROCESSES)

    # A second is the promise, held in test_supervisor.py; here four whole processes start on a busy machine.
    assert eventually(all_are_new, seconds=30), world.state["pids"]
    assert eventually(lambda: answers(f"{world.state['web']}/readyz"), seconds=30)


def check_stopped_parts_stay_down(world: Running) -> None:
    for name in ("redis", "worker", "mongod:shop-dev", "mongod:ecommerce-prod-reporting"):
        stopped = run("stop", name, "--state-file", world.state_file)
        assert stopped.returncode == 0, stopped.stderr
        assert pids_of(world, name) == []
    time.sleep(1)
    for name in ("redis", "worker", "mongod:shop-dev", "mongod:ecommerce-prod-reporting"):
        assert pids_of(world, name) == []
        started = run("start", name, "--state-file", world.state_file)
        assert started.returncode == 0, started.stderr
        assert pids_of(world, name) != []
    refused = run("stop", "mongod:shop-moon", "--state-file", world.state_file)
    assert refused.returncode == 1
    assert "There is no part" in refused.stderr


def pids_of(world: Running, name: str) -> list[int]:
    pids = world.state["pids"]
    kind, _, slug = name.partition(":")
    found: list[int] = pids[kind][slug] if slug else pids[kind]
    return found


def check_end_leaves_nothing(world: Running) -> None:
    state = world.state
    place = Path(state["mail"]).parent
    os.kill(state["pids"]["worker"][0], signal.SIGSTOP)  # Even with a part that does not listen.
    assert world.end(signal.SIGINT) < 10
    assert world.process.returncode == 0
    assert not world.state_file.exists()
    assert not place.exists()
    assert [pid for pid in all_pids(state["pids"]) if not is_gone(pid)] == []


def test_an_end_while_it_starts_leaves_nothing(worlds: Start) -> None:
    world = worlds()
    children = Path(f"/proc/{world.process.pid}/task")
    assert eventually(lambda: len(children_of(children)) >= 4, seconds=30)
    pids = children_of(children)
    assert world.end(signal.SIGTERM) < 10
    assert world.process.returncode == 0
    assert not world.state_file.exists()
    assert [pid for pid in pids if not is_gone(pid)] == []


def children_of(tasks: Path) -> list[int]:
    return [int(pid) for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


def test_orders_without_a_world_are_refused(tmp_path: Path) -> None:
    refused = run("stop", "redis", "--state-file", tmp_path / "none.json")
    assert refused.returncode == 1
    assert "not the state file of a running world" in refused.stderr
    assert run("stop", "redis").returncode == 1


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = run("--no-tour", "--port", port)
    assert refused.returncode == 1
    assert f"port {port}" in refused.stderr


def test_sandbox_settings_refuse_to_start_outside_of_it() -> None:
    ended = subprocess.Popen(["true"])  # A pid that is nobody's ancestor.
    ended.wait()
    settings = {
        "ACCESS_SANDBOX": str(ended.pid),
        "ACCESS_SECRET_KEY": "x" * 60,
        "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
    }
    refused = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check"],
        env=BARE | settings,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "ACCESS_SANDBOX" in refused.stderr
