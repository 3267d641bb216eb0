"""Guards Socket Mode: the same presses, forms and commands over a real websocket, and nothing at the address meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from pytest_django import Settings

from accessrequests.models import AuditEvent, SlackArrival
from accessrequests.queries import clock, slack_places
from accessrequests.slack import socket_mode
from accessrequests.slack.socket_mode import Connection, NotLetIn
from sandbox.supervisor import wait_for
from tests import make
from tests.make import Cast
from tests.sandbox.slack.serving import Slack, slack_running
from tests.slack.test_sending import carry
from tests.slack.test_with_the_stand_in import approve, channel, link
from tests.slack.workspace import APP, TEAM


@pytest.fixture
def by_socket(settings: Settings, slack_is_on: None) -> None:
    settings.ACCESS_SLACK_MODE = "socket"
    settings.ACCESS_SLACK_SIGNING_SECRETS = []


@pytest.fixture
def stand_in(settings: Settings, by_socket: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slack]:
    """Each thread of the connection gives its own way to the database back, since the database is removed later."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 0)
    with slack_running(by_socket=True) as slack:
        settings.ACCESS_SLACK_BOT_TOKEN = slack.keys.bot_token
        settings.ACCESS_SLACK_APP_TOKEN = slack.keys.app_token
        settings.ACCESS_SLACK_APP_ID = slack.keys.app_id
        settings.ACCESS_SLACK_TEAM_ID = slack.keys.team_id
        settings.ACCESS_SLACK_CHANNELS = {"*": slack.keys.channels["data-access"]}
        settings.ACCESS_SLACK_API_URL = f"{slack.server.origin}/api/"
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        slack.set(rate_limits=False, answer_seconds=20.0, trigger_seconds=20.0)
        yield slack


@pytest.fixture
def connected(stand_in: Slack) -> Iterator[Slack]:
    held = Connection()
    running = threading.Thread(target=held.run)
    running.start()
    try:
        assert wait_for(lambda: stand_in.server.sockets.count == 1 and held.is_open, seconds=20, pause=0.01)
        yield stand_in
    finally:
        held.stop()
        running.join()


def reason(words: str) -> dict[str, str]:
    return {"v:reason/reason": words}


def test_brings_the_same_as_the_address(committed_cast: Cast, connected: Slack) -> None:
    link(connected, committed_cast, "alice", "bob")
    first = make.submit(committed_cast.alice)
    carry()
    approve(connected, "bob")
    # What he sees is still the card of before; what a form is answered stands in it.
    connected.press("bob", channel(connected, "bob"), "Deny…")
    assert "approved this" in connected.press("bob", channel(connected, "bob"), "Deny", **reason("Too long."))
    connected.press("bob", channel(connected, "bob"), "Cancel")
    first.refresh_from_db()
    assert (first.state, first.decided_by) == ("approved", "bob")
    assert AuditEvent.objects.get(event="access_request.approval_given").via == "slack"

    # Slack ends a connection now and then, and says so; another is there at once.
    (before,) = connected.server.sockets._open
    connected.control("POST", "/control/disconnect", {"reason": "refresh_requested"})
    assert wait_for(
        lambda: [one is before for one in connected.server.sockets._open] == [False], seconds=20, pause=0.02
    )

    second = make.submit(committed_cast.alice, roles=("read@shop.customers",))
    carry()
    connected.press("bob", channel(connected, "bob"), "Deny…")
    connected.press("bob", channel(connected, "bob"), "Deny", **reason("Use the replica."))
    second.refresh_from_db()
    assert (second.state, second.decided_by) == ("denied", "bob")

    here = channel(connected, "alice")
    place = {"channel": connected.keys.channels["data-access"], "back": here}
    assert f"Request {first.pk}" in connected.do("alice", "say", text="/access mine", **place)
    assert wait_for(lambda: slack_places.is_connected(clock.now()), seconds=20, pause=0.05)


def test_an_event_that_was_not_acknowledged_comes_again_and_counts_once(committed_cast: Cast, connected: Slack) -> None:
    connected.order("deliver_answer_lost", method="events", times=1)
    connected.control("POST", "/control/events", {"event": {"type": "app_uninstalled"}})
    assert wait_for(lambda: len(connected.control("GET", "/control/deliveries").json()) == 2, seconds=20, pause=0.02)
    assert AuditEvent.objects.filter(event="slack.stopped").count() == 1


def test_what_is_of_others_is_acknowledged_and_does_nothing(cast: Cast, by_socket: None) -> None:
    ours = {"api_app_id": APP, "team_id": TEAM, "command": "/access", "text": "help", "user_id": "U0ALICE"}
    assert socket_mode.answer_to("slash_commands", {**ours, "team_id": "T0RIVAL"}, envelope_id="e1") is None
    assert socket_mode.answer_to("events_api", {"no": "type"}, envelope_id="e2") is None
    rejected = AuditEvent.objects.filter(event="slack.rejected").values_list("subject", flat=True)
    assert sorted(rejected) == ["slack/body", "slack/workspace"]
    assert not SlackArrival.objects.exists()
    answers = [socket_mode.answer_to("slash_commands", ours, envelope_id="e3") for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0] is not None
    assert SlackArrival.objects.filter(answer__isnull=False).count() == 1


def test_nothing_is_at_the_address(cast: Cast, by_socket: None) -> None:
    assert Client().post("/slack/events", data=b"{}", content_type="application/json").status_code == 404


def test_whoever_may_not_connect_is_told_why(cast: Cast, stand_in: Slack, settings: Settings) -> None:
    settings.ACCESS_SLACK_APP_TOKEN = stand_in.keys.bot_token
    with pytest.raises(NotLetIn, match="not_allowed_token_type"):
        Connection().run()
    with pytest.raises(CommandError, match="within the last minute"):
        call_command("slack_socket", "--check")
    settings.ACCESS_SLACK_APP_TOKEN = ""
    with pytest.raises(CommandError, match="ACCESS_SLACK_APP_TOKEN"):
        call_command("slack_socket")
    settings.ACCESS_SLACK_MODE = "http"
    with pytest.raises(CommandError, match="ACCESS_SLACK_MODE"):
        call_command("slack_socket")
    assert [one.title for one in slack_places.troubles(make.now())] == []
    settings.ACCESS_SLACK_MODE = "socket"
    assert [one.title for one in slack_places.troubles(make.now())] == ["Nothing is heard from Slack"]
