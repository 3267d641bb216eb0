"""Guards that a form for an ask lights one length only: the one that counts."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.steps import READ_ORDERS
from tests.browser.windows import Windows


class TestOneLength:
    def test_what_is_typed_puts_out_the_choice_and_a_choice_empties_what_was_typed(self, windows: Windows) -> None:
        alice = windows.open("alice", READ_ORDERS)
        chosen, other = alice.locator("[name=duration]:checked"), alice.locator("[name=other_duration]")
        expect(chosen).to_have_count(1)
        alice.get_by_text("or another length").click()

        other.fill("90 min")
        expect(chosen).to_have_count(0)

        alice.locator("label", has=alice.locator("[name=duration][value=PT1H]")).click()
        expect(chosen).to_have_value("PT1H")
        expect(other).to_have_value("")

    def test_a_long_word_that_is_said_again_does_not_widen_the_page(self, windows: Windows) -> None:
        alice = windows.open("alice", "/access/")
        alice.set_viewport_size({"width": 390, "height": 800})

        for path in ("/search/", "/request/"):
            alice.goto(f"{path}?q={'x' * 300}")
            assert alice.evaluate("document.documentElement.scrollWidth") == 390, path
