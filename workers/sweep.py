"""Ends what is past the end that stands on the target itself, with our database away: the last of the three places.

It always runs, and acts only on what should have been ended a while ago, so that it never meets a relay that is well.
What it ends is what the MAC of a tag proves; what has no tag (roles that were added to somebody) it cannot see.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from django.conf import settings
from prometheus_client import CollectorRegistry, Gauge, write_to_textfile

from workers.connections import read_each_connection, tagger_of
from workers.provisioners.atlas.sweeping import atlas_sweeper
from workers.provisioners.base import Evidence, Owned, ProvisionerError
from workers.provisioners.connection_entry import InvalidConnection
from workers.provisioners.connection_record import Record
from workers.provisioners.mongodb.sweeping import mongodb_sweeper
from workers.provisioners.sweeper import Sweeper, is_left_alone, spec_of_owned
from workers.sweep_journal import CLEAN, CUT, Journal, Swept, journal_of_sweep

AFTER = timedelta(seconds=30)  # so late an end is nobody else's business any more
HUSK = timedelta(minutes=5)  # so long whoever cut a crowd may take to clean up after it
EVERY = 5.0
MOST_THREADS = 256  # they are made when they are needed: one for each target that is being asked
AT_ONCE = 50  # so many are cut in one call, which is bounded in time
CLOCKS_DIFFER = 2.0
WHOLE_FILE = "all"
STILL_ASKED = "It has not answered the round before yet."

SWEEPERS: Mapping[str, Callable[..., Sweeper]] = {"mongodb": mongodb_sweeper, "atlas": atlas_sweeper}

log = structlog.get_logger(__name__)


Key = tuple[str, int | None, datetime | None]


@dataclass(slots=True)
class Sweep:
    """One target. What is cut and still to be cleaned is remembered; a process that starts anew finds it again."""

    slug: str
    sweeper: Sweeper
    journal: Journal | None
    after: timedelta = AFTER
    wall: Callable[[], datetime] = lambda: datetime.now(UTC)
    _unfinished: dict[str, Owned] = field(default_factory=dict)
    _behind: float = 0.0
    _rounds: int = 0
    failure: str = ""  # why the last round did not get to everything
    _ended: set[Key] = field(default_factory=set)
    _husks: set[Key] = field(default_factory=set)
    _told: set[str] = field(default_factory=set)
    _trouble: set[str] = field(default_factory=set)

    def round(self) -> int:
        """How many were ended. What fails, or is not answered, is looked at again in the next round."""
        self._rounds += 1
        if (self._rounds - 1) % self.sweeper.pace:
            return 0
        self.failure, self._told, before = "", set(), len(self._ended)
        cut: list[Owned] = []
        try:
            for batch in _batches(self._due()):
                cut += self._cut(self._over(batch))
        except ProvisionerError as error:
            self._fail(error)
        # When everybody is out: what is left over has no power.
        for one in cut:
            self._clean(one)
        self._trouble = self._told
        return len(self._ended) - before

    def _due(self) -> list[Owned]:
        owned = {_name(one): one for one in self.sweeper.overdue(before=self._now() - self.after)}
        # What we may have half cut ourselves has no power any more when it is found again, and is not somebody else's.
        found = (owned | self._unfinished).values()
        self._husks &= {_key(one) for one in found}
        return [one for one in found if _key(one) not in self._husks or not self._is_a_husk(one)]

    def _now(self) -> datetime:
        """By the earlier of two clocks, the target's and ours: one that is wrong ends nothing early."""
        self._behind = self.sweeper.behind()
        if abs(self._behind) > CLOCKS_DIFFER:
            log.error("clocks_differ", who="sweep", target=self.slug, seconds=round(self._behind, 1))
        return self._by_the_earlier()

    def _by_the_earlier(self) -> datetime:
        return self.wall() - timedelta(seconds=max(0.0, self._behind))

    def _over(self, due: Sequence[Owned]) -> list[Owned]:
        """Both clocks are asked again just before: what either of them holds to be early waits."""
        before = self._now() - self.after
        return [one for one in due if one.expires_at is not None and one.expires_at < before]

    def _cut(self, batch: Sequence[Owned]) -> list[Owned]:
        """Those that are ended. Where one of them may have failed the others, each is tried by itself."""
        try:
            answers = self.sweeper.cut(batch) if batch else []
        except ProvisionerError as error:
            if len(batch) > 1 and not error.unreachable and not error.retry_after:
                return [ended for one in batch for ended in self._cut([one])]
            # Half done is not found by its tag any more.
            self._unfinished.update((_name(one), one) for one in batch)
            self._fail(error)
            return []
        return [one for one, cut in zip(batch, answers, strict=True) if self._is_cut(one, cut)]

    def _is_cut(self, one: Owned, cut: Evidence) -> bool:
        self._unfinished.pop(_name(one), None)
        if not cut.done:
            if not is_left_alone(cut):
                self._unfinished[_name(one)] = one
            self._tell(" ".join(cut.remains) or cut.waiting)
            return False
        if self._is_a_husk(one):
            self._husks.add(_key(one))
            return False
        # One that cannot be cleaned is found and cut in each round, and was ended once.
        if _key(one) not in self._ended:
            self._ended.add(_key(one))
            self._write(one, CUT, cut.facts)
        return True

    def _is_a_husk(self, one: Owned) -> bool:
        """It had no power any more when it was found: somebody else has ended it, and cleans up after it now or later.

        It is cut once all the same, lest something of it still runs.
        """
        is_powerless = self.sweeper.cut_leaves_it and one.powerless
        if not is_powerless or one.expires_at is None or _key(one) in self._ended:
            return False
        return one.expires_at >= self._by_the_earlier() - self.after - HUSK

    def _clean(self, one: Owned) -> None:
        """What cannot be taken away now is in the next round, or by reconcile."""
        try:
            cleaned = self.sweeper.clean(one)
        except ProvisionerError as error:
            self._tell(str(error))
            return
        if cleaned.done and cleaned.facts:
            self._write(one, CLEAN, cleaned.facts)

    def _write(self, one: Owned, step: str, facts: Mapping[str, Any]) -> None:
        proven = spec_of_owned(one)
        swept = Swept(
            installation=settings.ACCESS_INSTALLATION,
            target=self.slug,
            username=one.username,
            grant_id=proven.grant_id,
            end=proven.expires_at,
            step=step,
            at=self._by_the_earlier(),
            evidence=facts,
        )
        log.warning("swept", **{name: value for name, value in swept.said().items() if name != "installation"})
        if self.journal is not None:
            try:
                self.journal.write(swept)
            except OSError as error:
                # The access is ended all the same; the line on stderr says so.
                log.exception("sweep_not_written", error=str(error))

    def _fail(self, error: ProvisionerError) -> None:
        self.failure = str(error)
        self._tell(self.failure)

    def _tell(self, sentence: str) -> None:
        """Once, as long as it is so in each round."""
        if sentence not in self._trouble | self._told:
            log.warning("not_swept_yet", target=self.slug, why=sentence)
        self._told.add(sentence)


