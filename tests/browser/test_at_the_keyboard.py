"""Guards that everything can be done with the keyboard alone, and that a session which ends loses nothing that was typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.browser.states import use_kit
from tests.browser.steps import READ_ORDERS, login_with, number_in, reads, shown_password
from tests.browser.windows import PHONE, WITHOUT_JAVASCRIPT, Look, Windows
from tests.journeys.people import REASON, Login
from tests.journeys.world import World

IN_THE_DARK = Look(width=PHONE, scheme="dark", javascript=False)
# On the element itself, or on the label around a box.
IS_RINGED = """() => [document.activeElement, document.activeElement.closest("label")]
    .some(element => element && getComputedStyle(element).outlineStyle !== "none")"""
MANY = 120  # presses of Tab within which everything on a page is reached


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there; it must be seen to be there."""
    for _ in range(MANY):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            assert page.evaluate(IS_RINGED), f"{selector} has the focus, and nothing shows it."
            return
    raise AssertionError(f"Tab never reaches {selector} on {page.url}.")


def press_on(page: Page, selector: str, *, key: str = "Enter") -> None:
    tab_to(page, selector)
    page.keyboard.press(key)


def enter(page: Page, selector: str, text: str) -> None:
    tab_to(page, selector)
    page.keyboard.press("End")
    page.keyboard.type(text)


def day_like_month() -> datetime:
    """Soon, and written the same whichever of the two a browser has first."""
    soon = datetime.now(UTC) + timedelta(days=1)
    days = (soon + timedelta(days=ahead) for ahead in range(40))
    return next(day for day in days if day.day == day.month).replace(hour=11, minute=11)


def type_moment(page: Page, at: datetime) -> None:
    """Part by part; the year may have more digits than four, and waits. The p counts where hours are told by twelve."""
    page.keyboard.type(f"{at:%d%m%Y}")
    page.keyboard.press("ArrowRight")
    page.keyboard.type(f"{at:%H%M}p")


# Sooner after a form was closed than the browser has drawn the page without it.
QUICK_PRESS = """() => {
    const form = document.getElementById("deny-dialog"), field = form.querySelector("textarea");
    form.showModal();
    field.focus();
    form.close();
    field.dispatchEvent(new KeyboardEvent("keydown", {key: "a", bubbles: true, cancelable: true}));
}"""


