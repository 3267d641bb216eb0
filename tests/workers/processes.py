"""Real processes of the product beside the test: their environment, and their end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from sandbox.commands import COMMANDS

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(name: str, log: Path, **changes: str) -> Iterator[subprocess.Popen[bytes]]:
    """One of the product's processes, with this test's database, broker and targets; it never outlives the block."""
    program, *arguments = COMMANDS[name]
    binary = sys.executable if program == "python" else str(Path(sys.executable).with_name(program))
    with log.open("wb") as output:
        process = subprocess.Popen(
            [binary, *arguments],
            cwd=ROOT,
            env={**environment(), **changes},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(timeout=8)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def environment() -> Mapping[str, str]:
    names = ("ACCESS_TARGETS_FILE", "ACCESS_ANCHOR_FILE", "ACCESS_ANCHOR_SEED")
    return {
        **os.environ,
        **{name: str(getattr(settings, name)) for name in names},
        "DJANGO_SETTINGS_MODULE": "accessrequests.settings",
        "ACCESS_SANDBOX": str(os.getpid()),
        "ACCESS_MAIL_DIRECTORY": str(Path(settings.ACCESS_TARGETS_FILE).parent / "mail"),
        "ACCESS_LOG_LEVEL": "INFO",
        "ACCESS_RECONCILE_SECONDS": "600",
        "ACCESS_ROLE": "worker",
    }


def eventually(happens: Callable[[], bool], *, seconds: float = 20) -> bool:
    """Looks less often with time: each look costs those a processor who are to bring it about."""
    deadline, pause = time.monotonic() + seconds, 0.02
    while time.monotonic() < deadline:
        if happens():
            return True
        time.sleep(pause)
        pause = min(1.25 * pause, 0.1)
    return False
