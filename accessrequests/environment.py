"""How a process reads its environment: secrets that stand in files, and whether the sandbox has started it."""

from __future__ import annotations

import os
from pathlib import Path

import environ


class SecretFiles(environ.FileAwareMapping):
    """The environment, with X read from the file that X_FILE names."""

    def __getitem__(self, name: str) -> str:
        value = str(super().__getitem__(name))
        # Editors and `echo` end a file with a line break. It would be no part of the secret, and hard to find.
        return value.removesuffix("\n") if self.env.get(f"{name}_FILE") else value


def is_ancestor(pid: int) -> bool:
    """Whether `pid` started this process, directly or not (Linux: proc(5), field 4 of /proc/PID/stat)."""
    current = os.getpid()
    while current > 1:
        if current == pid:
            return True
        stat = Path(f"/proc/{current}/stat")
        if not stat.exists():
            return current == os.getpid() and os.getppid() == pid
        current = int(stat.read_text().rpartition(")")[2].split()[1])
    return False