class TestKeyboardAlone:
    def test_asks_approves_reveals_and_ends(self, world: World, windows: Windows) -> None:
        alice = windows.open("alice", READ_ORDERS)
        tab_to(alice, "[name=reason]")
        alice.keyboard.type(REASON)
        tab_to(alice, "button[value=send]")
        alice.keyboard.press("Enter")
        alice.wait_for_url("**/requests/*/")
        number = number_in(alice.url)

        bob = windows.open("bob", "/approvals/")
        tab_to(bob, f"a[href^='/approvals/{number}/']")
        bob.keyboard.press("Enter")
        bob.wait_for_url(f"**/approvals/{number}/**")
        tab_to(bob, "form[action$='/approve/'] button")
        bob.keyboard.press("Enter")
        reads(bob, "approved")

        asked = world.alice.get(f"access-requests/{number}/")
        grant = int(asked["grant"]["id"])
        world.wait_for(lambda: world.alice.grant(grant)["state"] == "active", what="it is live")
        alice.goto(f"/access/{grant}/")
        tab_to(alice, "form[action$='/reveal/'] button")
        alice.keyboard.press("Enter")
        password = shown_password(alice).inner_text().strip()
        assert login_with(world, grant, password) is Login.WORKS
        alice.goto(f"/access/{grant}/")
        tab_to(alice, "form[action$='/release/'] button")
        alice.keyboard.press("Enter")
        world.wait_for(lambda: world.alice.grant(grant)["state"] == "revoked", what="it is gone")
        assert login_with(world, grant, password) is Login.REFUSED

    def test_single_keys_open_what_is_waiting_and_approve_it(self, world: World, windows: Windows) -> None:
        asked = world.alice.ask(target="shop-prod", duration="PT2H")
        bob = windows.open("bob", f"/approvals/{asked['id']}/")
        bob.keyboard.press("d")
        bob.locator("#deny-dialog[open]").wait_for()
        bob.keyboard.press("Escape")
        expect(bob.locator("#deny-dialog")).to_be_hidden()
        bob.evaluate(QUICK_PRESS)
        bob.locator("#approve-dialog[open]").wait_for()
        bob.keyboard.press("Enter")
        reads(bob, "approved")
        assert world.alice.get(f"access-requests/{asked['id']}/")["state"] == "approved"

    def test_reviews_all_that_stands_and_signs_it_off(self, world: World, windows: Windows) -> None:
        erin = windows.open("erin", "/access-reviews/start/", look=WITHOUT_JAVASCRIPT)
        enter(erin, "[name=name]", "Staging, by hand")
        press_on(erin, "[name=environments][value=staging]", key="Space")
        press_on(erin, "[name=reviewers][value=security]", key="Space")  # who gains by nothing there
        press_on(erin, "main form button.main")
        reads(erin, "the review has begun")
        number = number_in(erin.url)
        carol = windows.open("carol", f"/access-reviews/{number}/", look=IN_THE_DARK)
        press_on(carol, "[name=everything]", key="Space")
        enter(carol, "[name=reason]", "The shop needs them.")
        press_on(carol, "button[value=keep]")
        reads(carol, "nothing waits for an answer any more")

        erin.goto(f"/access-reviews/{number}/")
        press_on(erin, "form[action$='/sign-off/'] button")

        reads(erin, "signed off by erin")
        facts = world.dave.get("audit-events/", subject=f"access_review/{number}")["results"]
        assert (facts[0]["event"], facts[0]["actor"]) == ("access_review.signed_off", "erin")

    def test_lends_a_voice_and_takes_it_back(self, world: World, windows: Windows) -> None:
        asked = world.alice.ask(target="shop-prod", duration="PT2H")
        bob = windows.open("bob", "/account/away/", look=WITHOUT_JAVASCRIPT)
        enter(bob, "[name=stand_in]", "mallory")
        tab_to(bob, "[name=ends_at]")
        type_moment(bob, day_like_month())
        press_on(bob, "form[action='/account/away/'] button")
        reads(bob, "answers for you")

        mallory = windows.open("mallory", f"/approvals/{asked['id']}/", look=IN_THE_DARK)
        reads(mallory, "in the place of bob")
        press_on(mallory, "form[action$='/approve/'] button")
        reads(mallory, "mallory, for bob, approved")
        press_on(bob, "form[action$='/end/'] button")
        reads(bob, "ended early")

        (given,) = world.alice.get(f"access-requests/{asked['id']}/")["approvals"]
        assert (given["person"], given["on_behalf_of"]) == ("mallory", "bob")

    def test_reviews_a_use_of_an_offline_kit(self, world: World, windows: Windows) -> None:
        number = use_kit(world)
        carol = windows.open("carol", "/break-glass/kits/", look=IN_THE_DARK)
        press_on(carol, f"a[href$='/uses/{number}/']")
        carol.wait_for_url("**/uses/*/")
        press_on(carol, "[name=finding]", key="Space")
        enter(carol, "[name=note]", "The ledger was mended by hand, as its log says.")
        press_on(carol, "form[action$='/review/'] button")

        reads(carol, "reviewed: a real emergency")
        facts = world.dave.get("audit-events/", event="breakglass.kit_reviewed")["results"]
        assert facts[0]["actor"] == "carol"

    def test_asks_by_a_preset_for_a_service_and_keeps_it_as_a_template(self, world: World, windows: Windows) -> None:
        alice = windows.open("alice", "/request/?target=shop-prod", look=WITHOUT_JAVASCRIPT)
        press_on(alice, "a[href*='preset=']")
        alice.wait_for_url("**preset=**")
        press_on(alice, "details#more > summary")
        enter(alice, "[name=grantee]", "ci-runner")
        enter(alice, "[name=reason]", REASON)
        press_on(alice, "button[value=send]")
        alice.wait_for_url("**/requests/*/")
        asked = world.alice.get(f"access-requests/{number_in(alice.url)}/")
        assert (asked["grantee"], asked["state"]) == ("ci-runner", "pending")

        press_on(alice, "details:has([name=name]) > summary")
        enter(alice, "[name=name]", " by hand")
        press_on(alice, "form[action$='/save/'] button")
        reads(alice, "is kept|kept as")
        alice.goto("/request/")

        press_on(alice, "summary#saved")
        expect(alice.get_by_role("link", name="by hand")).to_be_visible()

    def test_the_first_press_of_tab_offers_to_skip_to_the_content(self, windows: Windows) -> None:
        alice = windows.open("alice", "/access/")
        alice.keyboard.press("Tab")
        alice.keyboard.press("Enter")
        expect(alice.locator("#main")).to_be_focused()


class TestASessionThatEnds:
    def test_in_the_middle_of_a_form_keeps_what_was_typed(self, world: World, windows: Windows) -> None:
        typed = "Orders of 4711 & 4712 are <off> since noon."
        alice = windows.open("alice", READ_ORDERS)
        alice.locator("[name=reason]").fill(typed)
        alice.context.clear_cookies(name="sessionid")

        alice.locator("button[value=send]").click()

        alice.locator("[name=password]").wait_for()
        windows.sign_in("alice", alice)
        expect(alice.locator("[name=reason]")).to_have_value(typed)
        alice.locator("button[value=send]").click()
        alice.wait_for_url("**/requests/*/")
        assert world.alice.get(f"access-requests/{number_in(alice.url)}/")["reason"] == typed
