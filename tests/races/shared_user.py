"""A database user in memory that several grants share, and workers that give and take roles, killed at any step."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from accessrequests.domain.sharing import SharedKind, combined
from accessrequests.models import SharedObject
from accessrequests.queries import clock
from workers.ledger import PostgresLedger
from workers.provisioners.base import Busy, Held

NAME = "reporting@admin"


class Killed(BaseException):
    """The worker is gone, as with SIGKILL: nothing of it runs any more, no `except Exception` either."""


@dataclass
class SharedUser:
    """What the target has, and whatever was ever seen to be too little of it."""

    baseline: frozenset[str]
    roles: frozenset[str] = frozenset()
    needs: dict[int, frozenset[str]] = field(default_factory=dict)
    too_little: list[frozenset[str]] = field(default_factory=list)
    on_their_way: list[frozenset[str]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.roles = self.baseline

    def write(self, roles: frozenset[str]) -> None:
        with self.lock:
            self.roles = roles
            if not combined(self.baseline, self.needs.values()) <= roles:
                self.too_little.append(roles)

    def read(self) -> frozenset[str]:
        with self.lock:
            return self.roles

    def longest_call_is_over(self) -> None:
        """What was on its way has arrived; the ledger need not wait for it any more."""
        with self.lock:
            late, self.on_their_way = self.on_their_way, []
        for roles in late:
            self.write(roles)
        SharedObject.objects.filter(key=NAME).update(stray_calls_until=clock.now())


@dataclass
class Worker:
    """Gives one grant its roles and takes them back. It may die before and after every single thing it does."""

    user: SharedUser
    ledger: PostgresLedger
    grant_id: int
    roles: frozenset[str]
    chance: random.Random
    risk: float = 0.0
    late_calls: bool = False

    def give(self) -> None:
        self._until_done(self._give)
        with self.user.lock:
            self.user.needs[self.grant_id] = self.roles

    def take(self) -> None:
        with self.user.lock:
            self.user.needs.pop(self.grant_id, None)
        self._until_done(self._take)

    def _until_done(self, step: Callable[[], bool]) -> None:
        while True:
            try:
                if step():
                    return
                self.user.longest_call_is_over()
            except Busy:
                continue
            except Killed:
                # Its lease runs out; we do not want to wait for it.
                over = SharedObject.objects.filter(key=NAME, lease_owner__endswith=f"/{threading.get_native_id()}")
                over.update(lease_until=clock.now())

    def _give(self) -> bool:
        with self.ledger.hold(SharedKind.DATABASE_USER, NAME) as held:
            self._may_die()
            if held.baseline is None:
                held.fence()
                seen = self.user.read()
                self._may_die()
                held.capture({"roles": sorted(seen)})
                self._may_die()
            held.attempt(grant_id=self.grant_id, wants={"roles": sorted(self.roles)})
            self._may_die()
            self._write(held)
            held.fence()
            return self.roles <= self.user.read()

    def _take(self) -> bool:
        with self.ledger.hold(SharedKind.DATABASE_USER, NAME) as held:
            self._may_die()
            if not held.end(grant_id=self.grant_id):
                return True
            self._may_die()
            self._write(held)
            looked_at = held.fence()
            if self.user.read() != _wanted(held):
                return False
            self._may_die()
            is_gone = held.gone(grant_id=self.grant_id, looked_at=looked_at) is None
            self._may_die()
            return is_gone

    def _write(self, held: Held) -> None:
        wanted = _wanted(held)
        held.fence()
        self._may_die()
        if self.late_calls and self.chance.random() < self.risk:
            with self.user.lock:
                self.user.on_their_way.append(wanted)
            raise Killed
        self.user.write(wanted)
        self._may_die()

    def _may_die(self) -> None:
        if self.chance.random() < self.risk:
            raise Killed


def _wanted(held: Held) -> frozenset[str]:
    assert held.baseline is not None
    return combined(_roles(held.baseline), map(_roles, held.live.values()))


def _roles(stored: Mapping[str, list[str]]) -> frozenset[str]:
    return frozenset(stored["roles"])
