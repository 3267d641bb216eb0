"""Guards what is written in the thread of a card: a comment by whom the account is linked to, once, and no echo."""

from __future__ import annotations

from typing import Any

import pytest

from accessrequests.models import AuditEvent, SlackMessage
from tests import make
from tests.make import Cast
from tests.slack.test_sending import carry
from tests.slack.workspace import APP, TEAM, WebApi, account_of, copy_of, link, send_event

COMMENTED = "access_request.commented"


def write(card: SlackMessage, account: str, text: str, *, event_id: str = "", **changes: Any) -> None:
    answer = send_event(
        {
            "type": "event_callback",
            "api_app_id": APP,
            "team_id": TEAM,
            "event_id": event_id or f"Ev{account}{text}",
            "event": {
                "type": "message",
                "channel": card.posted_in,
                "user": account,
                "user_team": TEAM,
                "text": text,
                "ts": "1700000999.000001",
                "thread_ts": card.ts,
                **changes,
            },
        }
    )
    assert answer.status_code == 200


def comments() -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.filter(event=COMMENTED).order_by("sequence")
    return [(one.actor, one.via, str(one.facts["text"])) for one in found]


def told() -> list[str]:
    return [str((one.content or {})["text"]) for one in SlackMessage.objects.filter(kind="whisper").order_by("pk")]


@pytest.fixture
def card(cast: Cast) -> SlackMessage:
    link(cast.alice, cast.bob, cast.mallory)
    return copy_of(make.submit(cast.alice))


def test_is_a_comment_by_its_person_once(cast: Cast, card: SlackMessage) -> None:
    for at in (1, 2):
        text = "<@U0ALICE>: would &lt;staging&gt; do?"
        write(card, account_of(cast.bob), text, event_id="Ev1", event_ts=f"1700000999.00000{at}")
    write(card, account_of(cast.alice), "No.", subtype="thread_broadcast")
    assert comments() == [("bob", "slack", "@alice: would <staging> do?"), ("alice", "slack", "No.")]
    assert told() == []


@pytest.mark.parametrize(
    "changes",
    [
        {"bot_id": "B0PRODUCT"},
        {"user": ""},
        {"subtype": "message_changed"},
        {"thread_ts": ""},
        {"thread_ts": "1700000999.000001"},
        {"thread_ts": "1600000000.000001"},
        {"channel": "C0OTHER"},
    ],
)
def test_what_is_no_reply_of_a_person_to_a_card_is_nothing(
    cast: Cast, card: SlackMessage, changes: dict[str, str]
) -> None:
    write(card, account_of(cast.bob), "Hello", **changes)
    assert (comments(), told()) == ([], [])


def test_of_others_is_not_taken_and_they_alone_are_told(cast: Cast, card: SlackMessage) -> None:
    write(card, account_of(cast.mallory), "Let me in")
    write(card, "U0NOBODY", "Let me in")
    write(card, account_of(cast.bob), "Let me in", user_team="T0OTHER")
    write(card, account_of(cast.bob), "x" * 2_001)
    assert comments() == []
    sentences = told()
    assert ["not yours to see" in sentences[0], "linked to nobody" in sentences[1]] == [True, True]
    assert ["another workspace" in sentences[2], "within 2000" in sentences[3]] == [True, True]
    assert set(SlackMessage.objects.filter(kind="whisper").values_list("thread", flat=True)) == {card.pk}
    for number in range(4):
        write(card, account_of(cast.mallory), f"Let me in, {number}")
    assert len(told()) == len(sentences) + 2, "Three times a minute is enough."


def test_stands_in_the_other_threads_and_not_again_in_its_own(committed_cast: Cast, web_api: WebApi) -> None:
    link(committed_cast.bob)
    access_request = make.submit(committed_cast.alice)
    carry()
    here = SlackMessage.objects.get(kind="card")
    there = copy_of(access_request, channel="C0REST")
    web_api.calls.clear()
    write(here, account_of(committed_cast.bob), "Would staging do?")
    write(here, "U0NOBODY", "Me too")
    carry()
    said = [(call["channel"], call.get("thread_ts"), call["text"]) for call in web_api.of("chat.postMessage")]
    assert said == [("C0REST", there.ts, "Bob Brandt wrote: “Would staging do?”.")]
    (alone,) = web_api.of("chat.postEphemeral")
    assert (alone["channel"], alone["thread_ts"]) == ("C0DATA", here.ts)
