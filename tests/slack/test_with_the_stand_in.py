"""Guards that what we send and what we understand is Slack's, by somebody else's Slack: it checks each block, signature and id."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from pytest_django import Settings

from accessrequests.models import AccessRequest, OutboxMessage, SlackMessage
from accessrequests.operations import slack_identities
from accessrequests.operations.slack_identities import Account
from sandbox.workplace import OUTSIDER
from tests import make
from tests.make import Cast
from tests.sandbox.slack.serving import Slack, slack_running
from tests.slack.test_sending import carry, deny


@pytest.fixture
def stand_in(settings: Settings, slack_is_on: None) -> Iterator[Slack]:
    """Its deliveries reach the portal of this process."""
    with slack_running() as slack:
        settings.ACCESS_SLACK_SIGNING_SECRETS = [slack.keys.signing_secret]
        settings.ACCESS_SLACK_BOT_TOKEN = slack.keys.bot_token
        settings.ACCESS_SLACK_APP_ID = slack.keys.app_id
        settings.ACCESS_SLACK_TEAM_ID = slack.keys.team_id
        settings.ACCESS_SLACK_CHANNELS = {"*": slack.keys.channels["data-access"]}
        settings.ACCESS_SLACK_API_URL = f"{slack.server.origin}/api/"
        slack.set(rate_limits=False)

        def deliver(_payload: Any) -> Any:
            arrived = slack.app.arrivals[-1]
            try:
                answer = Client().post(
                    "/slack/events",
                    data=arrived.body,
                    content_type=arrived.headers["content-type"],
                    headers={name: arrived.headers[name] for name in arrived.headers if name.startswith("x-slack")},
                )
                if answer.status_code != 200:
                    return answer.status_code
                return answer.json() if answer.content else None
            finally:
                connections.close_all()

        slack.app.answer = deliver
        yield slack


def link(slack: Slack, cast: Cast, *names: str) -> None:
    for name in names:
        account = Account("", slack.keys.team_id, slack.keys.users[name], name)
        slack_identities.link(person=getattr(cast, name), address=slack_identities.address_for(account=account))


def channel(slack: Slack, name: str) -> str:
    return f"/as/{name}/c/{slack.keys.channels['data-access']}"


def words(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def approve(slack: Slack, name: str) -> None:
    """Press, and say yes to being asked again."""
    slack.press(name, channel(slack, name), "Approve")
    slack.do(name, "confirm", do="yes")


def test_is_approved_by_a_press_and_every_copy_says_so(committed_cast: Cast, stand_in: Slack) -> None:
    link(stand_in, committed_cast, "alice", "bob", "mallory")
    access_request = make.submit(committed_cast.alice, reason="Off by <!channel> *twelve* & more orders")
    carry()
    seen = stand_in.see(channel(stand_in, "bob"))
    assert "Off by &lt;!channel&gt;" in seen

    for name in ("mallory", "alice", OUTSIDER):
        approve(stand_in, name)
    access_request.refresh_from_db()
    assert access_request.state == "pending"
    carry()
    whispered = [one["args"]["user"] for one in stand_in.calls("chat.postEphemeral") if one["answer"]["ok"]]
    assert sorted(whispered) == sorted(stand_in.keys.users[name] for name in ("mallory", "alice", OUTSIDER))

    approve(stand_in, "bob")
    access_request.refresh_from_db()
    assert (access_request.state, access_request.decided_by) == ("approved", "bob")
    carry()
    after = stand_in.see(channel(stand_in, "bob"))
    assert "Approved by Bob Brandt" in words(after)
    assert ">Deny…</button>" not in after
    assert not OutboxMessage.objects.filter(job="send_to_slack", done_at=None).exists()
    assert set(SlackMessage.objects.values_list("state", flat=True)) == {"posted"}
    sent = [one for one in stand_in.control("GET", "/record").json()["calls"] if not one["answer"].get("ok")]
    assert sent == []


def test_a_card_whose_answer_got_lost_stands_there_once(committed_cast: Cast, stand_in: Slack) -> None:
    link(stand_in, committed_cast, "bob")
    access_request = make.submit(committed_cast.alice)
    stand_in.order("drop_after_commit", method="chat.postMessage")
    carry()
    assert SlackMessage.objects.get().state == "wanted"
    deny(access_request, committed_cast.bob)
    stand_in.order("drop_after_commit", method="chat.postMessage")
    for _ in range(2):
        OutboxMessage.objects.filter(done_at=None).update(failures=0)
        carry()
    there = stand_in.server.workspace.messages[stand_in.keys.channels["data-access"]]
    assert [bool(message.thread_ts) for message in there] == [False, True]
    assert set(SlackMessage.objects.values_list("state", flat=True)) == {"posted"}
    assert "Use the replica." in words(stand_in.see(channel(stand_in, "bob")))
    assert ">Approve</button>" not in stand_in.see(channel(stand_in, "bob"))


def test_is_asked_for_and_denied_there(committed_cast: Cast, stand_in: Slack) -> None:
    link(stand_in, committed_cast, "alice", "bob")
    stand_in.do("alice", "say", channel=stand_in.keys.channels["data-access"], text="/access")
    assert [one["answer"]["ok"] for one in stand_in.calls("views.open")] == [True]

    access_request = make.submit(committed_cast.alice)
    carry()
    stand_in.press("bob", channel(stand_in, "bob"), "Deny…")
    assert [one["answer"]["ok"] for one in stand_in.calls("views.open")] == [True, True]
    assert AccessRequest.objects.get(pk=access_request.pk).state == "pending"
    stand_in.press("bob", channel(stand_in, "bob"), "Deny", **{"v:reason/reason": "Use the replica."})
    access_request.refresh_from_db()
    assert (access_request.state, access_request.decided_by) == ("denied", "bob")
