"""Guards that every no is a page that can be used: it says what is true and what to do, and is as accessible as the others."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from playwright.sync_api import Page, Response

from tests.browser.inspection import inspect
from tests.browser.states import LONG, States
from tests.browser.steps import READ_ORDERS, press, reads
from tests.browser.windows import Windows
from tests.journeys.world import World


def expect_usable(page: Page, answer: Response | None, status: int, says: str) -> None:
    assert answer is not None
    assert answer.status == status
    reads(page, says)
    assert not (problems := inspect(page, name=str(status))), "\n".join(problems)


def answer_to(page: Page, text: str, *, path: str) -> Response:
    """What the server said to the press of a button."""

    def is_it(answer: Response) -> bool:
        return path in answer.url and answer.request.method == "POST" and answer.request.is_navigation_request()

    with page.expect_response(is_it) as found:
        press(page, text)
    return found.value


def send_wrong_password(page: Page) -> Response:
    page.locator("[name=login]").fill("nobody-at-all")
    page.locator("[name=password]").fill("wrong")
    with page.expect_response(lambda answer: answer.request.method == "POST") as found:
        page.locator("[name=password]").press("Enter")
    return found.value


class TestErrorPages:
    def test_a_form_from_elsewhere(self, windows: Windows) -> None:
        alice = windows.open("alice", READ_ORDERS)
        alice.locator("[name=reason]").fill("Refund totals are off for twelve orders.")
        windows.expected.add(403)  # to the question what the policy would say of it, too
        alice.context.clear_cookies(name="csrftoken")
        expect_usable(alice, answer_to(alice, "^send", path="/request/"), 403, "nothing")

    def test_a_decision_that_somebody_else_has_made(self, world: World, windows: Windows) -> None:
        asked = world.alice.ask(target="shop-prod", duration=LONG)
        bob = windows.open("bob", f"/approvals/{asked['id']}/")
        world.people["grace"].approve(asked)
        expect_usable(bob, answer_to(bob, "^approve", path="/approve/"), 409, "grace")

    def test_a_password_that_was_shown_already(self, world: World, windows: Windows) -> None:
        access = world.approved(duration=LONG)
        world.await_grant(access, "active")
        alice = windows.open("alice", f"/access/{access.grant['id']}/")
        alice.get_by_role("button", name="Reveal").first.wait_for()
        world.alice.reveal(access.grant["id"])
        expect_usable(alice, answer_to(alice, "reveal", path="/reveal/"), 410, "new one")

    def test_more_than_fits_into_a_form(self, windows: Windows) -> None:
        alice = windows.open("alice", READ_ORDERS)
        much = "field => { field.removeAttribute('maxlength'); field.value = 'much '.repeat(80000); }"
        alice.locator("[name=reason]").evaluate(much)
        expect_usable(alice, answer_to(alice, "^send", path="/request/"), 413, "256 kB")

    def test_too_many_wrong_passwords(self, windows: Windows) -> None:
        page = windows.open(None, "/accounts/login/")
        answers = [send_wrong_password(page) for _ in range(11)]
        assert answers[0].status == 422
        expect_usable(page, answers[-1], 429, "minute|again|wait")

    def test_something_broke(self, world: World, states: States, windows: Windows) -> None:
        alice = windows.open("alice", "/tokens/")
        with without_table(world, "accessrequests_personaltoken"):
            answer = alice.goto("/tokens/")
            expect_usable(alice, answer, 500, "nothing|broke")

    @pytest.mark.slow
    def test_the_database_is_away(self, world: World, windows: Windows) -> None:
        alice = windows.open("alice", "/access/")
        with world.without("postgres"):
            answer = alice.goto("/access/")
            expect_usable(alice, answer, 503, "database does not answer")
        world.wait_for(lambda: alice.goto("/access/").status == 200, what="the web answers again")  # type: ignore[union-attr]


@contextmanager
def without_table(world: World, name: str) -> Iterator[None]:
    """Nothing that anybody can do breaks a page, as far as we know; the owner of the database can."""
    with psycopg.connect(world.state()["postgres"], autocommit=True) as connection:
        connection.execute(f"ALTER TABLE {name} RENAME TO {name}_away")
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE {name}_away RENAME TO {name}")
