"""Guards what a press in Slack does: what the same button of the portal does, by whom the account is linked to, once."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client
from pytest_django import Settings

from accessrequests.domain.block_kit import date, to_the_minute
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, Approval, AuditEvent, Grant, SlackMessage
from accessrequests.models.slack import SlackKind
from accessrequests.queries import slack
from accessrequests.slack import clicks
from tests import make
from tests.make import Cast
from tests.slack import workspace
from tests.slack.workspace import (
    WebApi,
    account_of,
    copy_of,
    link,
    press,
    pressed,
    send_payload,
    state_of,
    submitted,
    told,
)
from tests.traces import Traces


class TestApprove:
    def test_approves_as_the_person_through_slack(self, cast: Cast, card: SlackMessage) -> None:
        traces = Traces()
        press(card, cast.bob)
        assert state_of(card) == "approved"
        assert [event for event, _, _ in traces.events()] == [
            "access_request.approval_given",
            "access_request.approved",
        ]
        given = AuditEvent.objects.get(event="access_request.approval_given")
        assert (given.actor, given.via) == ("bob", "slack")
        assert ("show_in_slack", f"access_request/{card.access_request_id}") in traces.jobs()
        assert Grant.objects.filter(access_request=card.access_request_id).exists()
        assert told() == []

    def test_slack_replay_same_payload(self, cast: Cast, card: SlackMessage) -> None:
        """One decision; the second is answered what the first was."""
        payload, at = pressed(card, account_of(cast.bob), "approve"), int(make.now().timestamp())
        answers = [send_payload(payload, at=at) for _ in range(2)]
        assert [(one.status_code, one.content) for one in answers] == [(200, b"")] * 2
        assert Approval.objects.count() == 1
        assert told() == []

    def test_slack_retry_num(self, cast: Cast, card: SlackMessage, settings: Settings) -> None:
        """The same interaction with signatures of its own: one effect, and whoever presses again is told."""
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        for number in range(4):
            send_payload(
                pressed(card, account_of(cast.bob), "approve"),
                at=int(make.now().timestamp()) - number,
                **{"X-Slack-Retry-Num": str(number)},
            )
        assert Approval.objects.count() == Grant.objects.count() == 1
        assert all("You approved this" in one for one in told())

    def test_of_the_second_of_two_says_who_was_faster(self, cast: Cast, card: SlackMessage) -> None:
        link(cast.grace)
        press(card, cast.bob)
        press(card, cast.grace)
        (sentence,) = told()
        assert "Bob Brandt was faster" in sentence
        assert Approval.objects.count() == 1

    def test_of_an_edited_request_is_not_counted(self, cast: Cast, card: SlackMessage) -> None:
        AccessRequest.objects.filter(slack_messages=card).update(revision=2)
        press(card, cast.bob)
        assert state_of(card) == "pending"
        assert "The request was edited" in told()[0]

    def test_where_the_policy_wants_a_second_factor_leads_to_the_portal(self, cast: Cast) -> None:
        link(cast.bob)
        make.publish_rules(make.rule("production", step_up=True))
        card = copy_of(make.submit(cast.alice))
        press(card, cast.bob)
        assert state_of(card) == "pending"
        (said,) = SlackMessage.objects.filter(kind="whisper")
        assert f"/approvals/{card.access_request_id}/" in json.dumps(said.content)


class TestWhatIsPressed:
    def test_a_message_that_is_no_copy_of_ours_changes_nothing(self, cast: Cast, card: SlackMessage) -> None:
        other = copy_of(make.submit(cast.alice, roles=("read@shop.customers",)))
        for container in (
            {"channel_id": "C0OTHER", "message_ts": card.ts},
            {"channel_id": card.posted_in, "message_ts": "1.1"},
            {"channel_id": other.posted_in, "message_ts": other.ts},
            {"channel_id": card.posted_in},
            {},
        ):
            press(card, cast.bob, container=container)
        assert state_of(card) == "pending"
        assert len(told()) == 5

    @pytest.mark.parametrize("is_heard", [True, False])
    def test_a_message_that_slack_shows_before_it_has_told_us_is_waited_for(
        self, cast: Cast, card: SlackMessage, monkeypatch: pytest.MonkeyPatch, *, is_heard: bool
    ) -> None:
        """Its call has not come back to the worker, or never will: for a moment, and without a word of what is not ours."""
        copies = SlackMessage.objects.filter(pk=card.pk)
        copies.update(state="wanted", ts="")

        def meanwhile(_seconds: float) -> None:
            if is_heard:
                copies.update(state="posted", ts=card.ts)

        monkeypatch.setattr(clicks, "_NEWS_SECONDS", 60.0 if is_heard else 0.0)
        monkeypatch.setattr(time, "sleep", meanwhile)
        press(card, cast.bob)
        assert state_of(card) == ("approved" if is_heard else "pending")
        assert told() == ([] if is_heard else [clicks._NOT_YET])
        assert not AuditEvent.objects.filter(event="access_request.refused").exists()

    def test_everybody_is_told_each_time(self, cast: Cast, card: SlackMessage) -> None:
        for person, action in ((cast.mallory, "approve"), (cast.mallory, "deny"), (cast.alice, "approve")):
            press(card, person, action, trigger_id="the-same")
        assert len(told()) == 3

    @pytest.mark.parametrize("value", ["", "v1.1", "v2.1.1", "v1.0.1", "v1.99999999.1", "v1.1.1; DROP", None, 7])
    def test_a_value_that_is_none_of_ours_changes_nothing(self, cast: Cast, card: SlackMessage, value: object) -> None:
        press(card, cast.bob, actions=[{"action_id": "approve", "value": value}])
        assert state_of(card) == "pending"
        assert len(told()) == 1

    @pytest.mark.parametrize("actions", [None, [], [7], [{}], [{"action_id": "open"}], "approve"])
    def test_a_button_that_only_leads_somewhere_says_nothing(
        self, cast: Cast, card: SlackMessage, actions: object
    ) -> None:
        press(card, cast.bob, actions=actions)
        assert told() == []

    def test_slack_response_url_ssrf(self, cast: Cast, card: SlackMessage, web_api: WebApi) -> None:
        """No address that a payload names is ever called; not even Slack's own is needed."""
        press(card, cast.bob, response_url=web_api.url + "evil")
        press(card, cast.mallory, response_url=web_api.url + "evil")
        assert web_api.calls == []


