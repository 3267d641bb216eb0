"""The named points of a piece of work: before and after each commit, each step and each call to the target.

Nothing of the product knows of them. They are laid around it from outside, in a process of their own.
"""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import pymongo.monitoring

from accessrequests.operations import access_requests, credentials, grants, outbox, targets
from accessrequests.queries import work
from chaos.steps import Wire, surrounded
from workers.children import Children
from workers.expiry import Deadlines
from workers.probes import Probes
from workers.publisher import Publisher
from workers.relay import Periodic

COMMITS: dict[ModuleType, tuple[str, ...]] = {
    access_requests: ("approve",),
    credentials: ("start_rotation", "mark_rotated", "erase_unread"),
    grants: (
        "start_provisioning",
        "may_open",
        "mark_active",
        "note_failure",
        "note_undone",
        "mark_cut",
        "mark_revoked",
        "note_revocation_failure",
        "expire",
        "release",
    ),
    outbox: ("claim", "finish", "postpone", "file_periodic", "mark_sent", "mend_times"),
    targets: ("mark_unreachable", "mark_reachable"),
}
TURN: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (Deadlines, ("end_what_is_due",)),
    (work, ("to_send", "unclaimed_urgent", "next_deadline")),
    (Publisher, ("offer",)),
    (Children, ("offer",)),
    (Probes, ("ask",)),
    (Periodic, ("file",)),
)


class Points:
    """Counts the points in the order in which they are passed, and acts at one of them."""

    def __init__(self, diary: Path, *, at: int | None = None, signal_number: int = signal.SIGKILL) -> None:
        self._diary = diary
        self._at = at
        self._signal = signal_number
        self._number = 0
        self._lock = threading.Lock()
        self._thread = threading.get_ident()

    def passed(self, name: str) -> None:
        if threading.get_ident() != self._thread:
            return  # the heart's beats come when they come
        with self._lock:
            number, self._number = self._number, self._number + 1
            with self._diary.open("a") as diary:
                diary.write(f"{name}\n")
        if number == self._at:
            os.kill(os.getpid(), self._signal)


def lay(points: Points) -> None:
    """For this process, and for good: it is one that is meant to die."""
    pymongo.monitoring.register(Wire(points.passed))
    for module, names in COMMITS.items():
        room = module.__name__.rpartition(".")[2]
        for name in names:
            setattr(module, name, surrounded(getattr(module, name), f"{room}.{name}", points.passed))
    for owner, names in TURN:
        for name in names:
            setattr(owner, name, surrounded(getattr(owner, name), f"{name} of the relay's turn", points.passed))
