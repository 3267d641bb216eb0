"""The ledger of shared objects in the product's database: one worker at a time, by a lease with a fencing number."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accessrequests.domain.sharing import SharedKind
from accessrequests.operations import shared_objects
from accessrequests.operations.shared_objects import Lease, LeaseLost, NotWanted, TooEarly
from accessrequests.queries import clock
from accessrequests.queries.shared_objects import Uses, uses_on
from workers.provisioners.base import Busy, Held, Ledger, ProvisionerError, Turn
from workers.surveyed import SurveyedLedger

_PATIENCE_SECONDS = 2.0
_PAUSE_SECONDS = 0.05
_BUSY = "Another worker is at work on the same {}. It is tried again shortly."


@dataclass(frozen=True, slots=True)
class PostgresLedger:
    """The ledger of one target."""

    slug: str

    @contextmanager
    def hold(self, kind: SharedKind, key: str) -> Iterator[Held]:
        with _lease(self.slug, kind, key) as lease:
            yield _Held(lease, kind)

    def survey(self) -> Ledger:
        return SurveyedLedger(uses_on(self.slug), clock.now())

    def is_used(self, kind: SharedKind, name: str) -> bool:
        return self.survey().is_used(kind, name)

    @contextmanager
    def alone(self, what: str) -> Iterator[Turn]:
        with _lease(self.slug, SharedKind.TURN, what) as lease:
            yield _Turn(lease, SharedKind.TURN)


@dataclass(slots=True)
class _Turn:
    lease: Lease
    kind: SharedKind

    def fence(self) -> datetime:
        with _still_ours(self.kind):
            return shared_objects.keep(lease=self.lease)


@dataclass(slots=True)
class _Held(_Turn):
    # Nobody else changes it while the lease is ours.
    uses: Uses | None = None
    is_announced: bool = False

    def announce(self, *, grant_id: int, says: Iterable[tuple[str, ...]]) -> datetime:
        with _still_ours(self.kind):
            at = shared_objects.announce(lease=self.lease, grant_id=grant_id, says=sorted(says))
        self.is_announced = True
        return at

    def fence(self) -> datetime:
        with _still_ours(self.kind):
            if not self.is_announced:
                return shared_objects.keep(lease=self.lease)
            at = shared_objects.answered(lease=self.lease)
        self.is_announced = False
        return at

    @property
    def baseline(self) -> Mapping[str, Any] | None:
        return self._known().baseline

    @property
    def live(self) -> Mapping[int, Mapping[str, Any]]:
        return self._known().live

    @property
    def ending(self) -> Mapping[int, Mapping[str, Any]]:
        return self._known().ending

    def capture(self, baseline: Mapping[str, Any]) -> None:
        with self._change():
            shared_objects.capture(lease=self.lease, baseline=baseline)

    def attempt(self, *, grant_id: int, wants: Mapping[str, Any]) -> None:
        with self._change():
            shared_objects.attempt(lease=self.lease, grant_id=grant_id, wants=wants)

    def end(self, *, grant_id: int) -> bool:
        with self._change():
            return shared_objects.start_ending(lease=self.lease, grant_id=grant_id)

    def gone(self, *, grant_id: int, looked_at: datetime) -> datetime | None:
        try:
            with self._change():
                shared_objects.mark_gone(lease=self.lease, grant_id=grant_id, looked_at=looked_at)
        except TooEarly as early:
            return early.until
        return None

    def _known(self) -> Uses:
        if self.uses is None:
            with _still_ours(self.kind):
                self.uses = shared_objects.uses_of(lease=self.lease)
        return self.uses

    @contextmanager
    def _change(self) -> Iterator[None]:
        self.uses = None
        with _still_ours(self.kind):
            yield


@contextmanager
def _lease(slug: str, kind: SharedKind, key: str) -> Iterator[Lease]:
    """Taken, and put down at the end. A worker that is stopped in between leaves it to run out by itself."""
    lease = _taken(slug, kind, key)
    try:
        yield lease
    except Exception as error:
        # Only an answer says that the call has ended; anything else leaves it open what is still carried out.
        answered = isinstance(error, ProvisionerError) and not (error.unreachable or error.outcome_unknown)
        shared_objects.put_down(lease=lease, calls_ended=answered)
        raise
    shared_objects.put_down(lease=lease, calls_ended=True)


def _taken(slug: str, kind: SharedKind, key: str) -> Lease:
    owner = f"{socket.gethostname()[:60]}/{os.getpid()}/{threading.get_native_id()}"
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        lease = shared_objects.take(slug=slug, kind=kind, key=key, owner=owner)
        if lease is not None:
            return lease
        if time.monotonic() > deadline:
            raise Busy(_BUSY.format(_named(kind)))
        time.sleep(_PAUSE_SECONDS)


@contextmanager
def _still_ours(kind: SharedKind) -> Iterator[None]:
    try:
        yield
    except LeaseLost as error:
        raise Busy(_BUSY.format(_named(kind))) from error
    except NotWanted as error:
        raise ProvisionerError(str(error), permanent=True) from error


def _named(kind: SharedKind) -> str:
    return "list" if kind is SharedKind.TURN else kind.value.replace("_", " ")
