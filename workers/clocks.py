"""Compares this process's clock with the database's, which decides. Two that differ open nothing new."""

from __future__ import annotations

import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import structlog
from django.db import connection

from accessrequests.operations import clocks
from accessrequests.queries import clock, work
from workers.connections import provisioner_for
from workers.provisioners.base import ProvisionerError

ALARM = timedelta(seconds=2)
STEP = timedelta(milliseconds=500)
ASK_AGAIN_SECONDS = 10.0
CONFIRM_AGAIN_SECONDS = 60.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a clock said at a moment of our own steady count of seconds, which nobody can set."""

    said: datetime
    at: float

    def by(self, at: float) -> datetime:
        """What it says later, when it simply went on."""
        return self.said + timedelta(seconds=at - self.at)


@dataclass(frozen=True, slots=True)
class Look:
    """The database's clock, read between two readings of our own; `at` is the steady count at the first."""

    before: datetime
    database: datetime
    after: datetime
    at: float


def wall() -> datetime:
    """This machine's clock, which may be wrong."""
    return datetime.now(UTC)


def look() -> Look:
    before, at = wall(), time.monotonic()
    database = clock.now()
    return Look(before, database, wall(), at)


class Watch:
    """One a process. It raises the alarm when the clocks begin to differ, and says when they agree again."""

    def __init__(self) -> None:
        self._differ = False
        self._lock = threading.Lock()

    def compare(self, *, who: str) -> bool:
        """Whether the database's clock and that of `who` agree to within two seconds."""
        return self.judge(look(), who=who)

    def judge(self, seen: Look, *, who: str) -> bool:
        """The same, of a look that was taken already."""
        # The database answered somewhere between the two, so a slow answer is no difference.
        apart = max(seen.before - seen.database, seen.database - seen.after, timedelta())
        with self._lock:
            is_news = (apart > ALARM) != self._differ
            self._differ = apart > ALARM
        if is_news and apart > ALARM:
            log.error("clocks_differ", who=who, seconds=apart.total_seconds())
            own = seen.after if seen.database > seen.after else seen.before
            try:
                clocks.record_skew(who=who, ahead=seen.database - own)
            except Exception:
                with self._lock:
                    self._differ = False  # An alarm that was not recorded is news again at the next look.
                raise
        return apart <= ALARM


WATCH = Watch()


class Latest:
    """The time by which ends are taken: the database's, or a later one that our own clock and a target's agree on.

    A database's clock that runs behind would end access late, unseen. Nothing is ended for our own clock's sake alone.
    """

    def __init__(self, watch: Watch = WATCH) -> None:
        self._watch = watch
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="clock")
        self._open: set[str] = set()
        self._asked_at = -math.inf
        self._heard: dict[str, Reading] = {}
        # Our own clock as it goes on when somebody sets it back, perhaps together with the database's.
        self._steady: Reading | None = None
        self._database: Reading | None = None
        self.is_suspect = False

    def of(self, seen: Look, *, who: str) -> datetime:
        """Never earlier than the database's clock. Targets are asked elsewhere; an answer counts from the next look on.

        `is_suspect` says afterwards whether the database's clock went back, or runs behind ours.
        """
        own = Reading(seen.before, seen.at)
        steady = (self._steady or own).by(seen.at)
        ours = max(own.said, steady)
        went_back = self._database is not None and self._database.by(seen.at) - seen.database > ALARM
        self._database = Reading(seen.database, seen.at)
        self._watch.judge(replace(seen, before=ours), who=who)
        is_behind = ours - seen.database > ALARM
        self.is_suspect = is_behind or went_back
        if not is_behind:
            self._steady = own
            self._heard.clear()
            self._asked_at = -math.inf
            return seen.database
        later = [said for said in (own.said, steady) if said - seen.database > ALARM]
        confirmed = [said for said in later if self._is_confirmed(said, seen.at)]
        if not confirmed and own.said not in later and self._heard and not self._open:
            self._steady = own  # The targets say that both clocks were set right.
        self._ask(seen.at, again_after=CONFIRM_AGAIN_SECONDS if confirmed else ASK_AGAIN_SECONDS)
        return max([seen.database, *confirmed])

    def _is_confirmed(self, said: datetime, at: float) -> bool:
        """What a target said once goes on counting while it is away: steady seconds do not lie."""
        return any(abs(heard.by(at) - said) <= ALARM for heard in list(self._heard.values()))

    def _ask(self, at: float, *, again_after: float) -> None:
        if at - self._asked_at < again_after:
            return
        self._asked_at = at
        for slug in work.catalogue():
            if slug not in self._open:
                self._open.add(slug)
                self._pool.submit(self._hear, slug)

    def _hear(self, slug: str) -> None:
        try:
            began = Reading(datetime.now(UTC), time.monotonic())
            skew = provisioner_for(slug).check().clock_skew
            ended = Reading(datetime.now(UTC), time.monotonic())
            # A clock of ours that was set while we asked says nothing of the target's.
            if abs(began.by(ended.at) - ended.said) <= STEP:
                self._heard[slug] = replace(ended, said=ended.said + timedelta(seconds=skew))
        except ProvisionerError as error:
            log.info("clock_not_heard", target=slug, error=str(error))
        except Exception:
            log.exception("clock_not_heard", target=slug)
        finally:
            connection.close()  # Atlas is asked with a token that stands in a row.
            self._open.discard(slug)
