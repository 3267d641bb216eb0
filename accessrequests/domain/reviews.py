"""After a break-glass: until when somebody else looks at it, what they can find, and when a second person is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from accessrequests.domain.window import spell_duration

REASON_MINIMUM = 20
CAP = timedelta(hours=4)
OVER_A_WEEKEND = timedelta(hours=48)  # a day becomes three
FRIDAY = 4
# Breaking the glass again on the same target so soon after is a renewal, whatever it is called.
RENEWAL = CAP
EVERY_DAY = timedelta(days=1)


class Finding(StrEnum):
    """What a review found."""

    REAL = "real"
    DRILL = "drill"
    MISUSE = "misuse"


@dataclass(frozen=True, slots=True)
class Earlier:
    """What there was before: uses of this person and on this target within the time that the policy counts.

    `last_end` is when the person's last one on this target ended, or will; None when there was none.
    """

    of_person: int
    on_target: int
    last_end: datetime | None


def review_due_at(began_at: datetime, within: timedelta) -> datetime:
    """`within` after it began; two days more where that begins or would be due on a Saturday or Sunday, in UTC."""
    due = began_at + within
    is_weekend = any(moment.astimezone(UTC).weekday() > FRIDAY for moment in (began_at, due))
    return due + OVER_A_WEEKEND if is_weekend else due


def why_second_person(
    earlier: Earlier, *, person: int, person_within: timedelta, target: int, target_within: timedelta, at: datetime
) -> str:
    """Why a second person has to agree this time; empty when nobody has to."""
    if earlier.last_end is not None and earlier.last_end + RENEWAL > at:
        return "You had this already: a second hour needs a second person."
    if earlier.of_person >= person:
        return f"You broke the glass {_times(earlier.of_person)} within {spell_duration(person_within)}."
    if earlier.on_target >= target:
        return f"The glass was broken here {_times(earlier.on_target)} within {spell_duration(target_within)}."
    return ""


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
