"""Guards the main job in a real browser: ask, approve on a phone, reveal, connect with what was shown, end; and the ways
in which a request comes to nothing. What counts is what the target itself answers.
"""

from __future__ import annotations

from contextlib import suppress

import pytest
from playwright.sync_api import Error, expect

from tests.browser.states import lapse
from tests.browser.steps import (
    CHANGE_SHOP,
    READ_ORDERS,
    approve,
    is_on_target,
    login_with,
    look_again,
    open_grant,
    press,
    reads,
    reveal,
    send_ask,
    shown_password,
    until_it_reads,
)
from tests.browser.windows import ON_A_PHONE, WITHOUT_JAVASCRIPT, Look, Windows
from tests.journeys.people import Login
from tests.journeys.world import World


def ask_to_end(world: World, windows: Windows, *, look: Look, approvers_look: Look) -> None:
    """The whole story; a step that needs more than the look has would fail in it."""
    alice = windows.open("alice", READ_ORDERS, look=look)
    number = send_ask(alice)
    reads(alice, "waiting")
    bob = windows.open("bob", look=approvers_look)
    approve(bob, number)
    reads(bob, "approved")

    grant = open_grant(alice, number, world=world)
    password = reveal(alice)
    assert login_with(world, grant, password) is Login.WORKS
    alice.goto(f"/access/{grant}/")
    press(alice, "^end")
    until_it_reads(alice, "gone|ended", world=world)
    world.wait_for(lambda: world.alice.grant(grant)["state"] == "revoked", what="it is gone")
    assert login_with(world, grant, password) is Login.REFUSED
    assert not is_on_target(world, grant)


class TestAskApproveRevealConnectEnd:
    def test_is_approved_on_a_phone_and_works_until_it_is_ended(self, world: World, windows: Windows) -> None:
        ask_to_end(world, windows, look=Look(), approvers_look=ON_A_PHONE)

    def test_needs_no_javascript(self, world: World, windows: Windows) -> None:
        ask_to_end(world, windows, look=WITHOUT_JAVASCRIPT, approvers_look=WITHOUT_JAVASCRIPT)


class TestTwoApprovers:
    def test_nothing_is_made_before_the_second_has_agreed(self, world: World, windows: Windows) -> None:
        alice = windows.open("alice", CHANGE_SHOP)
        number = send_ask(alice)
        before = world.targets["shop-prod"].users()
        bob = windows.open("bob")
        approve(bob, number)
        reads(bob, "1 of 2|one more|carol|security")
        asked = world.alice.get(f"access-requests/{number}/")
        assert (asked["state"], asked["grant"]) == ("pending", None)
        assert set(world.targets["shop-prod"].users()) <= set(before)

        approve(windows.open("carol"), number)

        grant = open_grant(alice, number, world=world)
        assert login_with(world, grant, reveal(alice)) is Login.WORKS


class TestComesToNothing:
    @pytest.mark.parametrize("look", [ON_A_PHONE, WITHOUT_JAVASCRIPT], ids=["on a phone", "without JavaScript"])
    def test_denied_with_the_reason_for_her_who_asked(self, look: Look, world: World, windows: Windows) -> None:
        number = send_ask(windows.open("alice", READ_ORDERS))
        bob = windows.open("bob", f"/approvals/{number}/", look=look)
        reason = "Staging holds the same orders; look there first."
        bob.locator(".decide").get_by_text("Deny…").click()
        bob.locator("dialog[open] [name$=reason]").fill(reason)
        bob.locator("dialog[open]").get_by_role("button", name="Deny").click()
        reads(bob, "denied")

        alice = windows.open("alice", f"/requests/{number}/")
        reads(alice, reason)
        assert world.alice.get(f"access-requests/{number}/")["state"] == "denied"
        expect(alice.locator("main a[href^='/access/']")).to_have_count(0)

    def test_taken_back_by_her_who_asked(self, world: World, windows: Windows) -> None:
        alice = windows.open("alice", READ_ORDERS)
        number = send_ask(alice)
        press(alice, "take|cancel")
        reads(alice, "taken back|cancelled|withdrawn")
        assert world.alice.get(f"access-requests/{number}/")["state"] == "cancelled"

        bob = windows.open("bob", f"/approvals/{number}/")

        expect(bob.get_by_role("button", name="Approve")).to_have_count(0)

    def test_lapsed_because_nobody_answered(self, world: World, windows: Windows) -> None:
        alice = windows.open("alice", READ_ORDERS)
        number = send_ask(alice)
        lapse(world, world.alice.get(f"access-requests/{number}/"))

        look_again(alice)

        reads(alice, "nobody answered|lapsed")
        bob = windows.open("bob", f"/approvals/{number}/")
        expect(bob.get_by_role("button", name="Approve")).to_have_count(0)


class TestTheShownPassword:
    def test_is_gone_after_a_step_back(self, world: World, windows: Windows) -> None:
        alice = windows.open("alice", READ_ORDERS)
        number = send_ask(alice)
        approve(windows.open("bob"), number)
        grant = open_grant(alice, number, world=world)
        password = reveal(alice)

        alice.goto("/access/")
        with suppress(
            Error
        ):  # a step back to what only a button shows: the browser asks whether to send the form again
            alice.go_back()
        expect(alice.locator("body")).not_to_contain_text(password)
        alice.goto(f"/access/{grant}/")
        expect(shown_password(alice)).to_have_count(0)
        stored = alice.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}, history.state])")
        assert password not in stored
