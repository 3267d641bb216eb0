"""Guards the page of the Slack stand-in in a real browser: nothing for axe to find, no sideways scroll, and it works with
and without JavaScript. It needs no world: the stand-in runs in this process.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.inspection import inspect
from tests.browser.steps import look_again
from tests.browser.windows import PATIENCE
from tests.sandbox.slack.cards import HOME, NOTE, OPTIONS, REASON, card, modal, plain
from tests.sandbox.slack.serving import Slack, slack_running

LENGTHS = {
    "type": "input",
    "block_id": "length",
    "label": plain("How long"),
    "element": {"type": "radio_buttons", "action_id": "chosen", **OPTIONS},
}


@pytest.fixture(scope="module")
def slack() -> Iterator[Slack]:
    with slack_running() as running:
        running.app.answer = lambda payload: OPTIONS if payload["type"] == "block_suggestion" else None
        running.set(rate_limits=False, news_seconds=0)
        running.web.views_publish(
            user_id=running.keys.users["bob"], view={**HOME, "blocks": [*HOME["blocks"], *card()]}
        )
        yield running


@pytest.fixture
def posted(slack: Slack) -> str:
    """The address of a channel with a card that somebody has answered, and a word for Bob alone."""
    channel = slack.keys.channels["data-access"]
    said = slack.web.chat_postMessage(channel=channel, text="Asked", blocks=card())
    slack.web.chat_postMessage(channel=channel, text="Seen.", thread_ts=said["ts"])
    slack.web.chat_postEphemeral(channel=channel, user=slack.keys.users["bob"], text="Not yours to decide.")
    return f"{slack.server.origin}/as/bob/c/{channel}"


def window(browser: Browser, address: str, *, javascript: bool = True) -> Page:
    context = browser.new_context(java_script_enabled=javascript, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(address)
    return page


@pytest.fixture
def page(browser: Browser, posted: str) -> Iterator[Page]:
    page = window(browser, posted)
    yield page
    page.context.close()


def ask(slack: Slack) -> None:
    slack.web.views_open(trigger_id=slack.trigger("bob")["trigger_id"], view=modal(REASON, LENGTHS, NOTE))


def back(page: Page) -> None:
    """Out of a question or a form; a window that is closed before it is gone leaves it open for whoever comes next."""
    page.get_by_role("button", name="Back").click()
    for role in ("dialog", "alertdialog"):
        expect(page.get_by_role(role)).to_have_count(0)


class TestEveryView:
    def test_can_be_used_by_everybody(self, slack: Slack, page: Page) -> None:
        origin = slack.server.origin
        found = inspect(page, name="channel")
        page.get_by_role("link", name="1 reply").last.click()
        found += inspect(page, name="thread")
        for name, path in (("home", "/as/bob/home"), ("who to be", "/")):
            page.goto(f"{origin}{path}")
            found += inspect(page, name=name)
        assert found == []

    def test_with_a_question_or_a_form_over_it_too(self, slack: Slack, page: Page) -> None:
        page.get_by_role("button", name="Approve 2 h").last.click()
        found = inspect(page, name="question")
        back(page)
        ask(slack)
        look_again(page)
        page.locator(".modal-foot").get_by_role("button", name="Deny it").click()
        expect(page.get_by_text("Please complete this required field.").first).to_be_visible()
        found += inspect(page, name="form")
        back(page)
        assert found == []


class TestWithoutJavaScript:
    def test_a_press_is_confirmed_and_sent(self, slack: Slack, browser: Browser, posted: str) -> None:
        page = window(browser, posted, javascript=False)
        before = len(slack.app.arrivals)
        page.get_by_role("button", name="Approve 2 h").last.click()
        page.get_by_role("alertdialog").get_by_role("button", name="Yes, approve").click()
        expect(page.get_by_role("alertdialog")).to_have_count(0)
        assert [each["actions"][0]["action_id"] for each in slack.app.payloads[before:]] == ["approve"]
        page.context.close()


class TestWithJavaScript:
    def test_a_choice_takes_effect_at_once(self, slack: Slack, page: Page) -> None:
        ask(slack)
        look_again(page)
        before = len(slack.app.arrivals)
        with page.expect_navigation():
            page.get_by_role("dialog").locator("select").first.select_option("too_long")
        assert slack.app.payloads[before]["actions"][0]["selected_option"]["value"] == "too_long"
        back(page)

    def test_what_a_press_opens_stands_over_the_message_that_was_pressed(self, slack: Slack, page: Page) -> None:
        channel = slack.keys.channels["break-glass"]
        for _ in range(6):
            slack.web.chat_postMessage(channel=channel, text="Asked", blocks=card())
        page.goto(f"{slack.server.origin}/as/bob/c/{channel}")
        button = page.get_by_role("button", name="Approve 2 h").nth(2)
        button.scroll_into_view_if_needed()
        before = page.evaluate("scrollY")
        button.click()
        expect(page.get_by_role("alertdialog")).to_be_visible()
        assert page.evaluate("scrollY") == before > 0
        back(page)
        page.wait_for_function("before => scrollY === before", arg=before)

    def test_a_form_that_was_closed_in_another_window_closes(self, slack: Slack, browser: Browser, page: Page) -> None:
        other = window(browser, page.url)
        ask(slack)
        for one in (page, other):
            look_again(one)
            expect(one.get_by_role("dialog")).to_be_visible()
        page.locator(".modal-foot").get_by_role("button", name="Back").click()
        expect(other.get_by_role("dialog")).to_have_count(0)

        other.get_by_role("button", name="Approve 2 h").last.click()
        look_again(page)
        expect(page.get_by_role("alertdialog")).to_be_visible()
        back(other)
        expect(page.get_by_role("alertdialog")).to_have_count(0)
        other.context.close()

    def test_news_come_by_themselves(self, slack: Slack, page: Page) -> None:
        slack.web.chat_postMessage(channel="data-access", text="Gone 18:52:04.")
        expect(page.get_by_text("Gone 18:52:04.")).to_be_visible()
