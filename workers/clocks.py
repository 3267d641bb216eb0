"""Compares this process's clock with the database's, which decides. Two that differ open nothing new."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import structlog

from accessrequests.operations import clocks
from accessrequests.queries import clock

ALARM = timedelta(seconds=2)

log = structlog.get_logger(__name__)


class Watch:
    """One a process. It raises the alarm when the clocks begin to differ, and says when they agree again."""

    def __init__(self) -> None:
        self._differ = False
        self._lock = threading.Lock()

    def compare(self, *, who: str) -> bool:
        """Whether the database's clock and that of `who` agree to within two seconds."""
        before = datetime.now(UTC)
        database = clock.now()
        after = datetime.now(UTC)
        # The database answered somewhere between the two, so a slow answer is no difference.
        apart = max(before - database, database - after, timedelta())
        with self._lock:
            is_news = (apart > ALARM) != self._differ
            self._differ = apart > ALARM
        if is_news and apart > ALARM:
            log.error("clocks_differ", who=who, seconds=apart.total_seconds())
            clocks.record_skew(who=who, ahead=database - after if database > after else database - before)
        return apart <= ALARM


WATCH = Watch()
