"""A sandbox world to measure, driven through its state file and the REST API like any other client."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import psycopg

from sandbox.supervisor import give_order

POLL_SECONDS = 0.01
PARTS = ("web", "relay", "worker", "worker_urgent")
_IS_BUSY = """
SELECT EXISTS (
    SELECT 1 FROM accessrequests_outboxmessage
     WHERE done_at IS NULL AND ready_at <= clock_timestamp() AND job <> ALL(%s)
)
"""
PACED = ("send_to_slack",)  # one a second into each channel, as Slack asks
# Nobody waits for these or is told of them.
IN_ITS_TIME = (
    *("reconcile", "read_inventory", "read_changes", "read_usage", "read_schedules", "prove_alive", "prune"),
    *("watch_slack", "watch_break_glass", "erase_credential"),
)


@dataclass(frozen=True)
class World:
    """A running world."""

    state: dict[str, Any]
    state_file: Path
    told: dict[str, dict[str, str]]

    def stop(self, *names: str) -> None:
        """Take parts of it down, until they are started again."""
        for name in names:
            give_order(self.state, verb="stop", name=name)

    def start(self, *names: str) -> None:
        for name in names:
            give_order(self.state, verb="start", name=name)

    def pids(self, name: str) -> list[int]:
        """Its processes as they are now; the first leads."""
        pids: list[int] = json.loads(self.state_file.read_text())["pids"][name]
        return pids

    def environment(self, name: str) -> dict[str, str]:
        """What a part was told when the world began, so that another process can be one like it."""
        return {**self.told[name], "ACCESS_SANDBOX": str(os.getpid())}  # whose children they are

    def client(self, person: str) -> httpx2.Client:
        token = self.state["tokens"][person]
        return httpx2.Client(
            base_url=f"{self.state['web']}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            trust_env=False,
            timeout=20,
        )

    def root_uri(self, slug: str) -> str:
        uri: str = self.state["targets"][slug]["uri"]
        return uri

    def host(self, slug: str) -> str:
        return self.root_uri(slug).rpartition("@")[2].partition("/")[0]

    def memory(self) -> dict[str, int]:
        """Proportional set size of each part of the product, in MiB, its children included."""
        return {part: sum(_pss(pid) for pid in _family(self.pids(part))) // 1024 for part in PARTS}


@contextmanager
def running() -> Iterator[World]:
    """Start a world, and end it."""
    with tempfile.TemporaryDirectory() as directory:
        state_file = Path(directory) / "state.json"
        command = [sys.executable, "manage.py", "sandbox", "--no-tour", "--state-file", str(state_file)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not state_file.exists():
                if process.poll() is not None:
                    raise RuntimeError("The world did not start. Run `make run` to see why.")
                time.sleep(0.1)
            state = json.loads(state_file.read_text())
            yield World(state, state_file, {part: _environment(state["pids"][part][0]) for part in PARTS})
        finally:
            process.terminate()
            process.wait(timeout=20)


def ask(client: httpx2.Client, *, target: str, role: str, duration: str) -> dict[str, Any]:
    body = {
        "target": target,
        "kind": "database_user",
        "roles": [role],
        "authentication": "scram",
        "duration": duration,
        "reason": "Measuring what we promise.",
    }
    return _answer(client.post("access-requests/", json=body))


def approve(client: httpx2.Client, access_request: dict[str, Any]) -> dict[str, Any]:
    return _answer(
        client.post(f"access-requests/{access_request['id']}/approve/", json={"revision": access_request["revision"]})
    )


def reveal(client: httpx2.Client, grant_id: int, *, every: float = POLL_SECONDS) -> dict[str, Any]:
    """Ask until the password is there, and take it."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = client.post(f"grants/{grant_id}/reveal/", json={})
        if answer.status_code != httpx2.codes.CONFLICT:
            return _answer(answer)
        time.sleep(every)
    raise RuntimeError(f"grant/{grant_id} was not ready within 30 s.")


def wait_until_idle(running: World, *, every: float = POLL_SECONDS, but_for: Sequence[str] = ()) -> None:
    """Until nothing that is due is left to be carried, but for these jobs."""
    with psycopg.connect(running.state["postgres"], autocommit=True) as connection:
        while connection.execute(_IS_BUSY, [list(but_for)]).fetchone() != (False,):
            time.sleep(every)


def wait_for(client: httpx2.Client, grant_id: int, *, state: str) -> None:
    deadline = time.monotonic() + 30
    while _answer(client.get(f"grants/{grant_id}/"))["state"] != state:
        if time.monotonic() > deadline:
            raise RuntimeError(f"grant/{grant_id} was not {state} within 30 s.")
        time.sleep(POLL_SECONDS)


def username(client: httpx2.Client, grant_id: int) -> str:
    """What the user of a grant is called on its target, or will be."""
    return str(_answer(client.get(f"grants/{grant_id}/"))["username"])


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _answer(answer: httpx2.Response) -> dict[str, Any]:
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _environment(pid: int) -> dict[str, str]:
    told = Path(f"/proc/{pid}/environ").read_text().split("\0")
    return dict(pair.split("=", 1) for pair in told if "=" in pair)


def _family(pids: list[int]) -> list[int]:
    children = {pid: Path(f"/proc/{pid}/task/{pid}/children").read_text().split() for pid in pids}
    found = {*pids, *(int(child) for those in children.values() for child in those)}
    return sorted(found) if found == set(pids) else _family(sorted(found))


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
