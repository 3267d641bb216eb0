"""A running sandbox, known by its state file alone: its people, its targets, its parts, and how to wait for things."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from sandbox.processes import spawn
from sandbox.supervisor import give_order
from sandbox.tour.break_glass import code_of, period
from sandbox.tour.target import Target
from tests.journeys.people import READ_ORDERS, Access, Answer, Login, Person

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 240.0  # patience only: one that ends instead is seen at once
TARGETS = ("shop-dev", "shop-staging", "shop-prod")
LATE_SECONDS = 3.0  # how late an end may come at a target while half the product is away
Found = TypeVar("Found")


class World:
    """One sandbox, started by us; `end` ends it."""

    def __init__(self, directory: Path, *, log_level: str = "INFO") -> None:
        self._log_level = log_level
        self.state_file = directory / "state.json"
        self.output = directory / "sandbox.log"
        self.process = self._spawn()
        self._await_state_file()
        state = self.state()
        self.people = {
            name: Person(name, web=state["web"], token=token) for name, token in sorted(state["tokens"].items())
        }
        self.alice, self.bob, self.dave = (self.people[name] for name in ("alice", "bob", "dave"))
        self.targets = {slug: Target(slug, state=state) for slug in TARGETS}
        self.touched: list[Access] = []
        self._typed: dict[str, int] = {}

    def _spawn(self) -> subprocess.Popen[bytes]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "TMPDIR"}}
        # However we end, interrupted or killed, the world ends with us.
        return spawn(
            [sys.executable, "manage.py", "sandbox", "--no-tour", "--state-file", self.state_file],
            environment={**kept, "ACCESS_LOG_LEVEL": self._log_level, "PYTHONUNBUFFERED": "1"},
            directory=ROOT,
            log=self.output,
            death_signal=signal.SIGTERM,
        )

    def _await_state_file(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self.state_file.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                raise AssertionError(f"The sandbox did not start:\n{self.output.read_text()[-4000:]}")
            time.sleep(0.05)

    def end(self) -> float:
        """Ctrl-C, and how many seconds it took."""
        for person in self.people.values():
            person.close()
        for target in self.targets.values():
            target.close()
        begun = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout=30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
        return time.monotonic() - begun

    def state(self) -> dict[str, Any]:
        """The state file as it is now: process ids change."""
        state: dict[str, Any] = json.loads(self.state_file.read_text(encoding="utf-8"))
        return state

    def code_of(self, name: str) -> str:
        """A code of that person's app that nobody has typed: each counts once, and the next one already now."""

        def untyped() -> int | None:
            last = self._typed.get(name, 0)
            return max(period(), last + 1) if last <= period() else None

        self._typed[name] = self.wait_for(untyped, what=f"the next code of {name}", seconds=35, pause=0.5)
        return code_of(self.state()["totp"][name], at=self._typed[name])

    # -- Parts ------------------------------------------------------------------------------------

    def pids(self, *parts: str) -> list[int]:
        """Every process of these parts, the first of each being its leader."""
        pids = self.state()["pids"]
        found: list[int] = []
        for part in parts:
            kind, _, slug = part.partition(":")
            found += pids[kind][slug] if slug else pids[kind]
        return found

    def stop(self, *parts: str) -> None:
        for part in parts:
            give_order(self.state(), verb="stop", name=part)

    def start(self, *parts: str) -> None:
        for part in parts:
            give_order(self.state(), verb="start", name=part)

    @contextlib.contextmanager
    def without(self, *parts: str) -> Iterator[None]:
        """These parts are stopped, and started again at the end."""
        try:
            self.stop(*parts)
            yield
        finally:
            self.start(*parts)

    @contextlib.contextmanager
    def hung(self, *parts: str) -> Iterator[None]:
        """Every process of these parts is stopped in its tracks, and let go on at the end."""
        pids = self.pids(*parts)
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    # -- Stories ----------------------------------------------------------------------------------

    def approved(
        self,
        *,
        by: str = "alice",
        target: str = "shop-prod",
        role: str = READ_ORDERS,
        duration: str,
        approver: str = "bob",
    ) -> Access:
        """Ask and, where somebody must, approve; what follows is the workers' affair."""
        person = self.people[by]
        asked = person.ask(target=target, roles=(role,), duration=duration)
        if asked["state"] == "pending":
            asked = self.people[approver].approve(asked)
        return self.follow(asked, person)

    def follow(self, approved: Answer, person: Person) -> Access:
        """Watch what becomes of an approved request of that person."""
        assert approved["state"] == "approved", approved
        access = Access(person, approved, person.grant(approved["grant"]["id"]))
        self.touched.append(access)
        return access

    def opened(
        self,
        *,
        by: str = "alice",
        target: str = "shop-prod",
        role: str = READ_ORDERS,
        duration: str,
        seconds: float = 20.0,
    ) -> Access:
        """Ask, approve, wait until it is active, and reveal the password."""
        return self.use(self.approved(by=by, target=target, role=role, duration=duration), seconds=seconds)

    def use(self, access: Access, *, seconds: float = 20.0) -> Access:
        """Wait until it is active, and reveal the password."""
        self.await_grant(access, "active", seconds=seconds)
        access.credential = access.person.reveal(access.grant["id"])
        return access

    def await_grant(self, access: Access, state: str, *, seconds: float = 20.0) -> Answer:
        """Look at the grant, as its holder, until it is in that state."""

        def look() -> bool:
            access.grant = access.person.grant(access.grant["id"])
            return bool(access.grant["state"] == state)

        self.wait_for(look, what=f"grant {access.grant['id']} is {state}", seconds=seconds)
        return access.grant

    def await_refusal(self, access: Access, *, seconds: float = LATE_SECONDS) -> float:
        """Log in again and again until the target refuses; by how many seconds that was after the grant's end.

        It must never be before it.
        """
        while (left := (access.expires_at - datetime.now(UTC)).total_seconds()) > -seconds:
            login = access.login()
            lag = (datetime.now(UTC) - access.expires_at).total_seconds()
            if login is not Login.WORKS:
                assert lag >= 0, f"{access.username} was cut off {-lag:.3f} s before its end.\n{self.told()}"
            if login is Login.REFUSED:
                return lag
            time.sleep(0.02 if left < 1 else 0.3)
        raise AssertionError(f"{access.username} still logs in {seconds} s after its end.\n{self.told()}")

    def events(self, access: Access) -> list[str]:
        """What the audit trail tells of a request and its grant, oldest first."""
        subject = f"access_request/{access.access_request['id']}"
        found = self.dave.get("audit-events/", subject=subject, page_size=200)["results"]
        return [event["event"] for event in reversed(found)]

    def traces(self, access: Access) -> list[str]:
        """Whatever of the grant is on its target, by name, by tag, or running; read as root."""
        target = self.targets[access.grant["target"]]
        return target.traces(username=access.username, grant_id=access.grant["id"])

    def users_of(self, access: Access) -> list[str]:
        """The users on its target whose tag names the grant."""
        return [name for name in self.targets[access.grant["target"]].users() if access.username in name]

    # -- Waiting and telling ----------------------------------------------------------------------

    def wait_for(
        self, look: Callable[[], Found | None], *, what: str, seconds: float = 20.0, pause: float = 0.05
    ) -> Found:
        """Look until there is something to see, soon less often: looks cost those a processor who are to bring it about.

        The deadline fails with all that is known.
        """
        deadline, longest = time.monotonic() + seconds, 4 * pause
        while not (found := look()):
            assert time.monotonic() < deadline, f"Not within {seconds:.0f} s: {what}.\n{self.told()}"
            time.sleep(pause)
            pause = min(1.25 * pause, longest)
        return found

    def told(self) -> str:
        """For a failure: every grant of this journey, its timeline, and the end of every log."""
        parts = []
        for access in self.touched:
            for path in (f"grants/{access.grant['id']}/", f"access-requests/{access.access_request['id']}/"):
                with contextlib.suppress(Exception):
                    parts.append(access.person.api.get(path).text)
        for log in sorted(Path(self.state()["logs"]).glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            worth = [line for line in lines if '"level": "debug"' not in line]
            parts.append("\n".join([f"-- the end of {log.name}", *worth[-25:]]))
        return "\n".join(parts)
