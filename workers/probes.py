"""Asks every target that does not answer, once a second; its first answer wakes everything that waits on it."""

from __future__ import annotations

import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection

import structlog
from django.db import connection

from accessrequests.operations import targets
from workers.connections import provisioner_for
from workers.provisioners.base import ProvisionerError

EVERY_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Probes:
    """A few threads; at most one question is open a target."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="probe")
        self._asked_at: dict[str, float] = {}
        self._open: set[str] = set()
        self._heard, self._rung = Pipe(duplex=False)

    def ask(self, slugs: Iterable[str]) -> None:
        now = time.monotonic()
        for slug in slugs:
            if slug not in self._open and now - self._asked_at.get(slug, 0.0) >= EVERY_SECONDS:
                self._asked_at[slug] = now
                self._open.add(slug)
                self._pool.submit(self._probe, slug)

    def bell(self) -> Connection:
        """Readable when a target has answered: what waited for it is due now."""
        return self._heard

    def hush(self) -> None:
        while self._heard.poll():
            self._heard.recv_bytes()

    def _probe(self, slug: str) -> None:
        try:
            if answers(slug) and targets.mark_reachable(slug=slug):
                self._rung.send_bytes(b"!")
        except Exception:
            log.exception("probe_failed", target=slug)  # the next second asks again
        finally:
            connection.close()
            self._open.discard(slug)


def answers(slug: str) -> bool:
    """Whether the target answers the simplest of calls."""
    try:
        provisioner_for(slug).check()
    except ProvisionerError as error:
        # Whatever else is wrong with it, what waits for it may try, and will say so.
        return not error.unreachable
    return True
