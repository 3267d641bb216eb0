"""A process that does one piece of work and may be killed or stopped at one point of it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from django.db import connections

from tests.faults.points import Points, lay
from workers import connections as targets

LONGEST = 30.0


class Child:
    """A fork of the test. It shares nothing that is open: no line to the database, none to the target."""

    def __init__(self, work: Callable[[], object], diary: Path, *, at: int | None, signal_number: int) -> None:
        connections.close_all()
        self.pid = os.fork()
        if self.pid == 0:
            _live(work, Points(diary, at=at, signal_number=signal_number))

    def is_stopped(self) -> bool:
        """Wait until it stops or ends. True: it stopped at its point."""
        _, status = _wait(self.pid, os.WUNTRACED)
        return os.WIFSTOPPED(status)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def end(self) -> int:
        """How it ended: 0, or minus the signal."""
        _, status = _wait(self.pid, 0)
        return os.waitstatus_to_exitcode(status)


def _live(work: Callable[[], object], points: Points) -> None:
    code = 1
    try:
        lay(points)
        work()
        code = 0
    finally:
        # Nothing of the test runs on in here: no fixture is torn down, no report is written.
        targets.close_connections()
        os._exit(code)


def _wait(pid: int, options: int) -> tuple[int, int]:
    deadline = time.monotonic() + LONGEST
    while time.monotonic() < deadline:
        found, status = os.waitpid(pid, options | os.WNOHANG)
        if found:
            return found, status
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("The child did not come to its end.")
