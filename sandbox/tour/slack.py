"""Bob decides where he is anyway: in Slack, with the buttons that anybody presses on the page of the stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

from sandbox.tour.narrator import Narrator, Unexpected, expect
from sandbox.tour.person import Answer, Person, wait_until
from sandbox.tour.slack_window import Form, SlackWindow

_SECONDS = 15.0  # It takes one or two; a machine may be busy with much else.
_APPROVE, _END = "Approve", "End now"


class SlackChapter:
    """One request approved, extended and ended in Slack, one denied there, and one decided elsewhere."""

    def __init__(self, *, state: Mapping[str, Any], people: Mapping[str, Person], tell: Narrator) -> None:
        self._state = state
        self._people = people
        self._tell = tell
        self._stack = ExitStack()
        self._alice, self._bob = (SlackWindow(name, state=state) for name in ("alice", "bob"))
        for window in (self._alice, self._bob):
            self._stack.callback(window.close)

    def play(self) -> None:
        with self._stack:
            self._tell.chapter("Bob is in Slack, and so are the buttons.")
            self._approve_and_end()
            self._deny()
            self._decided_elsewhere()
            self._expect_no_secret()

    def _approve_and_end(self) -> None:
        tell, alice = self._tell, self._people["alice"]
        with tell.step("Alice asks in the portal's API; a card stands in #data-access."):
            asked = self._ask("Ticket 4715: a parcel that came twice.")
            self._card_with(asked, _APPROVE)
        with tell.step("She presses Approve on it herself: only she reads why not, and it still waits."):
            self._confirm(self._alice, asked, _APPROVE)
            wait_until(lambda: "Nobody decides on access" in self._alice.whispers(), what=self._alice.whispers)
            expect(holds=self._state_of(asked) == "pending", found=self._state_of(asked))
        with tell.step(
            "Bob presses Approve and says yes to the question: it is approved, and the trail says via Slack."
        ):
            self._confirm(self._bob, asked, _APPROVE)
            expect(holds=self._state_of(asked) == "approved", found=self._state_of(asked))
            events = self._people["dave"].get("audit-events/", subject=f"access_request/{asked['id']}")["results"]
            ways = {event["event"]: event["via"] for event in events}
            expect(holds=ways.get("access_request.approved") == "slack", found=ways)
        with tell.step("The access is live, and the same card says so, with End now in place of Approve."):
            grant = self._people["alice"].get(f"access-requests/{asked['id']}/")["grant"]
            alice.await_grant(grant["id"], "active")
            live = self._card_with(asked, _END)
            expect(holds=_APPROVE not in live.buttons, found=live.buttons)
        self._extend(grant["id"])
        with tell.step("Alice presses End now: it is over, and nothing can be pressed any more."):
            self._confirm(self._alice, asked, _END)
            ended = alice.await_grant(grant["id"], "revoked")
            expect(holds=ended["reason"] == "released", found=ended["reason"])
            self._await_no_button(asked, _END)

    def _extend(self, grant: int) -> None:
        with self._tell.step("She asks for more time on her own card, Bob approves that too, and it ends later."):
            before = self._people["alice"].get(f"grants/{grant}/")
            asked = {"id": before["access_request"]}
            form = self._form(
                self._alice, self._card_with(asked, "Extend…", window=self._alice), "Extend…", "Ask for it"
            )
            self._alice.press(
                form, "Ask for it", **{"v:duration/duration": "PT15M", "v:reason/reason": "Two are left."}
            )
            newest = self._people["alice"].get("access-requests/", mine="true")["results"][0]
            self._card_with(newest, _APPROVE)
            self._confirm(self._bob, newest, _APPROVE)
            wait_until(
                lambda: self._people["alice"].get(f"grants/{grant}/")["expires_at"] > before["expires_at"],
                what=lambda: f"it still ends at {before['expires_at']}",
            )

    def _deny(self) -> None:
        with self._tell.step("Bob denies another one in a modal; the reason that he types stands on the card."):
            asked = self._ask("Ticket 4716: everything, to be sure.")
            why = "Ask for one collection, please."
            form = self._form(self._bob, self._card_with(asked, "Deny…"), "Deny…", "Deny")
            self._bob.press(form, "Deny", **{"v:reason/reason": why})
            expect(holds=self._state_of(asked) == "denied", found=self._state_of(asked))
            self._await_no_button(asked, "Deny…", says=why)

    def _decided_elsewhere(self) -> None:
        with self._tell.step("A third is denied in the portal: its card in Slack loses its buttons by itself."):
            asked = self._ask("Ticket 4717: prices of last week.")
            self._card_with(asked, _APPROVE)
            body = {"revision": asked["revision"], "reason": "Reports have them already."}
            self._people["grace"].post(f"access-requests/{asked['id']}/deny/", body)
            self._await_no_button(asked, _APPROVE)

    def _expect_no_secret(self) -> None:
        with self._tell.step("No password, token or connection string is in anything that was sent to Slack."):
            sent = self._bob.everything_sent()
            secrets = [*self._state["passwords"].values(), *self._state["tokens"].values()]
            secrets += [self._state["slack"]["signing_secret"], self._state["slack"]["bot_token"], "mongodb://"]
            expect(holds=not any(secret in sent for secret in secrets), found="one of them is")

    def _ask(self, reason: str) -> Answer:
        role = "read@shop.orders"
        return self._people["alice"].ask(target="shop-prod", role=role, duration="PT1H", reason=reason)

    def _state_of(self, asked: Answer) -> str:
        return str(self._people["alice"].get(f"access-requests/{asked['id']}/")["state"])

    def _confirm(self, window: SlackWindow, asked: Answer, button: str) -> None:
        """Press, and say yes to the question that Slack asks before it sends the press.

        :raises Unexpected: it does not ask.
        """
        for form in window.press(window.card(asked["id"]) or Form(action=""), button):
            for label, sent in form.buttons.items():
                if sent == ("do", "yes"):
                    window.press(form, label)
                    return
        raise Unexpected("Slack did not ask once more")

    def _form(self, window: SlackWindow, card: Form, button: str, submit: str) -> Form:
        """What a button opens.

        :raises Unexpected: nothing that could be sent by pressing `submit`.
        """
        forms = window.press(card, button)
        for form in forms:
            if submit in form.buttons:
                return form
        raise Unexpected(f"{button} opened no form to {submit}, only {[list(form.buttons) for form in forms]}")

    def _card_with(self, asked: Answer, button: str, *, window: SlackWindow | None = None) -> Form:
        """With a window it is that person's own card; otherwise the one in the channel, as Bob sees it."""
        found: list[Form] = []

        def is_there() -> bool:
            card = window.card(asked["id"], is_own=True) if window is not None else self._bob.card(asked["id"])
            found[:] = [card] if card is not None and button in card.buttons else []
            return bool(found)

        wait_until(is_there, what=lambda: f"request {asked['id']} has no card with {button}", seconds=20)
        return found[0]

    def _await_no_button(self, asked: Answer, button: str, *, says: str = "") -> None:
        def is_empty() -> bool:
            card = self._bob.card(asked["id"])
            return card is not None and button not in card.buttons and says in card.text

        wait_until(
            is_empty, what=lambda: f"the card still has {button}: {self._bob.card(asked['id'])}", seconds=_SECONDS
        )
