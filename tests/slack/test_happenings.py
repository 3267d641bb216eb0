"""Guards what Slack tells by itself: heard once, and nothing goes where it no longer may."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pytest_django import Settings

from accessrequests.domain.events import Job
from accessrequests.domain.slack_places import ChannelState
from accessrequests.models import AuditEvent, OutboxMessage, SlackArrival, SlackChannel, SlackMessage, SlackWorkspace
from accessrequests.operations import outbox, slack_places
from accessrequests.operations.slack_arrivals import SOMEBODY
from accessrequests.queries import slack, slack_setup
from accessrequests.queries import slack_places as places
from tests import make
from tests.make import Cast
from tests.slack.test_sending import carry, deny, labels
from tests.slack.workspace import TEAM, WebApi, account_of, event, link, pressed, send_event, send_payload, told
from tests.web.browser import signed_in, text_of
from workers import handlers


@pytest.fixture
def cast(committed_cast: Cast) -> Cast:
    """Workers close connections, so that nothing may be left uncommitted."""
    return committed_cast


def tell(kind: str, **fields: Any) -> None:
    answer = send_event(event(kind, **fields))
    assert (answer.status_code, answer.content) == (200, b"")


def trail() -> list[tuple[str, str, str]]:
    found = AuditEvent.objects.filter(event__startswith="slack.").order_by("sequence")
    return list(found.values_list("event", "subject", "via"))


def titles() -> list[str]:
    return [one.title for one in places.troubles(make.now())]


def watch(name: str) -> None:
    """What the relay files by the clock."""
    outbox.file_periodic(job=Job.WATCH_SLACK, subject=f"slack/{name}")
    handlers.carry(message_id=OutboxMessage.objects.get(job="watch_slack", done_at=None).pk, owner="test")
    assert not OutboxMessage.objects.filter(job="watch_slack", done_at=None).exists()


class TestTheApp:
    def test_that_is_gone_is_sent_nothing_until_slack_takes_its_token_again(self, cast: Cast, web_api: WebApi) -> None:
        gone = event("app_uninstalled", event_id="Ev0GONE")
        assert send_event(gone).status_code == 200
        assert trail() == [("slack.stopped", f"slack/{TEAM}", "slack")]
        make.submit(cast.alice)
        handlers.carry(message_id=OutboxMessage.objects.get(job="show_in_slack").pk, owner="test")
        send = OutboxMessage.objects.get(job="send_to_slack")
        handlers.carry(message_id=send.pk, owner="test")
        send.refresh_from_db()
        assert (send.done_at, send.failures, web_api.calls) == (None, 0, [])
        assert "Slack is stopped" in text_of(signed_in(cast.erin).get("/health/"))

        watch(TEAM)
        assert trail()[1:] == [("slack.resumed", f"slack/{TEAM}", "worker")]
        assert titles() == []
        carry()
        assert SlackMessage.objects.get().state == "posted"

        # Told again, in a call that is signed anew: it is the same event.
        assert send_event(gone, at=int(make.now().timestamp()) - 60).status_code == 200
        assert SlackArrival.objects.count() == 1
        assert titles() == []

    def test_whose_token_is_refused_is_sent_nothing_either(self, cast: Cast, web_api: WebApi) -> None:
        for error in ("token_revoked", "account_inactive"):
            web_api.refuse(error)
            watch(TEAM)
        assert SlackWorkspace.objects.get().why == "Slack refuses the app's token (token_revoked)."
        assert [name for name, *_ in trail()] == ["slack.stopped"]
        web_api.refuse("", status=503)
        watch(TEAM)
        assert titles() == ["Slack is stopped"], "an outage tells nothing of the token"

    def test_has_one_token_that_matters(self, cast: Cast) -> None:
        tell("tokens_revoked", tokens={"oauth": ["U0ALICE"]})
        tell("no_such_event")
        assert trail() == []
        tell("tokens_revoked", tokens={"bot": ["U0APP"]})
        assert [name for name, *_ in trail()] == ["slack.stopped"]

    def test_that_went_after_a_look_began_is_gone(self, cast: Cast) -> None:
        before = make.now()
        tell("app_uninstalled")
        slack_places.resume(as_of=before, by=SOMEBODY)
        assert titles() == ["Slack is stopped"]


class TestAChannel:
    def test_that_others_join_is_emptied_and_left(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.bob)
        access_request, over = make.submit(cast.alice), make.submit(cast.alice, roles=("read@shop.customers",))
        deny(over, cast.bob)
        carry()
        card = SlackMessage.objects.get(access_request=access_request)
        web_api.calls.clear()
        for _ in range(2):
            tell("channel_shared", channel="C0DATA", connected_team_id="T0RIVAL")
        assert trail() == [("slack.channel_left", "slack/C0DATA", "slack")]

        send_payload(pressed(card, account_of(cast.bob), "approve"))
        access_request.refresh_from_db()
        assert access_request.state == "pending"
        assert "no message of ours" in told()[0]
        SlackMessage.objects.filter(kind="whisper").delete()
        OutboxMessage.objects.exclude(subject=str(card)).delete()
        carry()
        (emptied,) = web_api.of("chat.update")
        assert access_request.reason not in json.dumps(emptied)
        assert labels(emptied) == []
        assert set(SlackMessage.objects.values_list("state", flat=True)) == {"dead"}

        make.submit(cast.alice, roles=("read@shop.payments",))
        carry()
        assert web_api.of("chat.postMessage") == []
        assert titles() == ["Channel C0DATA (data-owners) is not used"]

        web_api.channel.clear()
        watch("C0DATA")
        assert titles() == []
        assert trail()[1:] == [("slack.channel_used", "slack/C0DATA", "worker")]

    def test_that_is_shared_or_not_ours_is_found_out_by_looking(self, cast: Cast, web_api: WebApi) -> None:
        web_api.channel["is_pending_ext_shared"] = True
        watch("C0DATA")
        web_api.channel.clear()
        web_api.channel["is_member"] = False
        watch("C0REST")
        watch("C0REST")
        assert titles() == ["Channel C0DATA (data-owners) is not used", "Channel C0REST (*) is not used"]
        assert len(trail()) == 2
        assert "shared with another company" in text_of(signed_in(cast.erin).get("/health/"))
        assert SlackChannel.objects.get(channel="C0REST").state == "absent"

    def test_that_is_archived_is_left_as_it_stands(self, cast: Cast, web_api: WebApi) -> None:
        make.submit(cast.alice)
        carry()
        tell("channel_archive", channel="C0DATA", user="U0ALICE")
        tell("channel_archive", channel="C0OTHERS", user="U0ALICE")
        carry()
        assert web_api.of("chat.update") == []
        assert SlackMessage.objects.get().state == "dead"
        assert trail() == [("slack.channel_left", "slack/C0DATA", "slack")]

    def test_that_got_another_id_goes_on_there(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.bob)
        access_request = make.submit(cast.alice)
        carry()
        for _ in range(2):
            tell("channel_id_changed", old_channel_id="C0DATA", new_channel_id="C0NEW")
        tell("channel_id_changed", old_channel_id="C0OTHERS", new_channel_id="C0MORE")
        assert trail() == [("slack.channel_moved", "slack/C0DATA", "slack")]
        assert places.channels() == ["C0NEW", "C0REST"]
        card = SlackMessage.objects.get()
        send_payload(pressed(card, account_of(cast.bob), "approve"))
        access_request.refresh_from_db()
        assert access_request.state == "approved"
        make.submit(cast.alice, roles=("read@shop.customers",))
        carry()
        assert web_api.of("chat.update")[0]["channel"] == "C0NEW"
        assert [one["channel"] for one in web_api.of("chat.postMessage")][-1] == "C0NEW"
        assert titles() == ["Channel C0DATA (data-owners) has another id"]

    def test_is_followed_however_often_that_happens_and_so_is_the_one_of_emergencies(
        self, cast: Cast, settings: Settings, web_api: WebApi
    ) -> None:
        settings.ACCESS_SLACK_CHANNELS = {"break-glass": "C0LOUD", "data-owners": "C0DATA"}
        for old, new in (("C0LOUD", "C1LOUD"), ("C1LOUD", "C2LOUD"), ("C0DATA", "C1DATA"), ("C1DATA", "C0DATA")):
            tell("channel_id_changed", old_channel_id=old, new_channel_id=new)
        assert places.channels() == ["C2LOUD", "C0DATA"]
        assert slack.alarm_channels_of(["data-owners"]) == ["C2LOUD", "C0DATA"]
        assert titles() == ["Channel C0LOUD (break-glass) has another id"]
        slack_places.note_channel(channel="C2LOUD", state=ChannelState.SHARED, by=SOMEBODY)
        assert slack.alarm_channels_of(["data-owners"]) == ["C0DATA"]


def test_nothing_is_wrong_where_slack_is_off(cast: Cast, settings: Settings, web_api: WebApi) -> None:
    tell("app_uninstalled")
    settings.ACCESS_SLACK = False
    watch(TEAM)
    assert (titles(), web_api.calls) == ([], [])


def test_a_channel_is_known_by_the_name_that_it_had_when_it_was_last_looked_at(cast: Cast, web_api: WebApi) -> None:
    assert [one.called for one in slack_setup.channels(slack_setup.names())] == ["C0DATA", "C0REST"]
    web_api.channel["name"] = "data-access"
    watch("C0DATA")
    assert [one.called for one in slack_setup.channels(slack_setup.names())] == ["#data-access (C0DATA)", "C0REST"]
    web_api.channel["name"] = ""
    watch("C0DATA")
    slack_places.note_channel(channel="C0REST", state=ChannelState.SHARED, by=SOMEBODY)
    assert [one.called for one in slack_setup.channels(slack_setup.names())] == ["#data-access (C0DATA)", "C0REST"]
    web_api.channel["name"] = "renamed\u202e" + "x" * 90
    watch("C0DATA")
    assert SlackChannel.objects.get(channel="C0DATA").name == "renamed" + "x" * 72 + "…"
    slack_places.move_channel(channel="C0DATA", to="C0NEW", by=SOMEBODY)
    slack_places.note_channel(channel="C0NEW", state=ChannelState.OURS, name="moved", by=SOMEBODY)
    (route,) = {
        one.called
        for _, wanted in slack_setup.routes(slack_setup.names())
        for one in wanted
        if one.group == "data-owners"
    }
    assert route == "#moved (C0NEW)"
    assert "#moved (C0DATA)" in text_of(signed_in(cast.erin).get("/settings/slack/"))
