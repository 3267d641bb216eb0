"""Who may use what is left of Atlas's rate limits: ending access comes before everything else."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from accessrequests.operations import connections as operations
from accessrequests.queries import clock
from accessrequests.queries import connections as queries
from accessrequests.queries.connections import Left
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.base import GrantSpec

WAIT_UNSAID = 10.0  # the documentation's first step where an answer does not say how long to wait
_CERTIFICATES = "certs"
_DIGITS = re.compile(r"[0-9]{1,9}")
LONGEST_WAIT = queries.LONGEST_HOLD.total_seconds()


class Urgency(StrEnum):
    """What a call is for, most urgent first."""

    REVOKE = "revoke"
    BREAK_GLASS = "break_glass"
    GRANT = "grant"
    RECONCILE = "reconcile"


@dataclass(frozen=True, slots=True)
class _Share:
    """Below `floor` of a limit's capacity nothing of this urgency goes out, until what we know of it is too old.

    Limits fill up by the minute (Atlas's documentation, "Rate Limits"). A call that only reads may look sooner.
    """

    floor: float
    read_again: timedelta
    write_again: timedelta


_SHARES: Mapping[Urgency, _Share] = {
    Urgency.BREAK_GLASS: _Share(0.20, timedelta(seconds=2), timedelta(seconds=15)),
    Urgency.GRANT: _Share(0.25, timedelta(seconds=10), timedelta(seconds=60)),
    Urgency.RECONCILE: _Share(0.40, timedelta(seconds=30), timedelta(seconds=120)),
}


def giving(spec: GrantSpec) -> Urgency:
    """How urgent it is to make this access."""
    return Urgency.BREAK_GLASS if spec.is_break_glass else Urgency.GRANT


def bucket_of(segments: Sequence[str]) -> str:
    """Atlas counts by kind of resource, and certificates apart: groups/databaseUsers, orgs/users."""
    return "/".join((segments[0], *segments[2:3], *(name for name in segments[-1:] if name == _CERTIFICATES)))


class Limits(Protocol):
    """What is known of a target's limits on calls."""

    def check(self, *, bucket: str, urgency: Urgency, is_safe: bool) -> None:
        """:raises AtlasFailure: when such a call has to wait, with how long."""

    def note(self, *, bucket: str, headers: Mapping[str, str], wait: float = 0.0) -> None:
        """Remember what an answer says of its limit. The documentation warns that it may say nothing."""

    def held(self, wait: float, *, urgency: Urgency, code: str = "", status: int = 0) -> AtlasFailure:
        """The failure of a call that has to wait."""


@dataclass(frozen=True, slots=True)
class SharedLimits:
    """What all workers together know, in the product's database."""

    target: str

    def check(self, *, bucket: str, urgency: Urgency, is_safe: bool) -> None:
        wait = _wait(queries.left(self.target), bucket, urgency, is_safe=is_safe).total_seconds()
        if wait > 0:
            raise self.held(wait, urgency=urgency)

    def note(self, *, bucket: str, headers: Mapping[str, str], wait: float = 0.0) -> None:
        capacity, remaining = _number(headers.get("RateLimit-Limit")), _number(headers.get("RateLimit-Remaining"))
        if not capacity or remaining is None:
            if not wait:
                return
            capacity, remaining = 1, 0
        operations.note_budget(
            target=self.target, bucket=bucket, capacity=capacity, remaining=remaining, wait=timedelta(seconds=wait)
        )

    def held(self, wait: float, *, urgency: Urgency, code: str = "", status: int = 0) -> AtlasFailure:
        return held(wait, urgency=urgency, at=clock.now(), code=code, status=status)


def held(wait: float, *, urgency: Urgency, at: datetime, code: str = "", status: int = 0) -> AtlasFailure:
    """The failure of a call that has to wait: it says until when, and what that means."""
    again = f"{at + timedelta(seconds=wait):%H:%M:%S} UTC"
    if urgency is Urgency.REVOKE:
        sentence = (
            f"Atlas takes no more calls of this kind for now. We try again at {again}; the access may still work."
        )
    else:
        sentence = f"Atlas takes few more calls for now, and ending access comes first. We try again at {again}."
    return AtlasFailure(sentence, code=code, status=status, retry_after=wait)


def wait_said(headers: Mapping[str, str], *, unsaid: float) -> float:
    """Retry-After in seconds (RFC 9110, 10.2.3; Atlas sends no dates)."""
    said = _number(headers.get("Retry-After"))
    return min(float(said), LONGEST_WAIT) if said else unsaid


def _wait(limits: Iterable[Left], bucket: str, urgency: Urgency, *, is_safe: bool) -> timedelta:
    if urgency is Urgency.REVOKE:
        return max((left.wait for left in limits if left.bucket == bucket), default=timedelta())
    share = _SHARES[urgency]
    patience = share.read_again if is_safe else share.write_again
    # A limit of one resource that is low holds the others too: a grant needs them all, and half of one helps nobody.
    low = (patience - left.age for left in limits if left.remaining < share.floor * left.capacity)
    return max([timedelta(), *(left.wait for left in limits), *low])


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and _DIGITS.fullmatch(text) else None
