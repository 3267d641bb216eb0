"""A sandbox in a process of its own, as `make run` starts it, and how to look at it from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Nothing of our own environment may be needed, and none of the suite's settings may slip in.
BARE = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}


def sandbox(*arguments: object) -> list[str]:
    return [sys.executable, str(ROOT / "manage.py"), "sandbox", *(str(part) for part in arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(sandbox(*arguments), env=BARE, capture_output=True, text=True, check=False)


def eventually(condition: Callable[[], Any], *, seconds: float = 10.0) -> bool:
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


class Running:
    """A sandbox in a process of its own, as `make run` starts it."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.state_file = directory / "state.json"
        self.output = directory / "output"
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                sandbox(*options, "--state-file", self.state_file),
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

    def end(self, number: signal.Signals) -> float:
        """Seconds until it was over."""
        begun = time.monotonic()
        self.process.send_signal(number)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        return time.monotonic() - begun
