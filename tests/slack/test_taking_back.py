"""Guards that whoever asked can take it back where they see it in Slack, nobody else, and that every copy follows."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk.models.blocks import Block as SlackBlock

from accessrequests.domain import slack_homes as drawing
from accessrequests.domain.block_kit import Block
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, AuditEvent, SlackHome, SlackMessage
from accessrequests.models.slack import SlackKind
from accessrequests.operations import access_requests, slack_homes
from accessrequests.operations.refusals import StaleRevision
from accessrequests.queries import slack
from accessrequests.queries import slack_homes as home_queries
from tests import make
from tests.make import Cast
from tests.slack.test_home import pressed as pressed_in_home
from tests.slack.workspace import account_of, command, copy_of, link, press, state_of, told

ONLY_FOR_ME = {"type": "message", "channel_id": "C0DATA", "message_ts": "1.2", "is_ephemeral": True}
ELSEWHERE = {"type": "message", "channel_id": "C0DATA", "message_ts": "1.2"}


def deeds(blocks: list[Block]) -> list[tuple[str, str]]:
    """The buttons that ask first, each with what it carries."""
    found: list[Block] = [one for block in blocks for one in (*block.get("elements", ()), block.get("accessory", {}))]
    return [(one["action_id"], one["value"]) for one in found if "confirm" in one]


@pytest.fixture
def own(cast: Cast) -> SlackMessage:
    """Alice's own card, in her conversation with the app."""
    link(cast.alice, cast.bob, cast.mallory)
    return copy_of(make.submit(cast.alice), channel=account_of(cast.alice), kind=SlackKind.OWN_CARD)


def facts_of(access_request: AccessRequest, **changes: Any) -> tuple[str, ...]:
    return slack.card_of(access_request.pk, revision=1, at=changes.pop("at", make.now()), **changes).buttons


class TestTheButton:
    def test_stands_on_the_requesters_own_card_alone_until_it_lapses(self, cast: Cast, own: SlackMessage) -> None:
        asked = own.access_request
        assert asked is not None
        assert facts_of(asked, kind=SlackKind.OWN_CARD, reader=cast.alice) == ("take_back",)
        assert facts_of(asked, kind=SlackKind.OWN_CARD, reader=cast.mallory) == ()
        assert facts_of(asked, kind=SlackKind.OWN_CARD, reader=None) == ()
        assert "take_back" not in facts_of(asked, kind=SlackKind.CARD, reader=None)
        late = asked.lapses_at + timedelta(seconds=1)
        assert facts_of(asked, kind=SlackKind.OWN_CARD, reader=cast.alice, at=late) == ()
        (ask,) = slack.own_asks(cast.alice, at=late, most=9)
        assert not ask.can_be_taken_back

    def test_takes_it_back_as_the_portal_does(self, cast: Cast, own: SlackMessage) -> None:
        press(own, cast.alice, "take_back")
        assert state_of(own) == "cancelled"
        event = AuditEvent.objects.get(event="access_request.cancelled")
        assert (event.actor, event.via) == ("alice", "slack")
        assert told() == [], "Her card says it."
        press(own, cast.alice, "take_back")
        assert AuditEvent.objects.filter(event="access_request.cancelled").count() == 1
        assert "Alice Archer (alice)" in told()[0]

    @pytest.mark.parametrize("name", ["bob", "mallory"])
    def test_is_not_for_others(self, cast: Cast, own: SlackMessage, name: str) -> None:
        press(own, getattr(cast, name), "take_back")
        assert state_of(own) == "pending"
        assert "Only the person who asked can cancel a request." in told()[0]

    def test_of_an_older_reading_takes_nothing_back(self, cast: Cast, own: SlackMessage) -> None:
        AccessRequest.objects.update(revision=2)
        press(own, cast.alice, "take_back")
        assert state_of(own) == "pending"
        (said,) = told()
        assert "Read revision 2" in said

    @pytest.mark.parametrize("container", [ELSEWHERE, ONLY_FOR_ME])
    def test_counts_in_a_message_of_ours_only(self, own: SlackMessage, cast: Cast, container: dict[str, Any]) -> None:
        press(own, cast.alice, "take_back", container=container)
        assert state_of(own) == "pending"
        (said,) = told()
        assert "no message of ours" in said


class TestWhatOneWaitsFor:
    def test_stands_in_the_answer_to_mine_with_its_page(self, cast: Cast, own: SlackMessage) -> None:
        make.active_grant(cast.alice, cast.bob, roles=("read@shop.customers",))
        answer = command(account_of(cast.alice), "mine").json()
        for block in answer["blocks"]:
            parsed = SlackBlock.parse(block)
            assert parsed is not None
            assert parsed.to_dict() == block
        assert f"/requests/{own.access_request_id}/|Request {own.access_request_id}>: " in json.dumps(answer)

    def test_stands_in_home_with_the_button(self, cast: Cast, own: SlackMessage) -> None:
        number = own.access_request_id or 0
        slack_homes.open_home(slack_user_id=account_of(cast.alice))
        pressed_in_home(account_of(cast.alice), "take_back", number)
        assert state_of(own) == "pending", "Her Home has not been drawn with it."
        drawn_homes(cast, shows=[number])
        pressed_in_home(account_of(cast.alice), "take_back", number)
        assert state_of(own) == "cancelled"


def drawn_homes(cast: Cast, *, shows: list[int]) -> None:
    facts = slack_home_facts(cast)
    assert facts == shows
    home = SlackHome.objects.get(slack_user_id=account_of(cast.alice))
    slack_homes.mark_published(home_id=home.pk, rendered_hash="h", view_hash="v", shows=facts, at=make.now())


def slack_home_facts(cast: Cast) -> list[int]:
    facts = home_queries.facts_of(cast.alice, at=make.now())
    view = drawing.home(facts, at=make.now())
    assert [action for action, _ in deeds(view["blocks"])] == ["take_back"]
    assert json.dumps(view).count("Take back") == 2
    return facts.numbers


def test_the_operation_takes_the_reading_that_was_seen_where_one_is_said(cast: Cast) -> None:
    asked = make.submit(cast.alice)
    with pytest.raises(StaleRevision):
        access_requests.cancel(access_request_id=asked.pk, requester=cast.alice, via=Via.SLACK, revision=2)
    taken = access_requests.cancel(access_request_id=asked.pk, requester=cast.alice, via=Via.WEB)
    assert taken.state == "cancelled"
