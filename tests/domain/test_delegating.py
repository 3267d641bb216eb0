"""Guards how long a voice is lent at most, and what the two are told of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from accessrequests.domain.delegating import notice_to_giver, notice_to_stand_in, wrong_with
from accessrequests.domain.events import Event

AT = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)
TIMES = {"starts_at": AT, "ends_at": AT + 14 * DAY}


@pytest.mark.parametrize(
    ("starts", "ends", "fields"),
    [
        (0, 90, []),
        (90, 180, []),
        (-1, 1, ["starts_at"]),
        (91, 92, ["starts_at"]),
        (1, 1, ["ends_at"]),
        (2, 1, ["ends_at"]),
        (0, 91, ["ends_at"]),
        (-2, -3, ["starts_at", "ends_at"]),
    ],
)
def test_a_voice_is_lent_for_ninety_days_at_most(starts: int, ends: int, fields: list[str]) -> None:
    assert list(wrong_with(starts_at=AT + starts * DAY, ends_at=AT + ends * DAY, at=AT)) == fields


def test_both_are_told_when_it_begins_and_ends() -> None:
    made, ended = Event.DELEGATION_MADE, Event.DELEGATION_ENDED
    to_stand_in = [notice_to_stand_in(event, giver="Grace", url="https://x/", **TIMES) for event in (made, ended)]
    to_giver = [
        notice_to_giver(event, stand_in="Bob", why="they left", url="https://x/", **TIMES) for event in (made, ended)
    ]

    assert [one.title for one in to_stand_in] == [
        "Grace lets you answer in their place",
        "You no longer answer in the place of Grace",
    ]
    assert [one.title for one in to_giver] == [
        "Bob answers requests in your place",
        "Bob no longer answers requests in your place",
    ]
    assert "From 1 Mar 2026 09:00 UTC until 15 Mar 2026 09:00 UTC" in to_stand_in[0].sentence
    assert "If it was not you" in to_giver[0].sentence
    assert "they left" in to_giver[1].sentence


def test_no_name_breaks_a_line_of_a_notice() -> None:
    notice = notice_to_stand_in(Event.DELEGATION_MADE, giver="Grace\nBcc: all", url="https://x/", **TIMES)
    assert "\n" not in notice.subject
