"""Guards the stand-in's Web API as the official client sees it: messages, people, channels, refusals, limits, faults."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from sandbox.slack import limits
from sandbox.workplace import OUTSIDER, PARTNER
from tests.sandbox.slack.cards import CONFIRM, button, card, mrkdwn, plain
from tests.sandbox.slack.serving import Slack


def refusal(call: Any, **arguments: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return str(refused.value.response["error"])


class TestCalling:
    def test_says_who_the_app_is(self, slack: Slack) -> None:
        said = slack.web.auth_test()
        assert (said["team_id"], said["bot_id"]) == (slack.keys.team_id, slack.keys.bot_id)

    def test_needs_the_bots_token(self, slack: Slack) -> None:
        for token, code in (
            ("", "not_authed"),
            ("xoxb-other", "invalid_auth"),
            (slack.keys.app_token, "not_allowed_token_type"),
        ):
            client = WebClient(token=token, base_url=slack.web.base_url)
            assert refusal(client.auth_test) == code
        assert refusal(slack.web.apps_connections_open, app_token=slack.keys.bot_token) == "not_allowed_token_type"

    def test_refuses_a_token_that_was_taken_back(self, slack: Slack) -> None:
        slack.control("POST", "/control/events", {"event": {"type": "tokens_revoked", "tokens": {"bot": []}}})
        assert refusal(slack.web.auth_test) == "token_revoked"
        assert slack.app.await_arrivals(1)[0]["event"]["type"] == "tokens_revoked"

    def test_needs_the_scope_and_names_it(self, slack: Slack) -> None:
        assert slack.control("PATCH", "/control/scopes", {"scopes": ["users:read"]}).status_code == 200
        with pytest.raises(SlackApiError) as refused:
            slack.web.chat_postMessage(channel=slack.keys.channels["data-access"], text="x")
        assert (refused.value.response["error"], refused.value.response["needed"]) == ("missing_scope", "chat:write")
        assert "email" not in slack.web.users_info(user=slack.keys.users["bob"])["user"]["profile"]
        assert slack.control("PATCH", "/control/scopes", {"scopes": ["chat:wirte"]}).status_code == 422

    def test_keeps_every_call_even_a_refused_one_but_no_token(self, slack: Slack) -> None:
        slack.web.chat_postMessage(channel=slack.keys.channels["data-access"], text="x", blocks=card())
        refusal(slack.web.chat_postMessage, channel="C0NOWHERE", text="y")
        refusal(WebClient(base_url=slack.web.base_url).api_call, api_method="auth.test", json={"token": "xoxb-canary"})
        posted, refused, guessed = slack.control("GET", "/record").json()["calls"]
        assert posted["args"]["blocks"][0]["text"]["text"] == "Access request 7"
        assert posted["answer"]["ok"] is True
        assert (refused["method"], refused["answer"]["error"]) == ("chat.postMessage", "channel_not_found")
        assert guessed["answer"]["error"] == "invalid_auth"
        assert "xoxb" not in slack.control("GET", "/record").text
        assert slack.control("GET", "/record", token="wrong").status_code == 401

    def test_knows_no_other_method(self, slack: Slack) -> None:
        assert refusal(slack.web.api_call, api_method="files.upload") == "unknown_method"


class TestPosting:
    def test_answers_with_the_message(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel=slack.keys.channels["data-access"], text="Asked", blocks=card())
        message = said["message"]
        assert message["ts"] == said["ts"]
        assert message["bot_id"] == slack.keys.bot_id
        assert message["blocks"][4]["block_id"] == "act:7:1"
        assert message["blocks"][0]["block_id"]

    def test_opens_the_conversation_with_a_person(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel=slack.keys.users["alice"], text="Received")
        assert said["channel"].startswith("D")
        again = slack.web.chat_postMessage(channel=slack.keys.users["alice"], text="Decided")
        assert again["channel"] == said["channel"]
        assert slack.web.chat_update(channel=said["channel"], ts=said["ts"], text="Changed")["ok"]
        assert refusal(slack.web.chat_update, channel=slack.keys.users["alice"], ts=said["ts"], text="x") == (
            "channel_not_found"
        )

    @pytest.mark.parametrize(
        ("channel", "text", "code"),
        [
            ("C0NOWHERE", "x", "channel_not_found"),
            ("general", "x", "not_in_channel"),
            ("data-access", "x" * (limits.MESSAGE_TEXT + 1), "msg_too_long"),
        ],
    )
    def test_refuses(self, slack: Slack, channel: str, text: str, code: str) -> None:
        assert refusal(slack.web.chat_postMessage, channel=channel, text=text) == code

    def test_needs_something_to_say(self, slack: Slack) -> None:
        said = {"channel": "data-access", "text": "", "blocks": []}
        assert refusal(slack.web.api_call, api_method="chat.postMessage", json=said) == "no_text"

    def test_refuses_an_archived_channel_and_a_person_elsewhere(self, slack: Slack) -> None:
        slack.control("PATCH", "/control/channels/data-access", {"is_archived": True})
        assert refusal(slack.web.chat_postMessage, channel="#data-access", text="x") == "is_archived"
        partner = slack.keys.users[PARTNER]
        assert refusal(slack.web.chat_postMessage, channel=partner, text="x") == "channel_not_found"

    def test_is_paced_in_each_channel(self, slack: Slack) -> None:
        for _ in range(3):
            slack.web.chat_postMessage(channel="data-access", text="x")
        with pytest.raises(SlackApiError) as refused:
            slack.web.chat_postMessage(channel="data-access", text="x")
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["Retry-After"] == "1"
        assert slack.web.chat_postMessage(channel="break-glass", text="x")["ok"]
        assert slack.control("DELETE", "/control/rates").status_code == 204
        assert slack.web.chat_postMessage(channel="data-access", text="x")["ok"]

    def test_shows_a_thread(self, slack: Slack) -> None:
        first = slack.web.chat_postMessage(channel="data-access", text="card")
        channel = first["channel"]
        slack.web.chat_postMessage(channel=channel, text="approved", thread_ts=first["ts"])
        thread = slack.web.conversations_replies(channel=channel, ts=first["ts"])["messages"]
        assert [each["text"] for each in thread] == ["card", "approved"]
        assert thread[0]["reply_count"] == 1
        assert refusal(slack.web.conversations_replies, channel=channel, ts="1.2") == "thread_not_found"


class TestUpdating:
    @pytest.fixture
    def posted(self, slack: Slack) -> dict[str, Any]:
        said = slack.web.chat_postMessage(channel="data-access", text="Asked", blocks=card())
        return {"channel": said["channel"], "ts": said["ts"]}

    def test_with_blocks_replaces_them_and_leaves_no_mark(self, slack: Slack, posted: dict[str, Any]) -> None:
        message = slack.web.chat_update(**posted, text="Done", blocks=card()[:1])["message"]
        assert len(message["blocks"]) == 1
        assert "edited" not in message

    def test_with_text_alone_takes_the_blocks_away(self, slack: Slack, posted: dict[str, Any]) -> None:
        message = slack.web.chat_update(**posted, text="Done")["message"]
        assert "blocks" not in message
        assert message["edited"]["user"] == message["user"]

    def test_refuses_what_is_not_there_not_ours_or_too_old(self, slack: Slack, posted: dict[str, Any]) -> None:
        channel = posted["channel"]
        assert refusal(slack.web.chat_update, channel=channel, ts="1.1", text="x") == "message_not_found"
        slack.do("alice", "say", channel=channel, text="Hello")
        (said,) = [event["event"] for event in slack.app.await_arrivals(1)]
        assert refusal(slack.web.chat_update, channel=channel, ts=said["ts"], text="x") == "cant_update_message"
        slack.set(edit_window_closed=True)
        assert refusal(slack.web.chat_update, **posted, text="x") == "edit_window_closed"

    def test_cannot_change_an_ephemeral_message(self, slack: Slack, posted: dict[str, Any]) -> None:
        channel, dave = posted["channel"], slack.keys.users["dave"]
        ts = slack.web.chat_postEphemeral(channel=channel, user=dave, text="No")["message_ts"]
        assert refusal(slack.web.chat_update, channel=channel, ts=ts, text="x") == "message_not_found"
        partner = slack.keys.users[PARTNER]
        assert refusal(slack.web.chat_postEphemeral, channel=channel, user=partner, text="No") == "user_not_in_channel"


class TestBlocks:
    @pytest.mark.parametrize(
        ("blocks", "problem"),
        [
            ([{"type": "header"}], "missing required field: text [json-pointer:/blocks/0]"),
            ([{"type": "header", "text": mrkdwn("x")}], "must be one of plain_text [json-pointer:/blocks/0/text/type]"),
            (
                [{"type": "section", "text": mrkdwn("x" * 3001)}],
                "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
            ),
            ([{"type": "section"}], "missing required field: text [json-pointer:/blocks/0]"),
            (
                [{"type": "section", "fields": [mrkdwn("x")] * 11}],
                "no more than 10 items allowed [json-pointer:/blocks/0/fields]",
            ),
            (
                [{"type": "actions", "elements": [button("x", action=str(n)) for n in range(26)]}],
                "no more than 25 items allowed [json-pointer:/blocks/0/elements]",
            ),
            (
                [{"type": "actions", "elements": [button("x", action="same")] * 2}],
                "`same` is used more than once [json-pointer:/blocks/0/elements/1/action_id]",
            ),
            (
                [{"type": "actions", "elements": [button("x" * 76, action="a")]}],
                "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
            ),
            (
                [{"type": "actions", "elements": [button("x", action="a", style="loud")]}],
                "must be primary or danger [json-pointer:/blocks/0/elements/0/style]",
            ),
            (
                [{"type": "actions", "elements": [button("x", action="a", confirm={**CONFIRM, "text": plain("")})]}],
                "must be more than 0 characters [json-pointer:/blocks/0/elements/0/confirm/text/text]",
            ),
            (
                [{"type": "divider", "block_id": "a"}, {"type": "divider", "block_id": "a"}],
                "`a` is used more than once [json-pointer:/blocks/1/block_id]",
            ),
            ([{"type": "divider"}] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
            ([{"type": "table"}], "unsupported type: table [json-pointer:/blocks/0/type]"),
            ([{"type": "context", "elements": []}], "must provide at least one element"),
            (
                [{"type": "section", "text": plain("x"), "accessory": {"type": "static_select", "options": []}}],
                "must provide at least one option [json-pointer:/blocks/0/accessory/options]",
            ),
        ],
    )
    def test_that_break_a_rule_are_refused_with_where(self, slack: Slack, blocks: list[Any], problem: str) -> None:
        with pytest.raises(SlackApiError) as refused:
            slack.web.chat_postMessage(channel="data-access", text="x", blocks=blocks)
        answer = refused.value.response
        assert answer["error"] == "invalid_blocks"
        assert any(each.startswith(problem) for each in answer["errors"]), answer["errors"]
        assert answer["response_metadata"]["messages"][0].startswith("[ERROR] ")
        assert slack.server.workspace.messages == {}


class TestPeople:
    def test_are_found_by_id_and_address(self, slack: Slack) -> None:
        found = slack.web.users_lookupByEmail(email="Bob@example.com")["user"]
        assert found["id"] == slack.keys.users["bob"]
        assert found["profile"]["email"] == "bob@example.com"
        assert slack.web.users_info(user=slack.keys.users[PARTNER])["user"]["is_stranger"] is True
        assert refusal(slack.web.users_info, user="U0NOBODY") == "user_not_found"

    def test_who_are_deactivated_or_elsewhere_are_not_found_by_address(self, slack: Slack) -> None:
        slack.control("PATCH", f"/control/users/{OUTSIDER}", {"deleted": True})
        for address in ("olga@example.com", "petra@partner.example", "nobody@example.com"):
            assert refusal(slack.web.users_lookupByEmail, email=address) == "users_not_found"
        assert slack.web.users_info(user=slack.keys.users[OUTSIDER])["user"]["deleted"] is True

    def test_channels_say_whom_they_are_shared_with(self, slack: Slack) -> None:
        shared = slack.web.conversations_info(channel=slack.keys.channels["partner-payments"])["channel"]
        assert (shared["is_ext_shared"], shared["is_member"]) == (True, True)
        slack.control("PATCH", "/control/channels/data-access", {"is_ext_shared": True})
        assert slack.app.await_arrivals(1)[0]["event"]["type"] == "channel_shared"
        names = [each["name"] for each in slack.web.conversations_list(types="public_channel")["channels"]]
        assert "security" not in names
        assert "data-access" in names
        slack.control("PATCH", "/control/scopes", {"scopes": ["channels:read"]})
        private = slack.keys.channels["security"]
        assert refusal(slack.web.conversations_info, channel=private) == "missing_scope"


class TestFaults:
    def test_429_is_waited_out_by_the_client(self, slack: Slack) -> None:
        slack.order("rate_limited", method="chat.postMessage", seconds=1)
        slack.web.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
        assert slack.web.chat_postMessage(channel="data-access", text="x")["ok"]
        assert [call["answer"]["ok"] for call in slack.calls("chat.postMessage")] == [False, True]

    @pytest.mark.parametrize(
        ("fault", "status", "is_done"), [("unavailable", 503, False), ("error_after_commit", 500, True)]
    )
    def test_answers_as_ordered(self, slack: Slack, fault: str, status: int, is_done: bool) -> None:
        slack.order(fault, method=r"chat\..*")
        with pytest.raises(SlackApiError) as refused:
            slack.web.chat_postMessage(channel="data-access", text="x")
        assert refused.value.response.status_code == status
        assert bool(slack.server.workspace.messages) is is_done

    def test_loses_the_answer_of_what_it_did(self, slack: Slack) -> None:
        slack.order("drop_after_commit", method="chat.postMessage")
        slack.web.retry_handlers.clear()
        with pytest.raises(OSError):  # noqa: PT011 - whatever the client's HTTP says of a dropped connection
            slack.web.chat_postMessage(channel="data-access", text="x")
        assert len(slack.server.workspace.messages) == 1
        assert slack.calls("chat.postMessage")[0]["answer"] is None
