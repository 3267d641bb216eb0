"""What workers share of their connections: the token of an account, and what is left of a target's limits on calls."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from accessrequests.models import ConnectionBudget, ConnectionToken
from accessrequests.queries import clock

LONGEST_MINT = timedelta(seconds=8)  # a call of at most five seconds, and its commit
LONGEST_HOLD = timedelta(minutes=5)  # whoever says more is asked again by then
NO_TIME = timedelta()


@dataclass(frozen=True, slots=True)
class Held:
    """A token as it is in its row: `round` 0 means that there never was one."""

    sealed: bytes = b""
    round: int = 0
    is_due: bool = True
    is_being_renewed: bool = False
    wait: timedelta = NO_TIME


@dataclass(frozen=True, slots=True)
class Left:
    """What was left of one limit `age` ago. For `wait` from now the target takes no call at all."""

    bucket: str
    capacity: int
    remaining: int
    age: timedelta
    wait: timedelta


def token(account: str) -> Held:
    row = ConnectionToken.objects.filter(account=account).first()
    if row is None:
        return Held()
    at = clock.now()
    # A moment that lies further ahead than it ever can was written before the database's clock went back.
    leased = row.leased_until is not None and at < row.leased_until <= at + LONGEST_MINT
    wait = row.not_before - at if row.not_before is not None else NO_TIME
    return Held(
        sealed=bytes(row.sealed or b""),
        round=row.round,
        is_due=row.renew_at is None or row.renew_at <= at,
        is_being_renewed=leased,
        wait=wait if NO_TIME < wait <= LONGEST_HOLD else NO_TIME,
    )


def left(target: str) -> list[Left]:
    """Of every limit of the target that its answers have named."""
    rows = list(ConnectionBudget.objects.filter(target=target))
    if not rows:
        return []
    at = clock.now()
    waits = {row.pk: row.held_until - at if row.held_until is not None else NO_TIME for row in rows}
    return [
        Left(
            bucket=row.bucket,
            capacity=row.capacity,
            remaining=row.remaining,
            age=max(at - row.seen_at, NO_TIME),
            wait=waits[row.pk] if NO_TIME < waits[row.pk] <= LONGEST_HOLD else NO_TIME,
        )
        for row in rows
    ]
