"""Stops a call to the target just before it is sent, for as long as a test wants; as a paused machine would."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pymongo.monitoring
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

LONGEST = 20.0


class Held:
    """One call that is held."""

    def __init__(self) -> None:
        self.has_come = threading.Event()
        self.may_go = threading.Event()


class Gatekeeper(CommandListener):
    """Lets everything pass, but for the first command that the test waits for."""

    def __init__(self) -> None:
        self._waiting: dict[str, Held] = {}

    @contextmanager
    def holding(self, command: str) -> Iterator[Held]:
        held = self._waiting[command] = Held()
        try:
            yield held
        finally:
            held.may_go.set()
            self._waiting.pop(command, None)

    def started(self, event: CommandStartedEvent) -> None:
        held = self._waiting.pop(event.command_name, None)
        if held is not None:
            held.has_come.set()
            held.may_go.wait(LONGEST)

    def succeeded(self, event: CommandSucceededEvent) -> None:
        pass

    def failed(self, event: CommandFailedEvent) -> None:
        pass


GATEKEEPER = Gatekeeper()
# For every client that is made from now on; nothing unregisters it, and unless it is asked to it holds nothing.
pymongo.monitoring.register(GATEKEEPER)
