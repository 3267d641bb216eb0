"""Keeps the claims of this process alive while their handlers run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import Error, connection

from accessrequests.operations import outbox
from accessrequests.operations.outbox import Claim

BEAT_SECONDS = 2.0
LONGEST_WORK_SECONDS = 30.0  # every call is bounded, so a handler that takes longer hangs; its lease then runs out

log = structlog.get_logger(__name__)


class Heart:
    """One thread a process; it beats every claim that is held, and sleeps while there is none."""

    def __init__(self) -> None:
        self._claims: dict[tuple[int, int], tuple[Claim, float]] = {}
        self._taken = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating(self, claim: Claim) -> Iterator[None]:
        """Hold `claim` alive for as long as the block runs."""
        key = (claim.message_id, claim.number)
        with self._taken:
            self._claims[key] = (claim, time.monotonic())
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="heart", daemon=True)
                self._thread.start()
            self._taken.notify()
        try:
            yield
        finally:
            with self._taken:
                self._claims.pop(key, None)

    def _run(self) -> None:
        # Not a wait that a finished claim could end: with many short ones, every end would beat all the others.
        pause = threading.Event()
        while True:
            with self._taken:
                self._taken.wait_for(lambda: bool(self._claims))
            pause.wait(BEAT_SECONDS)
            with self._taken:
                latest = time.monotonic() - LONGEST_WORK_SECONDS
                held = [claim for claim, since in self._claims.values() if since > latest]
            if held:
                self._beat(held)
            else:
                connection.close()

    def _beat(self, held: list[Claim]) -> None:
        try:
            outbox.beat(claims=held)
        except Error as error:
            # The lease runs out unless a later beat gets through; another worker then takes over.
            log.warning("claims_not_beaten", claims=len(held), error=type(error).__name__)
            connection.close()


HEART = Heart()
