"""Guards what comes after a break-glass: until when it is reviewed, weekends counted, and when a second person is needed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accessrequests.domain.reviews import Earlier, review_due_at, why_second_person

DAY = timedelta(hours=24)
FRIDAY = datetime(2026, 11, 20, 15, tzinfo=UTC)
NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
COOLDOWN = {"person": 2, "person_within": timedelta(days=7), "target": 5, "target_within": timedelta(days=1)}


@pytest.mark.parametrize(
    ("began_at", "hours"),
    [
        (FRIDAY - timedelta(days=1), 24),  # Thursday to Friday
        (FRIDAY, 72),  # would be due on Saturday
        (FRIDAY + timedelta(days=1), 72),
        (FRIDAY + timedelta(days=2), 72),  # Sunday
        (FRIDAY + timedelta(days=3), 24),  # Monday
    ],
)
def test_a_review_is_due_after_a_day_or_three_over_a_weekend(began_at: datetime, hours: int) -> None:
    assert review_due_at(began_at, DAY) == began_at + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("of_person", "on_target", "ended_ago", "why"),
    [
        (0, 0, None, ""),
        (1, 4, None, ""),
        (1, 4, timedelta(hours=4), ""),
        (1, 1, timedelta(hours=4, seconds=-1), "a second hour"),
        (1, 1, timedelta(hours=-1), "a second hour"),
        (2, 0, None, "You broke the glass twice within 7 days."),
        (0, 5, None, "The glass was broken here 5 times within 1 day."),
    ],
)
def test_a_second_person_is_needed_again_and_often(
    of_person: int, on_target: int, ended_ago: timedelta | None, why: str
) -> None:
    earlier = Earlier(of_person, on_target, NOON - ended_ago if ended_ago is not None else None)

    said = why_second_person(earlier, **COOLDOWN, at=NOON)  # type: ignore[arg-type]

    assert why in said
    assert bool(said) == bool(why)
