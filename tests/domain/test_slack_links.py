"""Guards what one is told when an account of Slack acts in one's name, or no longer does, and whose account may."""

from __future__ import annotations

import pytest

from accessrequests.domain.events import Event
from accessrequests.domain.slack_links import is_member, notice_of_link

URL = "https://access.example/account/"


def test_of_a_new_link_says_what_it_can_do_and_what_to_do_about_it() -> None:
    told = notice_of_link(Event.PERSON_SLACK_LINKED, account="ann\nBcc: all", actor="alice", url=URL)

    assert told.subject == told.title == "The Slack account ann Bcc: all acts as you now"
    assert "in your name" in told.sentence
    assert "unlink it now" in told.sentence
    assert URL in told.body


def test_of_one_that_was_unlinked_says_who_did_it() -> None:
    told = notice_of_link(Event.PERSON_SLACK_UNLINKED, account="ann", actor="erin", url=URL)

    assert told.title == "The Slack account ann no longer acts as you"
    assert told.sentence.startswith("erin unlinked it. What was done with it before stands.")


@pytest.mark.parametrize("flag", ["deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"])
def test_a_guest_or_a_program_is_no_member(flag: str) -> None:
    assert is_member({"id": "U1", flag: False})
    assert not is_member({"id": "U1", flag: True})
