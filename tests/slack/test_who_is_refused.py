"""Guards whom a press in Slack counts for: nobody but who linked the account, may sign in, and may do it; all others are told."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from accessrequests.domain.events import Job
from accessrequests.models import Approval, AuditEvent, SlackMessage
from accessrequests.operations import quarantine
from accessrequests.queries import audit
from accessrequests.queries.quarantine import Anchored
from tests import make
from tests.make import Cast
from tests.slack import workspace
from tests.slack.workspace import TEAM, WebApi, account_of, copy_of, press, pressed, send_payload, state_of, told
from tests.traces import Traces
from tests.workers.rows import carry


class TestWhoIsRefused:
    @pytest.mark.parametrize("name", ["alice", "mallory", "carol"])
    def test_the_requester_and_those_who_approve_nothing(self, cast: Cast, card: SlackMessage, name: str) -> None:
        traces = Traces()
        for action in ("approve", "deny", "approve_shorter"):
            press(card, getattr(cast, name), action)
        assert state_of(card) == "pending"
        subject = f"access_request/{card.access_request_id}"
        assert traces.events() == [("access_request.refused", name, subject)] * 3
        assert len(told()) == 3
        assert Approval.objects.count() == 0

    def test_everybody_while_the_database_is_quarantined(self, cast: Cast, card: SlackMessage) -> None:
        quarantine.look(anchored=None)
        quarantine.look(anchored=Anchored(audit.head_sequence() + 1, "of an event that is not here"))
        press(card, cast.bob)
        assert state_of(card) == "pending"
        press(card, cast.bob, container={"channel_id": "C0OTHER", "message_ts": "1.2"})
        assert ["This database is quarantined" in one for one in told()] == [True, True]

    def test_slack_email_remap_and_slack_display_name_spoof(self, cast: Cast, card: SlackMessage) -> None:
        """Neither a name nor an address makes anybody bob; whom we take them for is said."""
        user = {
            "id": account_of(cast.mallory),
            "username": "bob",
            "name": cast.bob.name,
            "team_id": TEAM,
            "profile": {"email": cast.bob.email, "display_name": cast.bob.name},
        }
        press(card, cast.mallory, user=user)
        assert state_of(card) == "pending"
        assert f"You act here as {cast.mallory.name} (mallory)." in told()[0]

    @pytest.mark.parametrize("action", ["approve", "deny", "end"])
    def test_slack_unlinked(self, cast: Cast, card: SlackMessage, action: str) -> None:
        """Whoever is nobody here is told how to become somebody."""
        traces = Traces()
        send_payload(pressed(card, "U0OUTSIDER", action))
        assert state_of(card) == "pending"
        assert traces.events() == [
            ("access_request.refused", "slack:U0OUTSIDER", f"access_request/{card.access_request_id}")
        ]
        (said,) = SlackMessage.objects.filter(kind="whisper")
        assert (said.slack_user_id, said.channel) == ("U0OUTSIDER", "C0DATA")
        assert "/slack/link/?t=" in json.dumps(said.content)

    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            ({"ok": True, "user": {"is_restricted": True}}, "no guests"),
            ({"ok": True, "user": {"is_bot": True}}, "no guests"),
            ({"ok": False, "error": "missing_scope"}, "Slack does not say"),
            ({"ok": False, "error": "internal_error"}, ""),
        ],
    )
    def test_slack_guest(self, committed_cast: Cast, web_api: WebApi, answer: dict[str, Any], says: str) -> None:
        """Guests and programs are given no way to become somebody, by a press as by a command."""
        card = copy_of(make.submit(committed_cast.alice))
        send_payload(pressed(card, "U0GUEST", "approve"))
        typed = workspace.command("U0GUEST", "mine").json()
        assert state_of(card) == "pending"
        assert web_api.calls == [], "Who it is, a worker asks."
        for whisper in SlackMessage.objects.filter(kind="whisper"):
            web_api.answers.append((200, answer, {}))
            carry(Job.SEND_TO_SLACK, whisper)
        sent = web_api.of("chat.postEphemeral")
        assert [says in one["text"] for one in sent] == ([True, True] if says else [])
        assert "/slack/link/" not in json.dumps([typed, sent])
        assert AuditEvent.objects.get(event="access_request.refused").actor == "slack:U0GUEST"

    def test_are_told_and_kept_a_few_times_a_minute(self, cast: Cast, card: SlackMessage) -> None:
        traces = Traces()
        for _ in range(5):
            send_payload(pressed(card, "U0OUTSIDER", "approve"))
        assert len(told()) == len(traces.events()) == 3
        SlackMessage.objects.filter(kind="whisper").update(created_at=make.now() - timedelta(seconds=61))
        send_payload(pressed(card, "U0OUTSIDER", "approve"))
        assert len(told()) == 4

    def test_who_presses_or_types_too_often(self, cast: Cast, card: SlackMessage, settings: Settings) -> None:
        settings.ACCESS_CALLS_PER_SECOND = 0
        press(card, cast.bob)
        assert state_of(card) == "pending"
        assert "too often" in told()[0]
        assert "too often" in workspace.command(account_of(cast.bob), "mine").json()["text"]
        search = {**pressed(card, account_of(cast.alice), ""), "type": "block_suggestion", "action_id": "target"}
        assert send_payload({**search, "value": "shop"}).json() == {"options": []}

    def test_slack_deactivated(self, cast: Cast, card: SlackMessage) -> None:
        """Alive in Slack, off here."""
        make.apply("bob", active=False)
        press(card, cast.bob)
        assert state_of(card) == "pending"
        assert "is off" in told()[0]
        assert AuditEvent.objects.filter(event="access_request.refused", actor="bob").exists()

    def test_somebody_of_another_workspace_in_a_shared_channel(self, cast: Cast, card: SlackMessage) -> None:
        """Even with the id of somebody who is linked: the audit trail does not blame bob for it."""
        user = {"id": account_of(cast.bob), "username": "bob", "team_id": "T0RIVAL"}
        press(card, cast.bob, user=user)
        assert state_of(card) == "pending"
        assert "another workspace" in told()[0]
        refused = AuditEvent.objects.get(event="access_request.refused")
        assert refused.actor == f"slack:{account_of(cast.bob)}"

    @pytest.mark.parametrize(
        "changes",
        [
            {"team": {"id": "T0RIVAL"}},
            {"api_app_id": "A0OTHER"},
            {"api_app_id": None},
            {"enterprise": {"id": "E0RIVAL"}},
            {"team": None},
        ],
    )
    def test_slack_wrong_team(self, cast: Cast, card: SlackMessage, changes: dict[str, Any]) -> None:
        """The right person, but of another workspace, app or enterprise."""
        answer = send_payload(pressed(card, account_of(cast.bob), "approve", **changes))
        assert (answer.status_code, answer.content) == (403, b"")
        assert state_of(card) == "pending"
        assert AuditEvent.objects.filter(event="slack.rejected", subject="slack/workspace").count() == 1
