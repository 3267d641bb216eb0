"""Guards how far an end may move in all, from when on it is too late, and when its holder is warned."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accessrequests.domain import extending, policy
from accessrequests.domain.policy import Ask, Level, Verdict
from tests import make

START = datetime(2030, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def verdict() -> Verdict:
    """Eight hours at the most, and as much in all."""
    rules = policy.parse({"name": "shop", "rules": [make.rule("read")]})
    groups = frozenset({"engineering"})
    ask = Ask("shop-prod", "production", Level.READ, groups, HOUR, None)
    return policy.evaluate(rules, ask, version=1)


@pytest.mark.parametrize(
    ("held", "more", "is_allowed"),
    [(2, 6, True), (2, 6.001, False), (7.75, 0.25, True), (8, 0.001, False), (9, 1, False)],
)
def test_the_total_counts_from_the_start_to_the_final_end(
    verdict: Verdict, held: float, more: float, is_allowed: bool
) -> None:
    judged = extending.capped(verdict, starts_at=START, expires_at=START + held * HOUR, length=more * HOUR)

    assert judged.allowed is is_allowed
    if not is_allowed:
        (refusal,) = judged.refusals
        assert refusal.rule == extending.NO_MORE_TIME
        assert "may last 8 hours, however often it is extended." in refusal.sentence


def test_the_refusal_says_how_much_can_be_added(verdict: Verdict) -> None:
    for held, sentence in ((6, "At most 2 hours can be added."), (8, "Nothing can be added.")):
        judged = extending.capped(verdict, starts_at=START, expires_at=START + held * HOUR, length=3 * HOUR)
        assert judged.refusals[0].sentence.endswith(sentence)


@pytest.mark.parametrize(("held", "longest"), [(1, 7), (8, 0), (9, 0)])
def test_offers_what_is_left_of_the_total(verdict: Verdict, held: int, longest: int) -> None:
    assert extending.longest(verdict, starts_at=START, expires_at=START + held * HOUR) == longest * HOUR


@pytest.mark.parametrize(("seconds", "too_late"), [(61, False), (60, False), (59, True), (0, True), (-5, True)])
def test_under_a_minute_is_too_late(seconds: int, too_late: bool) -> None:
    assert extending.is_too_late(expires_at=START + timedelta(seconds=seconds), at=START) is too_late


@pytest.mark.parametrize(("minutes", "before"), [(480, 15), (31, 15), (30, 15), (20, 10), (10, 5)])
def test_warns_a_quarter_of_an_hour_before_the_end_and_half_way_where_it_is_shorter(minutes: int, before: int) -> None:
    end = START + timedelta(minutes=minutes)

    assert extending.warned_from(starts_at=START, expires_at=end) == end - timedelta(minutes=before)


def test_says_nothing_of_what_is_over_at_once() -> None:
    assert extending.warned_from(starts_at=START, expires_at=START + timedelta(seconds=599)) is None
