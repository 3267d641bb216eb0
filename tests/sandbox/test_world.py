"""Guards the sandbox as its users meet it: a state file that tells the truth, supervision, and nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
from pymongo import MongoClient
from redis import Redis

ROOT = Path(__file__).resolve().parents[2]
PEOPLE = {"alice", "bob", "carol", "dave", "erin", "frank", "grace", "mallory"}
KEYS = {
    *("web", "tokens", "passwords", "postgres", "postgres_app", "redis", "mongodb", "targets", "pids"),
    *("audit_anchor", "mail", "control", "logs"),
}
# Nothing of our own environment may be needed, and none of the suite's settings may slip in.
BARE = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def sandbox(*arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "sandbox", *(str(part) for part in arguments)]


def eventually(condition: Callable[[], Any], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def all_pids(pids: dict[str, Any]) -> list[int]:
    plain = [pid for name, found in pids.items() if name != "mongod" for pid in found]
    return plain + [pid for found in pids["mongod"].values() for pid in found]


class Running:
    """A sandbox in a process of its own, as `make run` starts it."""

    def __init__(self, directory: Path) -> None:
        self.state_file = directory / "state.json"
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        self.output = directory / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                sandbox("--no-tour", "--state-file", self.state_file),
                env=BARE,
                cwd=directory,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.state_file.read_text())
        return found

    def await_ready(self) -> None:
        eventually(lambda: self.state_file.exists() or self.process.poll() is not None, seconds=90)
        assert self.state_file.exists(), self.output.read_text()

    def order(self, verb: str, name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            sandbox(verb, name, "--state-file", self.state_file),
            env=BARE,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("world"))
    try:
        running.await_ready()
        yield running
    finally:
        running.process.send_signal(signal.SIGTERM)
        try:
            running.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            running.process.kill()
            running.process.wait()


@pytest.mark.slow
class TestStateFile:
    def test_says_all_that_it_must_and_nothing_of_later_chapters(self, world: Running) -> None:
        state = world.state
        assert set(state) == KEYS
        assert set(state["tokens"]) == set(state["passwords"]) == PEOPLE
        assert set(state["targets"]) == {"shop-dev", "shop-staging", "shop-prod"}
        assert state["mongodb"]["uri"] == state["targets"]["shop-prod"]["uri"]
        assert world.state_file.stat().st_mode & 0o777 == 0o600

    def test_opens_every_part(self, world: Running) -> None:
        state = world.state
        assert httpx2.get(f"{state['web']}/readyz").status_code == 200
        for uri in (state["postgres"], state["postgres_app"]):
            with psycopg.connect(uri) as connection:
                assert connection.execute("SELECT count(*) FROM accessrequests_person").fetchone() == (8,)
        with Redis.from_url(state["redis"]) as redis:
            assert redis.ping()
        with MongoClient[dict[str, Any]](state["mongodb"]["uri"]) as root:
            assert root.shop.orders.estimated_document_count() > 10_000
        for name, token in state["tokens"].items():
            answer = httpx2.get(f"{state['web']}/api/v1/targets/", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 200, name

    def test_names_processes_that_live(self, world: Running) -> None:
        pids = all_pids(world.state["pids"])
        assert len(pids) >= 4 + 2 + 3
        assert [pid for pid in pids if is_gone(pid)] == []

    def test_is_never_written_over(self, world: Running) -> None:
        before = world.state
        second = subprocess.run(
            sandbox("--no-tour", "--state-file", world.state_file),
            env=BARE,
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode == 1
        assert "exists already" in second.stderr
        assert world.state == before

    def test_the_web_is_told_no_secret_of_a_target(self, world: Running) -> None:
        for pid in world.state["pids"]["web"]:
            environment = Path(f"/proc/{pid}/environ").read_text()
            for name in ("ACCESS_TARGETS_FILE", "ACCESS_TAG_KEY", "ACCESS_ANCHOR_SEED=", "REDIS_URL", "OWNER_URL"):
                assert name not in environment


@pytest.mark.slow
class TestSupervision:
    @pytest.mark.parametrize("name", ["web", "relay", "worker", "worker_urgent"])
    def test_a_killed_process_is_back_and_the_file_says_so(self, world: Running, name: str) -> None:
        before = world.state["pids"][name]
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        assert eventually(lambda: set(world.state["pids"][name]) - set(before), seconds=1.5)
        assert eventually(lambda: not set(world.state["pids"][name]) & set(before), seconds=2)
        assert eventually(lambda: answers(f"{world.state['web']}/healthz"), seconds=20)

    def test_what_is_stopped_stays_down_until_it_is_started(self, world: Running) -> None:
        for name, key in (("redis", "redis"), ("worker", "worker")):
            assert world.order("stop", name).returncode == 0
            assert world.state["pids"][key] == []
            time.sleep(0.5)
            assert world.state["pids"][key] == []
            assert world.order("start", name).returncode == 0
            assert world.state["pids"][key] != []

    def test_an_order_for_nothing_is_refused(self, world: Running) -> None:
        refused = world.order("stop", "mongod:shop-moon")
        assert refused.returncode == 1
        assert "There is no part" in refused.stderr


@pytest.mark.slow
class TestEnd:
    def test_of_a_second_world_leaves_nothing_and_the_first_alone(self, world: Running, tmp_path: Path) -> None:
        second = Running(tmp_path)
        second.await_ready()
        state = second.state
        assert state["web"] != world.state["web"]
        place = Path(state["mail"]).parent
        second.process.send_signal(signal.SIGINT)
        begun = time.monotonic()
        second.process.wait(timeout=15)
        assert time.monotonic() - begun < 10
        assert second.process.returncode == 0
        assert not second.state_file.exists()
        assert not place.exists()
        assert [pid for pid in all_pids(state["pids"]) if not is_gone(pid)] == []
        assert httpx2.get(f"{world.state['web']}/readyz").status_code == 200

    def test_while_it_starts_leaves_nothing_either(self, tmp_path: Path) -> None:
        early = Running(tmp_path)
        time.sleep(1.5)
        early.process.send_signal(signal.SIGTERM)
        early.process.wait(timeout=15)
        assert early.process.returncode == 0
        assert not early.state_file.exists()
        children = subprocess.run(
            ["pgrep", "-s", str(early.process.pid)], capture_output=True, text=True, check=False
        ).stdout
        assert children == ""


def test_sandbox_settings_refuse_to_start_outside_of_it(tmp_path: Path) -> None:
    environment = BARE | {
        "ACCESS_SANDBOX": "1" if os.getpid() != 1 else "2",
        "ACCESS_SECRET_KEY": "x" * 60,
        "DATABASE_URL": "postgres://nobody@127.0.0.1:9/none",
    }
    # Process 1 is everybody's ancestor, so a pid that is nobody's must be used: one that has just ended.
    ended = subprocess.Popen(["true"])
    ended.wait()
    environment["ACCESS_SANDBOX"] = str(ended.pid)
    refused = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "check"],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode != 0
    assert "ACCESS_SANDBOX" in refused.stderr
