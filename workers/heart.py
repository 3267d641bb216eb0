"""Keeps the claims of this process alive while their handlers run."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, connection

from accessrequests.operations import outbox
from accessrequests.operations.outbox import Claim

BEAT_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Heart:
    """One thread a process; it beats every claim that is held, and rests while there is none."""

    def __init__(self) -> None:
        self._claims: dict[tuple[int, int], Claim] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    @contextmanager
    def beating(self, claim: Claim) -> Iterator[None]:
        """Hold `claim` alive for as long as the block runs."""
        key = (claim.message_id, claim.number)
        with self._changed:
            self._claims[key] = claim
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="heart", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._claims.pop(key, None)
                self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait(timeout=BEAT_SECONDS)
                held = list(self._claims.values())
                if not held:
                    self._thread = None
                    break
            self._beat(held)
        connection.close()

    def _beat(self, held: list[Claim]) -> None:
        try:
            outbox.beat(claims=held)
        except DatabaseError as error:
            # The lease runs out unless a later beat gets through; another worker then takes over.
            log.warning("claims_not_beaten", claims=len(held), error=type(error).__name__)
            connection.close()


HEART = Heart()
