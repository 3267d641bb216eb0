"""Guards what is told of an offline kit, and that each login with it is told of once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accessrequests.domain.events import ALARMS, FOLLOW_UPS, Event, Job
from accessrequests.domain.offline_kits import TOLD, KitLogin, KitStory, in_words, notice, unseen, username_for

AT = datetime(2026, 11, 22, 3, 12, tzinfo=UTC)
STORY = KitStory("shop-prod", "ar-kit-shop-prod", ("frank", "erin"), "https://access.example.com", what="at night")


def test_every_login_is_told_of_once_the_first_first() -> None:
    later = KitLogin("b", AT + timedelta(minutes=1), "10.0.0.8")
    known, new = KitLogin("a", AT, "10.0.0.7"), KitLogin("c", AT, "10.0.0.7")

    assert unseen({"a"}, [later, known, new, later]) == [new, later]
    assert in_words([later, new]) == "at 22 Nov 2026 03:12 UTC, from 10.0.0.7, 10.0.0.8"


def test_its_user_is_named_like_that_of_no_grant() -> None:
    assert username_for("shop-prod") == "ar-kit-shop-prod"


def test_a_use_is_an_alarm_and_has_the_password_changed() -> None:
    assert Event.BREAKGLASS_KIT_USED in ALARMS
    assert FOLLOW_UPS[Event.BREAKGLASS_KIT_USED] == (Job.ROTATE_KIT, Job.NOTIFY)


@pytest.mark.parametrize("event", sorted(TOLD))
def test_every_notice_says_which_kit_and_leads_to_it(event: Event) -> None:
    told = notice(event, STORY)

    assert "kit of shop-prod" in told.subject
    assert told.url == "https://access.example.com/break-glass/kits/"
    assert told.is_loud == (event.value.rpartition(".")[2] in {"kit_used", "kit_damaged", "kit_review_overdue"})
    assert Job.NOTIFY in FOLLOW_UPS[event]


def test_the_alarm_leads_to_the_use() -> None:
    story = KitStory("shop-prod", "ar-kit-shop-prod", ("frank", "erin"), "https://access.example.com", use_id=7)

    assert notice(Event.BREAKGLASS_KIT_USED, story).url == "https://access.example.com/break-glass/kits/uses/7/"
