"""Guards the page on which one chooses how one is told: it shows what is on, and keeps what must reach one."""

from __future__ import annotations

from accessrequests.models import Person
from tests.make import Cast
from tests.web.browser import signed_in, text_of

PAGE = "/account/channels/"


def test_keeps_what_is_ticked(cast: Cast) -> None:
    browser = signed_in(cast.alice)
    assert text_of(browser.get(PAGE)).count("checked") == 6
    answer = browser.press(PAGE, told=["answers/mail", "alarms/slack"])
    assert (answer.status_code, answer["Location"]) == (303, PAGE)
    assert Person.objects.get(username="alice").not_told_by == ["answers/slack", "own/mail", "own/slack"]
    assert text_of(browser.get(PAGE)).count("checked") == 3


def test_says_what_has_to_reach_one(cast: Cast) -> None:
    answer = signed_in(cast.alice).press(PAGE, told=["own/mail"])
    assert answer.status_code == 422
    assert "“What waits for my answer” has to reach you in one way at least." in text_of(answer)
    assert Person.objects.get(username="alice").not_told_by == []
