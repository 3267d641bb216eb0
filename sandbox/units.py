"""One part of a world that can be started and stopped by name: an embedded server or a process of the product."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from sandbox.processes import end, spawn, yield_to_others
from sandbox.servers import Server

ROOT = Path(__file__).resolve().parent.parent
_TOO_SOON_SECONDS = 2.0
_PAUSE_SECONDS = 0.4


class Unit(ABC):
    """A named part. Whoever starts or stops it holds its lock, since commands and the supervisor come at any time."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_wanted = False
        self.is_over = False
        self.lock = threading.Lock()

    @property
    @abstractmethod
    def pid(self) -> int | None:
        """Its first process, while that runs."""

    def start(self) -> None:
        with self.lock:
            if not self.is_over:
                self.is_wanted = True
                self._start()

    def stop(self) -> None:
        with self.lock:
            self.is_wanted = False
            self._stop()

    def finish(self) -> None:
        """The end of the world: no start comes after this."""
        self.is_over = True
        self.stop()

    def keep_alive(self) -> bool:
        """Restart what has died though it is wanted. Whether anything was done."""
        return False

    @abstractmethod
    def _start(self) -> None:
        """Its lock is held."""

    @abstractmethod
    def _stop(self) -> None:
        """Its lock is held."""


class ServerUnit(Unit):
    """An embedded server. Killed from outside it stays down, as a real one would, until somebody starts it."""

    def __init__(self, name: str, server: Server) -> None:
        super().__init__(name)
        self.server = server

    @property
    def pid(self) -> int | None:
        return self.server.pid

    def _start(self) -> None:
        self.server.start()

    def _stop(self) -> None:
        self.server.stop(patience=4.0)

    def finish(self) -> None:
        self.is_over = True
        self.server.remove()  # Nobody will read this data again, so no clean shutdown either.


class ProcessUnit(Unit):
    """A process of the product. Killed from outside it is back within a second."""

    def __init__(
        self, name: str, *, command: Sequence[str], environment: Mapping[str, str], log: Path, niceness: int = 0
    ) -> None:
        super().__init__(name)
        self._command = command
        self._environment = environment
        self._log = log
        self._niceness = niceness
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._seen_dead_at: float | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def keep_alive(self) -> bool:
        if not self.lock.acquire(blocking=False):
            return False
        try:
            if not self.is_wanted or self.is_over or self.pid is not None:
                self._seen_dead_at = None
                return False
            now = time.monotonic()
            self._seen_dead_at = self._seen_dead_at or now
            # What dies as soon as it starts would otherwise keep a core busy with starting.
            pause = _PAUSE_SECONDS if self._seen_dead_at - self._started_at < _TOO_SOON_SECONDS else 0.0
            if now - self._seen_dead_at < pause:
                return False
            self._start()
            return True
        finally:
            self.lock.release()

    def _start(self) -> None:
        if self.pid is not None:
            return
        self._end_group()
        self._started_at = time.monotonic()
        self._process = spawn(
            [program_path(self._command[0]), *self._command[1:]],
            log=self._log,
            environment=self._environment,
            directory=ROOT,
        )
        if self._niceness:
            yield_to_others(self._process, self._niceness)

    def _stop(self) -> None:
        if self._process is not None:
            end(self._process, stop_signal=signal.SIGTERM, patience=2.5)
            self._end_group()

    def finish(self) -> None:
        self.is_over = True
        # Not for ever: whoever holds the lock may be stuck, and the kernel ends our children when we end.
        if self.lock.acquire(timeout=2.0):
            try:
                self.is_wanted = False
                self._stop()
            finally:
                self.lock.release()

    def _end_group(self) -> None:
        """What a dead leader left behind: gunicorn's workers, the relay's children."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)


def program_path(name: str) -> str:
    """A program of our own virtualenv, whether or not that is activated."""
    if name == "python":
        return sys.executable
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or name


def group_members(leaders: Mapping[str, int]) -> dict[str, list[int]]:
    """Every live process of each leader's process group, the leader first."""
    members = {name: [pid] for name, pid in leaders.items()}
    names = {pid: name for name, pid in leaders.items()}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # PID (program) STATE PARENT GROUP …; the program's name may hold spaces and brackets.
            state, _, group = entry.read_text().rpartition(")")[2].split()[:3]
            pid = int(entry.parent.name)
            name = names.get(int(group))
            if name is not None and state != "Z" and pid not in members[name]:
                members[name].append(pid)
    return members