class TestForms:
    def test_deny_opens_a_form_and_its_reason_ends_the_request(
        self, cast: Cast, card: SlackMessage, web_api: WebApi
    ) -> None:
        press(card, cast.bob, "deny", trigger_id="the-trigger")
        (opened,) = web_api.of("views.open")
        assert (opened["trigger_id"], opened["view"]["callback_id"]) == ("the-trigger", "deny")
        private = json.loads(opened["view"]["private_metadata"])
        assert private == {"r": card.access_request_id, "v": 1}

        sent = submitted("deny", account_of(cast.bob), private, reason={"value": "Use the replica."})
        answer = send_payload(sent)
        assert (answer.status_code, answer.content) == (200, b"")
        access_request = AccessRequest.objects.get(slack_messages=card)
        assert (access_request.state, access_request.decided_by) == ("denied", "bob")
        assert access_request.approvals.get().comment == "Use the replica."

    def test_a_form_that_does_not_open_is_said(self, cast: Cast, card: SlackMessage, web_api: WebApi) -> None:
        web_api.refuse("expired_trigger_id")
        press(card, cast.bob, "deny")
        assert "did not open the form" in told()[0]

    @pytest.mark.parametrize(
        ("name", "reason", "says"),
        [
            ("bob", "", "Say why"),
            ("bob", "   ", "Say why"),
            ("alice", "Because.", "Nobody decides on access that they ask for"),
            ("mallory", "Because.", "You were not among them"),
        ],
    )
    def test_what_is_wrong_stands_at_the_field(
        self, cast: Cast, card: SlackMessage, name: str, reason: str, says: str
    ) -> None:
        private = {"r": card.access_request_id, "v": 1}
        sent = submitted("deny", account_of(getattr(cast, name)), private, reason={"value": reason})
        answer = send_payload(sent).json()
        assert answer["response_action"] == "errors"
        assert says in answer["errors"]["reason"]
        assert state_of(card) == "pending"

    def test_of_somebody_unlinked_or_about_nothing_do_nothing(self, cast: Cast, card: SlackMessage) -> None:
        for user, private in (
            ("U0OUTSIDER", {"r": card.access_request_id, "v": 1}),
            (account_of(cast.bob), {"r": 99_999, "v": 1}),
            (account_of(cast.bob), {}),
            (account_of(cast.bob), {"r": card.access_request_id, "v": 7}),
        ):
            answer = send_payload(submitted("deny", user, private, reason={"value": "Because."})).json()
            assert answer["response_action"] == "errors"
        assert state_of(card) == "pending"
        unknown = submitted("something-else", account_of(cast.bob), {}, reason={"value": "x"})
        assert send_payload(unknown).content == b""

    def test_of_somebody_unlinked_are_kept_a_few_times_a_minute(self, cast: Cast, card: SlackMessage) -> None:
        private = {"r": card.access_request_id, "v": 1}
        for _ in range(5):
            answer = send_payload(submitted("deny", "U0OUTSIDER", private, reason={"value": "Because."}))
            assert "linked to nobody" in answer.json()["errors"]["reason"]
        kept = AuditEvent.objects.filter(event="access_request.refused", actor="slack:U0OUTSIDER")
        assert kept.count() == 3

    def test_approve_for_less(self, cast: Cast, card: SlackMessage, web_api: WebApi) -> None:
        press(card, cast.bob, "approve_shorter")
        (opened,) = web_api.of("views.open")
        said, asked, _ = opened["view"]["blocks"]
        assert f"Request {card.access_request_id}: Alice Archer wants to read shop.orders" in said["text"]["text"]
        assert [one["value"] for one in asked["element"]["options"]] == ["PT15M", "PT30M", "PT1H"]
        private = json.loads(opened["view"]["private_metadata"])

        def choose(value: str) -> Any:
            fields = {"duration": {"selected_option": {"value": value}}, "comment": {"value": "Half will do."}}
            return send_payload(submitted("shorter", account_of(cast.bob), private, **fields))

        assert "shorten" in choose("P1D").json()["errors"]["duration"]
        assert "duration" in choose("an hour").json()["errors"]
        assert choose("PT1H").content == b""
        assert Grant.objects.get(access_request=card.access_request_id).length.total_seconds() == 3600


