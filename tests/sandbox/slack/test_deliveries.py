"""Guards what the stand-in sends to the app: signed, in Slack's forms, events again when they fail, and Socket Mode."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from sandbox.slack.seed import restored, snapshot
from sandbox.supervisor import wait_for
from sandbox.workplace import OUTSIDER, PARTNER
from tests.sandbox.slack.cards import card, modal
from tests.sandbox.slack.serving import Slack, slack_running


def posted_card(slack: Slack) -> str:
    channel = slack.web.chat_postMessage(channel="data-access", text="Asked", blocks=card())["channel"]
    return f"/as/bob/c/{channel}"


class TestSigned:
    def test_is_everything(self, slack: Slack) -> None:
        page = posted_card(slack)
        slack.press("bob", page, "Deny…")
        slack.do("bob", "say", channel=slack.keys.channels["data-access"], text="/access mine")
        slack.do("bob", "home")
        slack.app.await_arrivals(3)
        verifier = SignatureVerifier(slack.keys.signing_secret)
        assert all(verifier.is_valid_request(each.body, dict(each.headers)) for each in slack.app.arrivals)


class TestInteraction:
    def test_says_who_pressed_what_and_where(self, slack: Slack) -> None:
        page = posted_card(slack)
        slack.press("bob", page, "Deny…")
        (sent,) = slack.app.payloads
        assert (sent["type"], sent["api_app_id"]) == ("block_actions", slack.keys.app_id)
        assert (sent["user"]["id"], sent["team"]["id"]) == (slack.keys.users["bob"], slack.keys.team_id)
        (action,) = sent["actions"]
        assert (action["action_id"], action["block_id"], action["value"]) == ("deny", "act:7:1", "v1.7.1")
        assert sent["container"]["message_ts"] == sent["message"]["ts"]
        assert slack.web.views_open(trigger_id=sent["trigger_id"], view=modal())["ok"]

    def test_asks_for_confirmation_first(self, slack: Slack) -> None:
        page = posted_card(slack)
        assert "Alice</strong> reads shop until 18:52." in slack.press("bob", page, "Approve 2 h")
        slack.press("bob", page, "Back")
        assert slack.app.payloads == []
        slack.press("bob", page, "Approve 2 h")
        slack.press("bob", page, "Yes, approve")
        assert slack.app.payloads[0]["actions"][0]["action_id"] == "approve"

    def test_is_sent_as_it_was_confirmed_though_the_card_has_changed_meanwhile(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel="data-access", text="Asked", blocks=card())
        page = f"/as/bob/c/{said['channel']}"
        slack.press("bob", page, "Approve 2 h")
        slack.web.chat_update(channel=said["channel"], ts=said["ts"], text="Approved", blocks=card()[:1])
        slack.press("bob", page, "Yes, approve")
        (sent,) = slack.app.payloads
        assert (sent["actions"][0]["action_id"], sent["container"]["message_ts"]) == ("approve", said["ts"])

    def test_of_somebody_elsewhere_says_so(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel="partner-payments", text="Asked", blocks=card())
        slack.press(PARTNER, f"/as/{PARTNER}/c/{said['channel']}", "Deny…")
        (sent,) = slack.app.payloads
        assert sent["user"]["team_id"] != sent["team"]["id"]

    def test_of_a_card_that_has_changed_is_not_sent(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel="data-access", text="Asked", blocks=card())
        place = f"m/{said['channel']}/{said['ts']}"
        slack.web.chat_update(channel=said["channel"], ts=said["ts"], text="Denied", blocks=card()[:1])
        assert "This has changed" in slack.do("bob", "use", place=place, press="act%3A7%3A1/deny")
        assert slack.app.payloads == []

    def test_is_only_for_who_sees_the_message(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel=slack.keys.channels["security"], text="Asked", blocks=card())
        slack.do("bob", "use", place=f"m/{said['channel']}/{said['ts']}", press="act%3A7%3A1/deny")
        assert slack.app.payloads == []


class TestCommand:
    def test_shows_the_answer_to_who_typed_it(self, slack: Slack) -> None:
        slack.app.answer = lambda payload: {"text": f"You typed {payload['text']}."}
        channel = slack.keys.channels["data-access"]
        page = slack.do("bob", "say", channel=channel, text="/access end 77 @alice", back=f"/as/bob/c/{channel}")
        (sent,) = slack.app.payloads
        assert (sent["command"], sent["user_id"]) == ("/access", slack.keys.users["bob"])
        assert sent["text"] == f"end 77 <@{slack.keys.users['alice']}|alice>"
        assert "You typed end 77" in page
        assert "You typed" not in slack.see(f"/as/alice/c/{channel}")

    def test_has_to_exist(self, slack: Slack) -> None:
        channel = slack.keys.channels["general"]
        back = f"/as/bob/c/{channel}"
        slack.do("bob", "say", channel=channel, text="/acess mine", back=back)
        for _ in range(2):
            page = slack.see(back)
            assert "Slackbot" in page
            assert "Only visible to you" in page
            assert "/acess is not a valid command." in page, "It stays where it was said."
        assert "/acess" not in slack.see(f"/as/alice/c/{channel}")
        assert slack.app.payloads == []
        assert slack.page.get("/as/slackbot/").status_code == 404
        assert "Slackbot" not in slack.see("/")

    def test_may_come_from_the_shortcut_too(self, slack: Slack) -> None:
        slack.do(OUTSIDER, "shortcut")
        (sent,) = slack.app.payloads
        assert (sent["type"], sent["callback_id"]) == ("shortcut", "request.open")
        assert "response_url" not in sent


class TestEvents:
    def test_are_sent_again_until_they_are_taken(self, slack: Slack) -> None:
        slack.set(second_retry_seconds=0, third_retry_seconds=0)
        answers = iter((500, 500, None))
        slack.app.answer = lambda _payload: next(answers)
        slack.do("bob", "home")
        first, second, third = slack.app.await_arrivals(3)
        assert first["event_id"] == second["event_id"] == third["event_id"]
        assert first["event"]["tab"] == "home"
        assert "x-slack-retry-num" not in slack.app.arrivals[0].headers
        assert slack.app.arrivals[2].headers["x-slack-retry-num"] == "2"
        assert slack.app.arrivals[2].headers["x-slack-retry-reason"] == "http_error"

    def test_are_sent_again_when_the_answer_is_lost(self, slack: Slack) -> None:
        slack.order("deliver_answer_lost", method="events")
        slack.do("bob", "home")
        first, second = slack.app.await_arrivals(2)
        assert first == second

    def test_tell_of_what_is_said_in_a_thread(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel="data-access", text="Asked")
        slack.do("bob", "say", channel=said["channel"], thread=said["ts"], text="Why <so> long?")
        (event,) = [each["event"] for each in slack.app.await_arrivals(1)]
        assert (event["type"], event["thread_ts"]) == ("message", said["ts"])
        assert event["text"] == "Why &lt;so&gt; long?"

    def test_do_not_tell_what_the_bot_may_not_hear(self, slack: Slack) -> None:
        slack.do("bob", "say", channel=slack.keys.channels["general"], text="Hello")
        slack.control("PATCH", "/control/scopes", {"scopes": ["chat:write"]})
        slack.do("bob", "say", channel=slack.keys.channels["data-access"], text="Hello")
        assert slack.control("GET", "/control/deliveries").json() == []


class TestFaults:
    def test_send_a_click_twice_signature_and_all(self, slack: Slack) -> None:
        page = posted_card(slack)
        slack.order("deliver_twice", method="interactivity")
        slack.press("bob", page, "Deny…")
        first, second = slack.app.arrivals
        assert first.body == second.body
        assert first.headers["x-slack-signature"] == second.headers["x-slack-signature"]

    def test_let_later_events_overtake(self, slack: Slack) -> None:
        channel = slack.keys.channels["data-access"]
        slack.order("deliver_late", method="events", seconds=0.5)
        slack.do("bob", "say", channel=channel, text="first")
        slack.do("bob", "say", channel=channel, text="second")
        assert [each["event"]["text"] for each in slack.app.await_arrivals(2)] == ["second", "first"]

    def test_lose_a_click(self, slack: Slack) -> None:
        page = posted_card(slack)
        slack.order("deliver_never", method="interactivity")
        assert "Access did not answer in time." in slack.press("bob", page, "Deny…")
        assert slack.app.payloads == []


class TestSocketMode:
    @pytest.fixture
    def slack(self) -> Iterator[Slack]:
        with slack_running(by_socket=True) as running:
            yield running

    def test_brings_the_same_to_the_official_client(self, slack: Slack) -> None:
        client = SocketModeClient(app_token=slack.keys.app_token, web_client=slack.web)
        heard: list[SocketModeRequest] = []

        def hear(connection: BaseSocketModeClient, request: SocketModeRequest) -> None:
            heard.append(request)
            payload = {"text": "Taken."} if request.type == "slash_commands" else None
            connection.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id, payload=payload))

        client.socket_mode_request_listeners.append(hear)
        client.connect()
        try:
            page = posted_card(slack)
            slack.press("bob", page, "Deny…")
            channel = slack.keys.channels["data-access"]
            assert "Taken." in slack.do("bob", "say", channel=channel, text="/access", back=f"/as/bob/c/{channel}")
            slack.do("bob", "home")
            assert wait_for(lambda: len(heard) == 3, seconds=10, pause=0.01)
            assert [each.type for each in heard] == ["interactive", "slash_commands", "events_api"]
            assert heard[0].payload["actions"][0]["action_id"] == "deny"
            slack.control("POST", "/control/disconnect", {"reason": "refresh_requested"})
            assert wait_for(lambda: slack.server.sockets.count == 1 and client.is_connected(), seconds=10, pause=0.05)
        finally:
            client.close()

    def test_has_nobody_to_tell_without_a_connection(self, slack: Slack) -> None:
        assert "Access did not answer in time." in slack.press("bob", posted_card(slack), "Deny…")

    def test_needs_an_address_that_was_given(self, slack: Slack) -> None:
        answer = slack.page.get("/socket?ticket=guessed", headers={"Upgrade": "websocket", "Sec-WebSocket-Key": "x"})
        assert answer.status_code == 403


class TestSnapshot:
    def test_holds_everything_that_is_shown(self, slack: Slack) -> None:
        posted_card(slack)
        slack.web.views_open(trigger_id=slack.trigger("bob")["trigger_id"], view=modal())
        kept = snapshot(slack.server.workspace)
        again = restored(kept, origin="")
        assert snapshot(again) == kept
        assert float(again.new_ts()) > float(kept["messages"][0]["ts"])


class TestDesk:
    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("settings", {"trigger_seconds": -1}),
            ("users/bob", {"id": "U0OTHER"}),
            ("users/bob", {"deleted": "yes"}),
            ("channels/data-access", {"colour": "red"}),
        ],
    )
    def test_refuses_what_cannot_be(self, slack: Slack, path: str, body: dict[str, object]) -> None:
        assert slack.control("PATCH", f"/control/{path}", body).status_code == 422

    def test_is_for_who_holds_its_token(self, slack: Slack) -> None:
        assert slack.control("POST", "/trigger", {"user": slack.keys.users["bob"]}, token="x").status_code == 401
        assert slack.control("GET", "/control/nothing").status_code == 404

    def test_asks_the_app_for_the_challenge(self, slack: Slack) -> None:
        slack.app.answer = lambda payload: {"challenge": payload["challenge"]}
        said = slack.control("POST", "/control/verify").json()
        assert said["body"]["challenge"] == slack.app.payloads[0]["challenge"]

    def test_forgets_what_it_recorded(self, slack: Slack) -> None:
        slack.web.auth_test()
        assert slack.control("DELETE", "/record").status_code == 204
        assert slack.control("GET", "/record").json() == {"calls": []}

    def test_tells_of_connections_that_come_at_once(self, slack: Slack) -> None:
        answers: list[bool] = []
        together = threading.Barrier(4)

        def post() -> None:
            together.wait()
            answers.append(bool(slack.web.auth_test()["ok"]))

        threads = [threading.Thread(target=post) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert answers == [True] * 4
        assert len(slack.calls("auth.test")) == 4
