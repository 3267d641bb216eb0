"""Guards what is told of reviews of access, and when those who have not answered are told again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accessrequests.domain.access_reviews import (
    ReviewAnswer,
    asked_notice,
    first_reminder,
    next_reminder,
    ready_notice,
    task_notice,
    why_it_ends,
)
from accessrequests.domain.events import Event
from accessrequests.domain.sentences import timeline

START = datetime(2030, 1, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
URL = "https://access.example.com/access-reviews/7/"


def test_reminders_come_before_the_end_at_it_and_every_day_after() -> None:
    assert first_reminder(START, START + 14 * DAY) == START + 11 * DAY
    assert first_reminder(START, START + 2 * DAY) == START + DAY
    assert next_reminder(START + 11 * DAY, START + 14 * DAY) == START + 14 * DAY
    assert next_reminder(START + 14 * DAY, START + 14 * DAY) == START + 15 * DAY


def test_a_holder_is_told_why_and_what_to_do() -> None:
    ends = why_it_ends("Autumn", ReviewAnswer.END, "The project is over.")
    assert ends == "Access review Autumn: The project is over."
    less = why_it_ends("Autumn", ReviewAnswer.REDUCE, "Reading is enough")
    assert less == "Access review Autumn: Reading is enough. If you still need some of it, ask for less."


@pytest.mark.parametrize(
    ("event", "waiting", "after", "subject"),
    [
        (Event.ACCESS_REVIEW_STARTED, 1, 0, "To review: 1 access waits for you in the access review Autumn"),
        (Event.ACCESS_REVIEW_REMINDED, 2, 11, "Still to review: 2 accesses wait for you in the access review Autumn"),
        (Event.ACCESS_REVIEW_REMINDED, 2, 15, "Overdue: 2 accesses wait for you in the access review Autumn"),
    ],
)
def test_reviewers_are_told_how_much_and_until_when(event: Event, waiting: int, after: int, subject: str) -> None:
    due_at = START + 14 * DAY
    told = asked_notice(event, campaign="Autumn", waiting=waiting, due_at=due_at, at=START + after * DAY, url=URL)
    assert told.subject == subject
    assert f"{'was' if after > 14 else 'is'} due at 15 Jan 2030 09:00 UTC" in told.sentence
    assert URL in told.body


def test_administrators_are_told_that_nothing_is_open() -> None:
    assert ready_notice(campaign="Autumn", url=URL).subject == "The access review Autumn waits to be signed off"


def test_owners_are_asked_to_do_what_we_never_do() -> None:
    one = task_notice(
        target="shop-prod",
        answer=ReviewAnswer.END,
        names=["errands@admin\n"],
        reason="Nobody knows it.",
        reviewer="bob",
        campaign="Autumn",
        url=URL,
    )
    assert one.subject == "Task of an access review: End 1 login on shop-prod"
    assert "errands@admin should be removed" in one.sentence
    kit = task_notice(
        target="shop-prod",
        answer=ReviewAnswer.END,
        names=["ar-kit-shop-prod"],
        reason="Nobody knows it.",
        reviewer="bob",
        campaign="Autumn",
        url=URL,
        is_kit=True,
    )
    assert "please have that done with manage.py break_glass_kit." in kit.sentence
    many = task_notice(
        target="shop-prod",
        answer=ReviewAnswer.REDUCE,
        names=[f"login-{number}@admin" for number in range(25)],
        reason="Reading is enough.",
        reviewer="bob",
        campaign="Autumn",
        url=URL,
    )
    assert many.title == "Reduce 25 logins on shop-prod"
    assert "login-19@admin and 5 more should get fewer roles" in many.sentence
    assert "login-20@admin" not in many.body


@pytest.mark.parametrize(
    ("event", "facts", "sentence"),
    [
        (
            Event.ACCESS_REVIEW_STARTED,
            {"name": "Autumn", "items": 3},
            "bob started an access review called Autumn, of 3 accesses.",
        ),
        (
            Event.ACCESS_REVIEW_ANSWERED,
            {"access": "Alice (Read shop)", "answer": "end", "comment": "Over."},
            "bob reviewed Alice (Read shop), and it is to end: Over.",
        ),
        (
            Event.ACCESS_REVIEW_HANDED_OVER,
            {"targets": ["shop-prod"]},
            "What is not ours was handed to those who own shop-prod: to be seen to by them.",
        ),
        (
            Event.ACCESS_REVIEW_REMINDED,
            {"open": 2},
            "Those who still have something to review were reminded: 2 without an answer.",
        ),
        (
            Event.ACCESS_REVIEW_SIGNED_OFF,
            {"keep": 2, "end": 0, "over": 1},
            "bob signed the access review off (2 kept, 1 over before an answer).",
        ),
        (Event.ACCESS_REVIEW_ANSWERED, {}, "bob reviewed an access, and it is answered."),
    ],
)
def test_the_trail_says_it_in_sentences(event: Event, facts: dict[str, object], sentence: str) -> None:
    assert timeline(event, actor="bob", facts=facts) == sentence
