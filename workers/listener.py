"""The relay's ear: a connection that LISTENs, and that checks that what it says itself comes round."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import psycopg
import structlog
from django.db import connection

from accessrequests.models.outbox import CHANNEL

CHECK_SECONDS = 10.0
# A peer that vanished is noticed within about ten seconds (libpq, keepalives_*; tcp_user_timeout in ms).
KEEPALIVES: Mapping[str, Any] = {
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
}

log = structlog.get_logger(__name__)


class DeafError(psycopg.OperationalError):
    """Our own NOTIFY did not come round: the connection is half open, or something between swallows notices."""


class Listener:
    """Readable (see `fileno`) when something was committed to the outbox."""

    def __init__(self) -> None:
        parameters = connection.get_connection_params()
        for unwanted in ("cursor_factory", "context", "prepare_threshold"):
            parameters.pop(unwanted, None)
        self._connection = psycopg.connect(**{**KEEPALIVES, **parameters, "autocommit": True})
        self._connection.execute(f"LISTEN {CHANNEL}")
        self._spoke_at: float | None = None
        self._heard_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def fileno(self) -> int:
        return self._connection.fileno()

    def drain(self) -> None:
        """Take every notice that has come."""
        for _ in self._connection.notifies(timeout=0):
            self._heard_at = time.monotonic()
            self._spoke_at = None

    def check_round_trip(self) -> None:
        """Speak when nothing was heard for a while.

        :raises DeafError: when what was said did not come round.
        """
        now = time.monotonic()
        if self._spoke_at is not None and now - self._spoke_at > CHECK_SECONDS:
            raise DeafError("Our own NOTIFY did not come round.")
        if self._spoke_at is None and now - self._heard_at > CHECK_SECONDS:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])
            self._spoke_at = now
