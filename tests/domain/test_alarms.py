"""Guards what people are told of a break-glass: who can do what about it, and nothing that would look like an approval."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from accessrequests.domain.alarms import Alarm, Hearer, alarm, drill_notice, self_test_notice
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import EndReason

AT = datetime(2026, 11, 22, 3, 14, tzinfo=UTC)
STORY = Alarm(
    person="Frank Fischer",
    deed="change shop on shop-prod",
    base_url="https://access.example.com",
    number=7,
    reason="Checkout is down.\nLocks.",
    incident="INC-884",
    is_drill=False,
    reviewers=["security"],
    expires_at=AT,
    due_at=AT,
)


def told(event: Event, hearer: Hearer, story: Alarm = STORY) -> str:
    notice = alarm(event, hearer=hearer, story=story)
    return "" if notice is None else f"{notice.subject}\n{notice.body}"


def test_everybody_told_learns_that_they_can_end_it_and_who_reviews_it() -> None:
    said = told(Event.BREAKGLASS_ACTIVATED, Hearer.TOLD)

    assert said.startswith("BREAK-GLASS: Frank Fischer broke the glass to change shop on shop-prod")
    for part in (
        "one press",
        "until 22 Nov 2026 03:14 UTC at the latest",
        "of security other than Frank Fischer reviews it",
        "/break-glass/7/",
    ):
        assert part in said
    assert "> INC-884: Checkout is down.\n> Locks." in said
    assert told(Event.BREAKGLASS_ACTIVATED, Hearer.HOLDER) == ""


def test_a_drill_says_so() -> None:
    assert "Break-glass drill: " in told(Event.BREAKGLASS_ACTIVATED, Hearer.TOLD, replace(STORY, is_drill=True))


def test_only_what_waits_for_a_second_person_asks_for_one() -> None:
    waits = replace(STORY, waits="You broke the glass twice within 7 days.", expires_at=None, due_at=None)

    assert told(Event.BREAKGLASS_REQUESTED, Hearer.TOLD) == ""
    said = told(Event.BREAKGLASS_REQUESTED, Hearer.TOLD, waits)
    assert "waits for a second person. You broke the glass twice" in said
    assert "/approvals/7/" in said


@pytest.mark.parametrize(
    ("event", "changes", "part"),
    [
        (Event.BREAKGLASS_ENDED, {"end_reason": EndReason.REVOKED, "ended_by": "carol"}, "carol revoked it"),
        (Event.BREAKGLASS_ENDED, {"was_open": False, "end_reason": EndReason.DRIFT}, "No access was created"),
        (
            Event.BREAKGLASS_REVIEWED,
            {"finding": "misuse", "reviewed_by": "Carol Castillo", "review_note": "Nothing was on fire."},
            "Carol Castillo reviewed it and found misuse: Nothing was on fire.",
        ),
        (Event.BREAKGLASS_REVIEWED, {"finding": "", "reviewed_by": "Carol"}, "found something"),
        (Event.BREAKGLASS_REVIEW_OVERDUE, {}, "cannot break the glass"),
        (Event.BREAKGLASS_REVIEW_OVERDUE, {"due_at": None}, "before now"),
    ],
)
def test_both_are_told_of_its_end_and_of_its_review(event: Event, changes: dict[str, object], part: str) -> None:
    for hearer in Hearer:
        assert part in told(event, hearer, replace(STORY, **changes))  # type: ignore[arg-type]


def test_administrators_are_told_what_would_not_work_and_what_was_never_tried() -> None:
    drill = drill_notice(target="shop-prod", url="https://access.example.com/break-glass/?target=shop-prod")
    red = self_test_notice(red=["mail", "the way to shop-prod"], url="https://access.example.com/health/")

    assert "shop-prod within 90 days" in drill.subject
    assert red.subject == "Break-glass would not work as it should: mail, the way to shop-prod"
    assert red.is_loud


def test_nobody_is_mailed_that_it_is_used() -> None:
    assert [told(Event.BREAKGLASS_USED, hearer) for hearer in Hearer] == ["", ""]
