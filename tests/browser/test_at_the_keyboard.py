"""Guards that everything can be done with the keyboard alone, and that a session which ends loses nothing that was typed."""

from __future__ import annotations

from playwright.sync_api import Page, expect

from tests.browser.steps import READ_ORDERS, login_with, number_in, reads, shown_password
from tests.browser.windows import Windows
from tests.journeys.people import REASON, Login
from tests.journeys.world import World

MANY = 120  # presses of Tab within which everything on a page is reached


def tab_to(page: Page, selector: str) -> None:
    """Press Tab until the focus is there; it must be seen to be there."""
    for _ in range(MANY):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            ring = page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle")
            assert ring != "none", f"{selector} has the focus, and nothing shows it."
            return
    raise AssertionError(f"Tab never reaches {selector} on {page.url}.")


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
        bob.keyboard.press("a")
        bob.locator("#approve-dialog[open]").wait_for()
        bob.keyboard.press("Enter")
        reads(bob, "approved")
        assert world.alice.get(f"access-requests/{asked['id']}/")["state"] == "approved"

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
