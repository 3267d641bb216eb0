"""A sandbox world whose processes obey orders, with what a breaker needs to lay hands on its parts."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx2
from pymongo import MongoClient

from chaos.marked import DIRECTORY, PART
from chaos.orders import Giving
from sandbox.commands import COMMANDS, SWEEP
from sandbox.servers import Mongod
from sandbox.units import ProcessUnit, Unit, group_members
from sandbox.world import World

Document = dict[str, Any]

CROWDED, CONNECTIONS = "shop-dev", 120


class _Crowded(Mongod):
    """It takes few connections. The product and the people in it need about half of them."""

    def _command(self, port: int) -> Sequence[str | Path]:
        return [*super()._command(port), "--maxConns", str(CONNECTIONS)]


class ChaosWorld(World):
    """Web, relay and both workers run with the named steps laid around them."""

    def __init__(self, directory: Path) -> None:
        self.orders = Giving(directory / "orders")
        self._directory = directory
        super().__init__(directory)
        self._roots: dict[str, MongoClient[Document]] = {}

    def _make_units(self) -> dict[str, Unit]:
        self.mongods[CROWDED] = _Crowded(self._directory / "mongod-crowded", CROWDED)
        units = super()._make_units()
        for name in COMMANDS:
            if name != SWEEP:  # it knows no step of ours: it has no database
                units[name] = self.marked(name)
        return units

    def marked(self, name: str, *, log: str = "", more: Mapping[str, str] | None = None) -> ProcessUnit:
        told = {DIRECTORY: str(self._directory / "orders"), PART: name, **(more or {})}
        return ProcessUnit(
            log or name,
            command=("python", "-m", "chaos.marked", *COMMANDS[name]),
            environment=self.environment.of(name) | told,
            log=self.places.logs / f"{log or name}.log",
        )

    def prepare(self) -> None:
        """Slack takes as many messages as it is sent: its limits would make lives wait, and are tested elsewhere."""
        slack = self.state()["slack"]
        headers = {"Authorization": f"Bearer {slack['control_token']}"}
        url = f"{slack['control_url']}/settings"
        httpx2.patch(url, json={"rate_limits": False}, headers=headers, trust_env=False).raise_for_status()

    def root(self, name: str) -> MongoClient[Document]:
        """The server of a target or of a cluster, as its root."""
        if name not in self._roots:
            mongod = {**self.mongods, **self.stand_in.mongods}[name]
            self._roots[name] = MongoClient(mongod.uri(), serverSelectionTimeoutMS=5000)
        return self._roots[name]

    def servers(self) -> Sequence[str]:
        return [*self.mongods, *self.stand_in.mongods]

    def processes(self, part: str) -> list[int]:
        """Every process of a part, its leader first."""
        unit = self.units[part]
        if unit.pid is None:
            return []
        return group_members({part: unit.pid})[part] if isinstance(unit, ProcessUnit) else [unit.pid]

    @contextlib.contextmanager
    def hung(self, *pids: int) -> Iterator[None]:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    @contextlib.contextmanager
    def without(self, part: str) -> Iterator[None]:
        self.units[part].stop()
        try:
            yield
        finally:
            self.units[part].start()

    def await_back(self, part: str, *, not_of: int, seconds: float = 20.0) -> float:
        """When a killed part runs again: there is a leader that is not the old one."""
        deadline = time.monotonic() + seconds
        while self.units[part].pid in {None, not_of} and time.monotonic() < deadline:
            time.sleep(0.02)
        return time.time()

    def end(self) -> None:
        for client in self._roots.values():
            client.close()
        super().end()