@dataclass(slots=True)
class Sweeps:
    """Every target of the worker's file, each in a thread of its own, so that one that hangs holds up no other."""

    after: timedelta = AFTER
    _by_slug: dict[str, tuple[Record, Sweep]] = field(default_factory=dict)
    _broken: dict[str, str] = field(default_factory=dict)
    _ended: int = 0
    _asked: dict[str, Future[int]] = field(default_factory=dict)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(MOST_THREADS, "sweep"))

    def round(self, *, patience: float | None = None) -> int:
        """How many were ended on all of them. The file is read anew each time: an operator may have mended it.

        Who takes longer than `patience` is asked again when it has answered, and the others meanwhile.

        :raises InvalidConnection: the file or the keys are not as they must be, and never were.
        """
        for sweep in self._known():
            if sweep.slug not in self._asked:
                self._asked[sweep.slug] = self._threads.submit(_round, sweep)
        answered, _ = wait(self._asked.values(), timeout=patience)
        ended = sum(one.result() for one in answered)
        self._asked = {slug: one for slug, one in self._asked.items() if one not in answered}
        self._ended += ended
        if (journal := journal_of_sweep()) is not None:
            journal.beat()
            write_to_textfile(str(journal.path.with_suffix(".prom")), self._counted())
        return ended

    def _counted(self) -> CollectorRegistry:
        """For a collector that reads files, since nobody can ask this process and it has no database to tell."""
        registry = CollectorRegistry()
        at = Gauge("access_sweep_last_round_timestamp_seconds", "When the last round was over.", registry=registry)
        at.set_to_current_time()
        ended = Gauge("access_sweep_ended", "What the sweep ended since it was started.", registry=registry)
        ended.set(self._ended)
        meaning = "1 for a target that the last round did not look at, or not wholly."
        failing = Gauge("access_sweep_failing", meaning, ["target"], registry=registry)
        failed = self.failures()
        for slug in {*self._by_slug, *failed}:
            failing.labels(target=slug).set(slug in failed or slug in self._asked)
        return registry

    def failures(self) -> dict[str, str]:
        """Targets that the last round did not look at, or not wholly, each with the reason."""
        failed = {slug: sweep.failure for slug, (_, sweep) in self._by_slug.items() if sweep.failure}
        return failed | dict.fromkeys(self._asked, STILL_ASKED) | self._broken

    def close(self) -> None:
        self._threads.shutdown(cancel_futures=True)
        for _, sweep in self._by_slug.values():
            sweep.sweeper.close()
        self._by_slug.clear()

    def _known(self) -> list[Sweep]:
        """A record that is not as it must be stops no other target, and its own only if there was none before."""
        try:
            records, broken = read_each_connection(Path(settings.ACCESS_TARGETS_FILE))
        except InvalidConnection as error:
            if not self._by_slug:
                raise
            # Somebody is about to write it. What it said before is better than nobody's end.
            records = {slug: record for slug, (record, _) in self._by_slug.items()}
            broken = {WHOLE_FILE: str(error)}
        for slug, (record, sweep) in list(self._by_slug.items()):
            # Not under its hands, which may be in the middle of an end: another round takes up the new record.
            if slug not in broken and slug not in self._asked and records.get(slug) != record:
                sweep.sweeper.close()
                del self._by_slug[slug]
        for slug, record in records.items():
            if slug not in self._by_slug:
                try:
                    self._by_slug[slug] = (record, self._made(slug, record))
                except ProvisionerError as error:
                    broken[slug] = str(error)
        for slug in broken.keys() - self._broken.keys():
            log.error("not_swept_yet", target=slug, why=broken[slug])
        self._broken = broken
        return [sweep for _, sweep in self._by_slug.values()]

    def _made(self, slug: str, record: Record) -> Sweep:
        sweeper = SWEEPERS[record.kind](record=record, tagger=tagger_of(slug))
        return Sweep(slug, sweeper, journal_of_sweep(), after=self.after)


def rounds(sweeps: Sweeps, *, every: float, is_over: Callable[[float], bool]) -> None:
    """One after the other until it is over; `is_over` waits for so many seconds first."""
    while True:
        began = time.monotonic()
        try:
            sweeps.round(patience=every)
        except Exception:
            # A file that somebody is about to mend, a disk that is full: ending access goes on in the next round.
            log.exception("sweep_failed")
        if is_over(max(0.0, every - (time.monotonic() - began))):
            return


def _round(sweep: Sweep) -> int:
    try:
        return sweep.round()
    except Exception:
        log.exception("sweep_failed", target=sweep.slug)
        sweep.failure = "The sweep itself failed. Its log says why."
        return 0


def _key(one: Owned) -> Key:
    return _name(one), one.grant_id, one.expires_at


def _name(one: Owned) -> str:
    return one.principal or one.username


def _batches(owned: Sequence[Owned]) -> Iterator[Sequence[Owned]]:
    for start in range(0, len(owned), AT_ONCE):
        yield owned[start : start + AT_ONCE]
