"""The relay's own pool of killable children, for what is urgent and nobody has claimed.

A fork server that has loaded the handlers once makes them, so that each is there in milliseconds. The relay never runs a
handler in its own loop: a hung target can cost a child, never the relay.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

import structlog

from workers import child

MOST_CHILDREN = 8
PATIENCE_SECONDS = 30.0
IDLE_SECONDS = 10.0  # after which a child more than one ends: each takes as much memory as a worker

log = structlog.get_logger(__name__)


@dataclass
class _Child:
    process: BaseProcess
    pipe: Connection
    message_id: int | None = None
    since: float = 0.0


class Children:
    """One child beforehand, more on demand and for a while after it, each with one message at a time."""

    def __init__(self) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["workers.child"])
        self._children: list[_Child] = []

    def load(self) -> None:
        """Have the fork server load the handlers. To wait for it would hold up the first turn of a relay that is back."""
        forkserver.ensure_running()

    def pipes(self) -> list[Connection]:
        """What becomes readable when a child is done."""
        return [one.pipe for one in self._children if one.message_id is not None]

    def offer(self, message_ids: Sequence[int]) -> None:
        """Give each message that no child has to a free child, as far as there are any."""
        self._tidy()
        busy = {one.message_id for one in self._children}
        for message_id in message_ids:
            if message_id in busy:
                continue
            free = self._free()
            if free is None:
                return
            self._give(free, message_id)

    def _give(self, one: _Child, message_id: int) -> None:
        try:
            one.pipe.send(message_id)
        except OSError:
            self._bury(one)
            return
        one.message_id, one.since = message_id, time.monotonic()

    def _free(self) -> _Child | None:
        for one in self._children:
            if one.message_id is None:
                return one
        if len(self._children) < MOST_CHILDREN:
            self._children.append(self._born())
            return self._children[-1]
        return None

    def _tidy(self) -> None:
        """Take back those that are done, and kill those that hang."""
        for one in list(self._children):
            if not one.process.is_alive():
                self._bury(one)
            elif one.message_id is not None and one.pipe.poll():
                self._take_back(one)
            elif one.message_id is not None and time.monotonic() - one.since > PATIENCE_SECONDS:
                log.warning("child_killed", message=one.message_id, seconds=PATIENCE_SECONDS)
                one.process.kill()
                self._bury(one)
        for one in self._children[1:]:
            if one.message_id is None and time.monotonic() - one.since > IDLE_SECONDS:
                self._bury(one)  # it ends with its pipe
        if not self._children:
            self._children.append(self._born())

    def _take_back(self, one: _Child) -> None:
        try:
            one.pipe.recv()
        except (EOFError, OSError):
            self._bury(one)
            return
        one.message_id, one.since = None, time.monotonic()

    def _bury(self, one: _Child) -> None:
        self._children.remove(one)
        one.pipe.close()

    def _born(self) -> _Child:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=child.run, args=(theirs, f"relay-child of {os.getpid()}"), daemon=True)
        process.start()
        theirs.close()
        return _Child(process, ours)
