"""A ledger whose worker may die just before and just after every call to the target, and the same worker started again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accessrequests.domain.sharing import SharedKind
from accessrequests.models import Grant, SharedObject
from workers.ledger import PostgresLedger
from workers.provisioners.base import Held, Ledger, Turn

RISK = 0.06


class Killed(BaseException):
    """The worker is gone, as with SIGKILL: nothing of it runs any more, no `except Exception` either."""


@dataclass(frozen=True)
class MortalLedger:
    """Dies at a fence, which stands before each call and after each write, and before and after each row."""

    ledger: PostgresLedger
    chance: random.Random

    @contextmanager
    def hold(self, kind: SharedKind, key: str) -> Iterator[Held]:
        with self.ledger.hold(kind, key) as held:
            yield _MortalHeld(held, self)
            self.may_die()

    @contextmanager
    def alone(self, what: str) -> Iterator[Turn]:
        with self.ledger.alone(what) as turn:
            yield turn

    def survey(self) -> Ledger:
        return self.ledger.survey()

    def is_used(self, kind: SharedKind, name: str) -> bool:
        return self.ledger.is_used(kind, name)

    def may_die(self) -> None:
        if self.chance.random() < RISK:
            raise Killed


@dataclass(frozen=True)
class _MortalHeld:
    held: Held
    ledger: MortalLedger

    @property
    def baseline(self) -> Mapping[str, Any] | None:
        return self.held.baseline

    @property
    def live(self) -> Mapping[int, Mapping[str, Any]]:
        return self.held.live

    @property
    def ending(self) -> Mapping[int, Mapping[str, Any]]:
        return self.held.ending

    def fence(self) -> datetime:
        self.ledger.may_die()
        return self.held.fence()

    def announce(self, *, grant_id: int, says: Iterable[tuple[str, ...]]) -> datetime:
        self.ledger.may_die()
        return self.held.announce(grant_id=grant_id, says=says)

    def capture(self, baseline: Mapping[str, Any]) -> None:
        self.held.capture(baseline)
        self.ledger.may_die()

    def attempt(self, *, grant_id: int, wants: Mapping[str, Any]) -> None:
        self.held.attempt(grant_id=grant_id, wants=wants)
        self.ledger.may_die()

    def end(self, *, grant_id: int) -> bool:
        is_used = self.held.end(grant_id=grant_id)
        self.ledger.may_die()
        return is_used

    def gone(self, *, grant_id: int, looked_at: datetime) -> datetime | None:
        until = self.held.gone(grant_id=grant_id, looked_at=looked_at)
        self.ledger.may_die()
        return until


def until_done(step: Callable[[], object]) -> None:
    """The step by one worker after the other, until one lives to its end."""
    while True:
        try:
            step()
        except Killed:
            # Its lease runs out, and what was on its way has arrived; we do not want to wait for either.
            SharedObject.objects.update(lease_until=None, lease_owner="", stray_calls_until=None)
        else:
            return


def revive(grant_ids: Sequence[int]) -> None:
    Grant.objects.filter(pk__in=grant_ids).update(state="active", end_reason="", revocation_started_at=None)
