"""What is done on a page before it is looked at: a form sent half filled in, a secret shown, a policy written."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import httpx2
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from playwright.sync_api import Page

from tests.browser.steps import press
from tests.browser.windows import PATIENCE, Windows

CAREFUL = "grace"  # has a second factor once one of these has added it, and nobody else signs in as her


def send_nothing(page: Page, _windows: Windows) -> None:
    """Past the browser's own checks: the server's answer is looked at."""
    form = page.locator("form").filter(has=page.locator("[name=reason]"))
    form.evaluate("form => { form.noValidate = true; }")
    form.locator("button[value=send]").click()
    page.locator(".wrong").first.wait_for()


def preview(page: Page, _windows: Windows) -> None:
    """The page asks for it by itself once one has stopped to type."""
    with page.expect_response(lambda answer: answer.request.method == "POST"):
        page.locator("[name=reason]").press_sequentially("Refund totals are off for twelve orders.")
    page.wait_for_load_state("networkidle")


def keep_as_template(page: Page, _windows: Windows) -> None:
    page.get_by_text("Keep it as a template").click()
    page.locator("#keep_name").fill("Orders, as every Monday")
    press(page, "^keep it$")
    page.goto("/request/")
    page.get_by_text("Your templates").click()


def link_an_account(page: Page, windows: Windows) -> None:
    """The way that Slack leads: whoever is linked to nobody is given an address there."""
    slack = windows.slack
    channel = slack["channels"]["data-access"]
    with httpx2.Client(base_url=slack["url"], trust_env=False) as outsider:
        outsider.post("/as/olga/say", data={"channel": channel, "text": "/access mine"})
        end = time.monotonic() + PATIENCE / 1000
        while "Link your account" not in (shown := outsider.get(f"/as/olga/c/{channel}").text):
            assert time.monotonic() < end, "Nobody told Olga how to link her account."
            time.sleep(0.5)
        said = re.findall(r'name="place" value="(m/[^"]+)"', shown.rpartition("Link your account")[0])
        led = outsider.post("/as/olga/use", data={"place": said[-1], "press": "act%3Awhisper/open"})
    page.goto(led.headers["Location"])


def make_token(page: Page, _windows: Windows) -> None:
    page.locator("[name=name]").fill("laptop")
    page.locator("[name=scopes]").first.check()
    press(page, "^make")


def show_password(page: Page, _windows: Windows) -> None:
    press(page, "reveal")


# -- A second factor, of one person whom no other test signs in. ---------------------------------


def have_second_factor(page: Page, _windows: Windows) -> None:
    """Add an app, unless there is one; then the same address is the page on which it is removed."""
    page.goto("/account/second-factor/")
    key = page.get_by_label("The key")
    if key.count():
        code = format_hotp_value(hotp_value(key.inner_text().strip(), int(time.time()) // 30))
        page.locator("[name=code]").fill(code)
        press(page, "^add the app")
        page.wait_for_url("**/account/recovery-codes/")


def then(path: str) -> Callable[[Page, Windows], None]:
    def act(page: Page, windows: Windows) -> None:
        have_second_factor(page, windows)
        page.goto(path)

    return act


def show_recovery_codes(page: Page, windows: Windows) -> None:
    then("/account/recovery-codes/new/")(page, windows)
    press(page, "^make new codes")
    page.wait_for_url("**/account/recovery-codes/")


def recovery_codes_again(page: Page, windows: Windows) -> None:
    show_recovery_codes(page, windows)
    page.reload()


def be_asked_for_a_code(page: Page, windows: Windows) -> None:
    have_second_factor(windows.open(CAREFUL), windows)
    windows.sign_in(CAREFUL, page)
    page.wait_for_url("**/accounts/code/")


def type_a_wrong_code(page: Page, windows: Windows) -> None:
    be_asked_for_a_code(page, windows)
    page.locator("[name=code]").fill("000000")
    press(page, "^sign in")
    page.locator(".wrong").first.wait_for()


# -- Words that are typed, and boxes that are ticked. ---------------------------------------------


def ask_on_more_servers(page: Page, _windows: Windows) -> None:
    page.locator("details#more > summary").click()
    page.locator("details#more").get_by_label("shop-staging").check()
    page.locator("#rail").get_by_text("shop-staging").first.wait_for()


def want_more_time_for_nothing(page: Page, _windows: Windows) -> None:
    form = page.locator("form[action$='/extend/']")
    form.evaluate("form => { form.noValidate = true; }")
    form.get_by_role("button").click()
    page.locator(".wrong").first.wait_for()


def break_without_words(page: Page, _windows: Windows) -> None:
    form = page.locator("form").filter(has=page.locator("[name=confirm_target]"))
    form.evaluate("form => { form.noValidate = true; }")
    form.locator("button").last.click()
    page.locator(".wrong").first.wait_for()


def try_the_glass(page: Page, _windows: Windows) -> None:
    press(page, "^test it now")
    page.get_by_text("It is being tested").wait_for()


def answer_for_nothing(page: Page, _windows: Windows) -> None:
    press(page, "^end$")
    page.get_by_text("Tick at least one access").first.wait_for()


# -- A policy, written and not published. ---------------------------------------------------------


def write_what_is_wrong(page: Page, _windows: Windows) -> None:
    document = page.locator("[name=document]")
    document.fill(f"{document.input_value()}\nrulez: []\n")
    press(page, "^check and keep")
    page.get_by_role("heading", name="What has to be put right").wait_for()


def write_a_draft(page: Page, _windows: Windows) -> None:
    document = page.locator("[name=document]")
    document.fill(document.input_value().replace("PT8H", "PT6H"))
    press(page, "^check and keep")
    page.wait_for_url("**/policies/drafts/*/")


def propose_a_draft(page: Page, windows: Windows) -> None:
    """By a version in force, published first where it is not yet, after which others have to agree."""
    document = page.locator("[name=document]")
    if "publishing:" not in document.input_value():
        document.fill(f"{document.input_value()}\npublishing:\n  approvals: [{{group: security, people: 1}}]\n")
        press(page, "^check and keep")
        press(page, "^publish draft")
        page.get_by_text("published and in force").wait_for()
        page.goto("/policies/new/")
    write_a_draft(page, windows)
    press(page, "^propose draft")
    page.get_by_text("is proposed").wait_for()


def be_asked_to_agree(page: Page, windows: Windows) -> None:
    author = windows.open("erin", "/policies/new/")
    propose_a_draft(author, windows)
    page.goto(author.url)
    page.get_by_role("button", name="Agree to draft").wait_for()


def replay_under_a_draft(page: Page, windows: Windows) -> None:
    write_a_draft(page, windows)
    page.get_by_role("link", name="Replay past requests under it").click()
    page.wait_for_url("**/simulate/**")
