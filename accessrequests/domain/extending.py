"""How far the end of a live access may move, and when its holder is told that it comes near."""

from __future__ import annotations

from datetime import datetime, timedelta

from accessrequests.domain import policy
from accessrequests.domain.policy import Refusal, Verdict
from accessrequests.domain.window import spell_duration

LEAST_LEFT = timedelta(seconds=60)
# Stands where a rule's name would; a rule cannot be called so, because a name holds no space.
NO_MORE_TIME = "total maximum"
NO_RENEWAL = "A break-glass is not renewed: a second hour needs a second person. Ask for access in the usual way."
WARNED_BEFORE = timedelta(minutes=15)
SHORTEST_WARNED = timedelta(minutes=10)


def longest(verdict: Verdict, *, starts_at: datetime, expires_at: datetime) -> timedelta:
    """By how much the end may move at once: no more than a rule gives at a time, and than is left of the total."""
    total = verdict.total_maximum or timedelta()
    return max(timedelta(), min(verdict.maximum or timedelta(), total - (expires_at - starts_at)))


def capped(verdict: Verdict, *, starts_at: datetime, expires_at: datetime, length: timedelta) -> Verdict:
    """The verdict on such an extension: refused when start and final end would lie too far from each other."""
    total = verdict.total_maximum or timedelta()
    held = expires_at - starts_at
    if held + length <= total:
        return verdict
    left = total - held
    most = f"At most {spell_duration(left)} can be added." if left >= timedelta(seconds=1) else "Nothing can be added."
    sentence = (
        f"From its start to its final end an access may last {spell_duration(total)}, however often it is extended."
    )
    return policy.refused(verdict, Refusal(NO_MORE_TIME, f"{sentence} {most}", "duration"))


def is_too_late(*, expires_at: datetime, at: datetime) -> bool:
    """Whether too little time is left to write a later end on the target before the old one comes."""
    return expires_at - at < LEAST_LEFT


def warned_from(*, starts_at: datetime, expires_at: datetime) -> datetime | None:
    """From when on its holder is told that the end comes near: half-way where it is short, never where it is too short."""
    length = expires_at - starts_at
    return None if length < SHORTEST_WARNED else expires_at - min(WARNED_BEFORE, length / 2)
