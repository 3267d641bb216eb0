"""Guards by which channels a person is told: as they chose, and of what waits for them or is wrong in one way at least."""

from __future__ import annotations

import pytest

from accessrequests.domain.channels import EVERYTHING, NEWS, Channel, News, channels_for, is_on, why_not

MAIL, SLACK = Channel.MAIL, Channel.SLACK


@pytest.mark.parametrize(
    ("news", "off", "is_in_slack", "told"),
    [
        (News.OWN, (), True, {MAIL, SLACK}),
        (News.OWN, (), False, {MAIL}),
        (News.OWN, ("own/mail",), True, {SLACK}),
        (News.OWN, ("own/mail",), False, {MAIL}),
        (News.OWN, ("own/slack",), True, {MAIL}),
        (News.OWN, ("own/mail", "own/slack"), True, set()),
        (News.OWN, ("own/mail", "own/slack"), False, set()),
        (News.ALARMS, ("alarms/mail",), True, {MAIL, SLACK}),
        (News.ALARMS, ("alarms/slack",), True, {MAIL}),
        (News.ALARMS, ("alarms/mail",), False, {MAIL}),
        (News.ALARMS, tuple(EVERYTHING), True, {MAIL}),
        (News.ANSWERS, ("own/mail", "answers/slack"), True, {MAIL}),
    ],
)
def test_are_those_that_were_chosen_and_reach_them(
    news: News, off: tuple[str, ...], is_in_slack: bool, told: set[Channel]
) -> None:
    assert channels_for(news, off=off, is_in_slack=is_in_slack) == told


def test_nobody_can_be_left_without_what_waits_for_them_or_is_wrong() -> None:
    assert set(why_not(EVERYTHING)) == {"answers"}
    assert why_not(EVERYTHING - {"answers/mail"}) == {}


def test_everything_has_its_words_and_is_on() -> None:
    assert set(NEWS) == set(News)
    assert all(is_on(news, channel, off=()) for news in News for channel in Channel)
