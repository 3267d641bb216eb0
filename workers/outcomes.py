"""What comes of carrying a message: it is done, or it is tried again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from accessrequests.operations.outbox import Claim
from workers.provisioners.base import Busy, ProvisionerError

FIRST_DELAY = timedelta(milliseconds=250)
UNREACHABLE_DELAY = timedelta(milliseconds=500)
LONGEST_DELAY = timedelta(seconds=30)
MOST_DOUBLINGS = 7
_LOOKS = (
    (timedelta(seconds=5), timedelta(seconds=1)),
    (timedelta(seconds=20), timedelta(seconds=2)),
    (timedelta.max, timedelta(seconds=5)),
)
AWAY = "The target does not answer."


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing is left to do."""


@dataclass(frozen=True, slots=True)
class Again:
    """Try again after `delay`. `unreachable` names a target that does not answer; `was_asked` says that we tried.

    Not `is_sure`: one call was answered with nothing, and others may go well.
    """

    why: str
    delay: timedelta
    failed: bool = True
    unreachable: str = ""
    was_asked: bool = True
    is_sure: bool = True


Outcome = Done | Again


def try_again(claim: Claim, why: str, *, unreachable: str = "", not_before: float = 0.0) -> Again:
    """Later: soon for a target that does not answer (its return wakes us), else ever less often.

    A target that takes no call for `not_before` seconds is left alone for as long.
    """
    delay = UNREACHABLE_DELAY if unreachable else max(backoff(claim.failures), timedelta(seconds=not_before))
    return Again(why=why, delay=delay, unreachable=unreachable)


def after(claim: Claim, error: ProvisionerError, *, target: str) -> Again:
    """What comes of a step that did not succeed on `target`. Whoever finds it busy has not failed, and comes again."""
    if isinstance(error, Busy):
        return Again(why=str(error), delay=FIRST_DELAY, failed=False)
    unreachable = target if error.unreachable else ""
    again = try_again(claim, str(error), unreachable=unreachable, not_before=error.retry_after)
    return replace(again, is_sure=not error.answered)


def wait_for(target: str) -> Again:
    """When it answers again: the relay asks it every second, and wakes us.

    If every message for it tried by itself, those for other targets would stand in line behind two seconds of each.
    """
    return Again(why=AWAY, delay=UNREACHABLE_DELAY, unreachable=target, was_asked=False)


def look_again(waited: timedelta) -> timedelta:
    """When to look next at a target that has taken our word and is still carrying it out: soon at first."""
    return next(delay for until, delay in _LOOKS if waited < until)


def backoff(failures: int) -> timedelta:
    """Doubling from a quarter of a second, never more than half a minute."""
    return min(FIRST_DELAY * (1 << min(failures, MOST_DOUBLINGS)), LONGEST_DELAY)
