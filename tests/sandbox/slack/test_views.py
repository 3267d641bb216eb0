"""Guards modals and Home: triggers that live three seconds and work once, hashes, the stack, and what a form sends."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.webhook import WebhookClient

from sandbox.slack.limits import PRIVATE_METADATA
from tests.sandbox.slack.cards import HOME, NOTE, OPTIONS, card, modal, plain
from tests.sandbox.slack.serving import Payload, Slack


def refusal(call: Any, **arguments: Any) -> SlackApiError:
    with pytest.raises(SlackApiError) as refused:
        call(**arguments)
    return refused.value


def open_modal(slack: Slack, name: str = "bob", **more: Any) -> Payload:
    said = slack.web.views_open(trigger_id=slack.trigger(name)["trigger_id"], view=modal(**more))
    view: Payload = said["view"]
    return view


class TestTrigger:
    def test_opens_one_modal(self, slack: Slack) -> None:
        trigger = slack.trigger("bob")["trigger_id"]
        view = slack.web.views_open(trigger_id=trigger, view=modal())["view"]
        assert view["root_view_id"] == view["id"]
        assert refusal(slack.web.views_open, trigger_id=trigger, view=modal()).response["error"] == (
            "exchanged_trigger_id"
        )
        assert refusal(slack.web.views_open, trigger_id="1.2.3", view=modal()).response["error"] == "invalid_trigger_id"

    def test_dies(self, slack: Slack) -> None:
        slack.set(trigger_seconds=0)
        trigger = slack.trigger("bob")["trigger_id"]
        assert refusal(slack.web.views_open, trigger_id=trigger, view=modal()).response["error"] == "expired_trigger_id"


class TestViews:
    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"title": plain("x" * 25)}, "must be less than 25 characters [json-pointer:/view/title/text]"),
            ({"submit": None}, "must provide an object [json-pointer:/view/submit]"),
            ({"private_metadata": "x" * (PRIVATE_METADATA + 1)}, "must be less than 3001 characters"),
            ({"type": "home"}, "unsupported type: home [json-pointer:/view/type]"),
            ({"blocks": [NOTE, NOTE]}, "`note` is used more than once [json-pointer:/view/blocks/1/block_id]"),
        ],
    )
    def test_that_break_a_rule_are_refused(self, slack: Slack, changes: dict[str, Any], problem: str) -> None:
        view = modal() | changes
        answer = refusal(slack.web.views_open, trigger_id=slack.trigger("bob")["trigger_id"], view=view).response
        assert answer["error"] == "invalid_arguments"
        assert answer["errors"][0].startswith(problem)

    def test_with_an_input_need_a_submit(self, slack: Slack) -> None:
        view = {name: value for name, value in modal().items() if name != "submit"}
        answer = refusal(slack.web.views_open, trigger_id=slack.trigger("bob")["trigger_id"], view=view).response
        assert answer["errors"] == ["missing required field: submit [json-pointer:/view]"]

    def test_are_updated_under_their_hash(self, slack: Slack) -> None:
        view = open_modal(slack)
        changed = slack.web.views_update(view_id=view["id"], hash=view["hash"], view=modal(title=plain("Other")))
        assert changed["view"]["hash"] != view["hash"]
        late = refusal(slack.web.views_update, view_id=view["id"], hash=view["hash"], view=modal())
        assert late.response["error"] == "hash_conflict"

    def test_stack_three_high(self, slack: Slack) -> None:
        view = open_modal(slack, blocks=[NOTE])
        slack.app.answer = lambda _payload: {"response_action": "push", "view": modal(NOTE)}
        for _ in range(2):
            slack.press("bob", "/as/bob/", "Deny it")
        page = slack.press("bob", "/as/bob/", "Deny it")
        assert "push_limit_reached" in page
        assert slack.server.workspace.stacks[slack.keys.users["bob"]][0] == view["id"]
        slack.press("bob", "/as/bob/", "Close all")
        gone = refusal(slack.web.views_update, view_id=view["id"], view=modal())
        assert gone.response["error"] == "not_found"

    def test_of_home_are_published_under_their_hash(self, slack: Slack) -> None:
        bob = slack.keys.users["bob"]
        first = slack.web.views_publish(user_id=bob, view=HOME)["view"]
        slack.web.views_publish(user_id=bob, view=HOME, hash=first["hash"])
        late = refusal(slack.web.views_publish, user_id=bob, view=HOME, hash=first["hash"])
        assert late.response["error"] == "hash_conflict"
        assert "Your access" in slack.see("/as/bob/home")
        assert refusal(slack.web.views_publish, user_id=bob, view=modal()).response["error"] == "invalid_arguments"


class TestResponseUrl:
    def test_works_five_times(self, slack: Slack) -> None:
        client = WebhookClient(slack.trigger("bob")["response_url"])
        answers = [client.send(text=f"No {number}.") for number in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [404]
        assert '"used_url"' in answers[-1].body
        assert len(slack.calls("response_url")) == 6
        assert "No 4." in slack.see(f"/as/bob/c/{slack.server.workspace.direct(slack.user('bob')).id}")

    def test_dies(self, slack: Slack) -> None:
        slack.set(response_url_seconds=0)
        assert '"expired_url"' in WebhookClient(slack.trigger("bob")["response_url"]).send(text="x").body

    def test_replaces_or_removes_what_was_pressed(self, slack: Slack) -> None:
        posted = slack.web.chat_postMessage(channel="data-access", text="Asked", blocks=card())
        page = f"/as/bob/c/{posted['channel']}"
        slack.press("bob", page, "Deny…")
        client = WebhookClient(slack.app.payloads[0]["response_url"])
        assert client.send(text="Only you see this.", response_type="ephemeral").status_code == 200
        assert "Only you see this." not in slack.see(page.replace("bob", "grace"))
        assert "Access request 7" in slack.see(page)
        assert client.send(text="Denied", replace_original=True).status_code == 200
        assert "Access request 7" not in slack.see(page)
        assert client.send(delete_original=True).status_code == 200
        assert slack.server.workspace.message(posted["channel"], posted["ts"]) is None


class TestSubmitting:
    @pytest.fixture
    def view(self, slack: Slack) -> Payload:
        slack.app.answer = lambda payload: OPTIONS if payload["type"] == "block_suggestion" else None
        view = open_modal(slack)
        assert "Too long" in slack.see("/as/bob/")
        return view

    def test_sends_what_was_filled_in_and_closes(self, slack: Slack, view: Payload) -> None:
        page = slack.press(
            "bob", "/as/bob/", "Deny it", **{"v:reason/choose": "too_long", "v:note/typed": "Ask for less."}
        )
        sent = slack.app.payloads[-1]
        assert sent["type"] == "view_submission"
        assert sent["view"]["private_metadata"] == "v1.7.1"
        assert sent["view"]["hash"] == view["hash"]
        values = sent["view"]["state"]["values"]
        assert values["note"]["typed"] == {"type": "plain_text_input", "value": "Ask for less."}
        assert values["reason"]["choose"]["selected_option"]["value"] == "too_long"
        assert 'role="dialog"' not in page

    def test_asks_for_what_is_missing_before_the_app_hears_of_it(self, slack: Slack, view: Payload) -> None:
        page = slack.press("bob", "/as/bob/", "Deny it", **{"v:note/typed": "Kept"})
        assert "Please complete this required field." in page
        assert ">Kept</textarea>" in page
        assert {each["type"] for each in slack.app.payloads} == {"block_suggestion"}

    def test_shows_the_errors_of_the_app(self, slack: Slack, view: Payload) -> None:
        slack.app.answer = lambda _payload: {"response_action": "errors", "errors": {"note": "Say why."}}
        page = slack.press("bob", "/as/bob/", "Deny it", **{"v:reason/choose": "not_needed"})
        assert "Say why." in page
        slack.app.answer = lambda _payload: {"response_action": "errors", "errors": {"other": "Say why."}}
        page = slack.press("bob", "/as/bob/", "Deny it", **{"v:reason/choose": "not_needed"})
        assert "errors_of_unknown_blocks" in page

    def test_dispatches_a_choice_at_once(self, slack: Slack, view: Payload) -> None:
        slack.press("bob", "/as/bob/", "Choose", **{"v:reason/choose": "not_needed"})
        (action,) = slack.app.payloads[-1]["actions"]
        assert (action["action_id"], action["selected_option"]["value"]) == ("choose", "not_needed")
        assert slack.app.payloads[-1]["container"] == {"type": "view", "view_id": view["id"]}
        assert 'value="not_needed" selected' in slack.see("/as/bob/")

    def test_asks_the_app_for_options(self, slack: Slack, view: Payload) -> None:
        slack.press("bob", "/as/bob/", "Search", **{"q:reason/choose": "too"})
        assert [each["value"] for each in slack.app.payloads] == ["", "too"]
        slack.app.answer = lambda _payload: {"options": []}
        assert "Nothing fits what you typed." in slack.press("bob", "/as/bob/", "Search")

    def test_tells_of_a_close_only_where_asked(self, slack: Slack, view: Payload) -> None:
        slack.press("bob", "/as/bob/", "Back")
        assert "view_closed" not in {each["type"] for each in slack.app.payloads}
        open_modal(slack, notify_on_close=True)
        slack.press("bob", "/as/bob/", "Back")
        assert slack.app.payloads[-1]["type"] == "view_closed"

    @pytest.mark.parametrize("clears", [False, True])
    def test_a_close_leads_back_to_the_form_below_unless_all_is_to_close(
        self, slack: Slack, view: Payload, clears: bool
    ) -> None:
        words = {"type": "plain_text", "text": "Done"}
        top = {"type": "modal", "title": words, "close": words, "blocks": [{"type": "section", "text": words}]}
        slack.app.answer = lambda _payload: {
            "response_action": "push",
            "view": {**top, "clear_on_close": True} if clears else top,
        }
        slack.press("bob", "/as/bob/", "Deny it", **{"v:reason/choose": "too_long", "v:note/typed": "Kept"})
        slack.app.answer = lambda payload: OPTIONS if payload["type"] == "block_suggestion" else None
        page = slack.press("bob", "/as/bob/", "Done")
        assert ('role="dialog"' in page, ">Kept</textarea>" in page) == (not clears, not clears)

    def test_says_when_the_app_does_not_answer(self, slack: Slack, view: Payload) -> None:
        slack.app.answer = lambda _payload: 500
        page = slack.press("bob", "/as/bob/", "Deny it", **{"v:reason/choose": "too_long"})
        assert "Access answered with 500. Try again." in page
        assert 'role="dialog"' in page