class TestExtend:
    def test_asks_for_a_later_end_as_the_portal_does(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.alice, cast.bob)
        make.publish_rules(make.rule("production", total_maximum="PT8H", reason_minimum=5))
        grant = make.active_grant(cast.alice, cast.bob)
        card = copy_of(grant.access_request)
        press(card, cast.bob, "extend")
        assert "Only the person who holds" in told()[0]
        press(card, cast.alice, "extend")
        (opened,) = web_api.of("views.open")
        said = opened["view"]["blocks"][0]["text"]["text"]
        assert said.startswith(
            f"Request {card.access_request_id}, of Alice Archer: read@shop.orders on shop-prod. It ends"
        )
        assert grant.expires_at is not None
        assert date(grant.expires_at) in said
        private = json.loads(opened["view"]["private_metadata"])

        def send(duration: str, reason: str = "The refund takes longer.") -> Any:
            fields = {"duration": {"selected_option": {"value": duration}}, "reason": {"value": reason}}
            return send_payload(submitted("extend", account_of(cast.alice), private, **fields))

        assert list(send("P9D").json()["errors"]) == ["duration"]
        assert list(send("PT1H", "x").json()["errors"]) == ["reason"]
        assert send("PT1H").content == b""
        asked = AccessRequest.objects.get(extends=grant)
        assert (asked.state, asked.requester) == ("pending", cast.alice)
        shown = slack.card_of(asked.pk, kind=SlackKind.CARD, revision=1, reader=None, at=make.now())
        later = f"would end at {moment(grant.expires_at + asked.duration)} instead of {moment(grant.expires_at)}."
        later = to_the_minute(later)
        assert "for 1 hour more. shop-prod: production, personal and payment data. The access" in shown.confirm
        assert shown.confirm.endswith(f"The access that runs now {later} Nothing new, but for the time.")
        press(card, cast.alice, "extend")
        assert len(told()) == 2


class TestEnd:
    def test_its_holder_gives_it_back_and_its_approver_revokes_it(self, cast: Cast) -> None:
        link(cast.alice, cast.bob, cast.mallory)
        for person, reason in ((cast.alice, "released"), (cast.bob, "revoked")):
            grant = make.active_grant(cast.alice, cast.bob)
            card = copy_of(grant.access_request)
            press(card, cast.mallory, "end")
            press(card, person, "end")
            grant.refresh_from_db()
            assert (grant.state, grant.end_reason, grant.ended_by) == ("revoking", reason, person.username)
        assert AuditEvent.objects.filter(event="grant.refused", actor="mallory").count() == 2

    def test_of_what_never_began_is_said(self, cast: Cast, card: SlackMessage) -> None:
        press(card, cast.bob, "end")
        assert "nothing here" in told()[0]


def test_what_breaks_is_answered_with_500_and_tells_nothing_of_what_was_sent(
    cast: Cast, card: SlackMessage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("accessrequests.queries.slack.copies_at", None)
    payload = pressed(card, account_of(cast.bob), "approve", response_url="https://hooks.slack.com/a-secret-address")
    answer = send_payload(payload, client=Client(raise_request_exception=False))
    assert answer.status_code == 500
    said = f"{answer.content.decode()} {caplog.text}"
    assert "TypeError" in caplog.text
    assert [word for word in ("a-secret-address", workspace.SECRET, "trigger.") if word in said] == []


def test_what_breaks_may_come_again(cast: Cast, card: SlackMessage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A press that met a broken part is not taken for one that was carried out."""
    payload, at = pressed(card, account_of(cast.bob), "approve"), int(make.now().timestamp())
    with monkeypatch.context() as broken:
        broken.setattr("accessrequests.queries.slack.copies_at", None)
        with pytest.raises(TypeError):
            send_payload(payload, at=at)
    assert send_payload(payload, at=at).status_code == 200
    assert state_of(card) == "approved"
    assert workspace.SECRET not in "".join(map(str, AuditEvent.objects.values_list("facts", flat=True)))
