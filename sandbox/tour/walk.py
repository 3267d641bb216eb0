"""The chapters of the tour, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from sandbox.catalogue import NAMES
from sandbox.tour.atlas import AtlasChapter
from sandbox.tour.break_glass import BreakGlassChapter
from sandbox.tour.ending import Ending
from sandbox.tour.narrator import Narrator, expect
from sandbox.tour.person import Answer, Browser, Person
from sandbox.tour.slack import SlackChapter
from sandbox.tour.story import Story, await_refusal, expect_nothing_made
from sandbox.tour.target import Target

_READ_ORDERS, _WRITE_ORDERS = "read@shop.orders", "readWrite@shop.orders"
_SHORT = "PT12S"
_WHILE = "PT20S"  # until two people have agreed to the other one, too


class Tour:
    """Walks once through a running world, which it knows by its state file only."""

    def __init__(self, state: Mapping[str, Any], *, say: Callable[[str], None]) -> None:
        self._state = state
        self._tell = Narrator(say)
        self._stack = ExitStack()
        self._people = {name: Person(name, state=state) for name in NAMES}
        self._production = Target("shop-prod", state=state)
        self._development = Target("shop-dev", state=state)
        for person in self._people.values():
            self._stack.callback(person.close)
        for target in (self._production, self._development):
            self._stack.callback(target.close)

    def walk(self) -> None:
        """:raises TourFailed: a step did not go as it must."""
        with self._stack:
            before = self._production.users()
            reading = self._ask_and_approve()
            writing = self._approve_by_two()
            Ending(reading=reading, writing=writing, tell=self._tell, stack=self._stack).play()
            self._release()
            self._deny()
            self._automatic()
            SlackChapter(state=self._state, people=self._people, tell=self._tell).play()
            BreakGlassChapter(
                state=self._state,
                people=self._people,
                target=self._production,
                tell=self._tell,
                stack=self._stack,
            ).play()
            AtlasChapter(state=self._state, people=self._people, tell=self._tell).play()
            self._prove(reading)
            with self._tell.step("Every user that shop-prod had before is still there, and no other."):
                after = self._production.users()
                expect(holds=after == before, found=sorted(set(after) ^ set(before)))
            self._tell.sum_up()

    def _open(self, person: Person, decided: Answer, target: Target) -> Story:
        story = Story(person=person, access_request=decided, target=target, tell=self._tell)
        self._stack.callback(story.close)
        story.open()
        return story

    def _ask_and_approve(self) -> Story:
        tell, alice, bob = self._tell, self._people["alice"], self._people["bob"]
        tell.chapter("Alice needs to look at production orders; Bob, a data owner, agrees.")
        ask = {"target": "shop-prod", "role": _READ_ORDERS, "duration": _WHILE, "reason": "Ticket 4711: a lost parcel."}
        with tell.step("The preview says that one data owner must approve, and files nothing."):
            verdict = alice.preview(**ask)
            expect(holds=verdict["allowed"] and not verdict["automatic"], found=verdict)
            expect(holds=[step["group"] for step in verdict["steps"]] == ["data-owners"], found=verdict["steps"])
        with tell.step("Alice asks for read@shop.orders on shop-prod."):
            asked = alice.ask(**ask)
            expect(holds=asked["state"] == "pending" and asked["grant"] is None, found=asked)
        with tell.step("Before the approval nothing is made on the server."):
            expect_nothing_made(self._production)
        for name, why in (
            ("alice", "it is her own request"),
            ("carol", "she owns no data"),
            ("mallory", "she is nobody here"),
        ):
            with tell.step(f"{name.capitalize()} cannot approve it: {why}."):
                status = self._people[name].try_to_approve(asked)
                # What a person may not even see is not there for them: 404.
                expect(holds=status in {403, 404}, found=f"the answer is {status}, not 403 or 404")
        with tell.step("Bob approves it over the API."):
            decided = bob.approve(asked)
            expect(holds=decided["state"] == "approved" and decided["grant"], found=decided)
        return self._open(alice, decided, self._production)

    def _approve_by_two(self) -> Story:
        tell, frank = self._tell, self._people["frank"]
        tell.chapter("Frank must repair an order; that takes a data owner and somebody of security.")
        with tell.step("Frank asks for readWrite@shop.orders on shop-prod."):
            asked = frank.ask(
                target="shop-prod", role=_WRITE_ORDERS, duration=_SHORT, reason="Ticket 4712: repair order SO-0000077."
            )
            groups = {step["group"] for step in asked["verdict"]["steps"]}
            expect(holds=groups == {"data-owners", "security"}, found=asked["verdict"])
        with tell.step("Grace signs in to the portal and approves it with the button on its page."):
            half = self._approve_in_portal("grace", asked)
            expect(holds=half["state"] == "pending" and len(half["approvals"]) == 1, found=half)
        with tell.step("Carol approves it too, and only now is it approved."):
            decided = self._people["carol"].approve(half)
            expect(holds=decided["state"] == "approved", found=decided)
        return self._open(frank, decided, self._production)

    def _approve_in_portal(self, name: str, asked: Answer) -> Answer:
        browser = Browser(state=self._state)
        self._stack.callback(browser.close)
        browser.sign_in(name=name, password=self._state["passwords"][name])
        page = f"/approvals/{asked['id']}/"
        browser.press(page, action=f"{page}approve/")
        return self._people[asked["requester"]].get(f"access-requests/{asked['id']}/")

    def _release(self) -> None:
        tell, grace = self._tell, self._people["grace"]
        tell.chapter("Grace is done sooner and gives her access back.")
        with tell.step("Grace asks for an hour, and Bob, the other data owner, approves."):
            asked = grace.ask(
                target="shop-prod", role=_READ_ORDERS, duration="PT1H", reason="Ticket 4713: count open orders."
            )
            decided = self._people["bob"].approve(asked)
        story = self._open(grace, decided, self._production)
        with tell.step("Grace releases it, and her open connection is refused."):
            grace.post(f"grants/{story.grant['id']}/release/", expected=202)
            await_refusal(story.client)
        story.expect_gone(reason="released")

    def _deny(self) -> None:
        tell, alice = self._tell, self._people["alice"]
        tell.chapter("Not everything is approved.")
        with tell.step("Alice asks for the customers, and Bob denies it with a reason."):
            asked = alice.ask(
                target="shop-prod", role="read@shop.customers", duration="PT2H", reason="I would like to look around."
            )
            body = {"revision": asked["revision"], "reason": "Please ask for the orders that you need."}
            denied = self._people["bob"].post(f"access-requests/{asked['id']}/deny/", body)
            expect(holds=denied["state"] == "denied" and denied["grant"] is None, found=denied)
        with tell.step("No approval can change that any more (409), and nothing is made on the server."):
            self._people["grace"].approve(asked, expected=409)
            expect_nothing_made(self._production)

    def _automatic(self) -> None:
        tell, alice = self._tell, self._people["alice"]
        tell.chapter("On development nobody needs to agree.")
        with tell.step("Alice asks for readWrite@shop on shop-dev and is approved at once."):
            asked = alice.ask(
                target="shop-dev", role="readWrite@shop", duration="PT10M", reason="Trying out the import."
            )
            expect(holds=asked["state"] == "approved" and asked["verdict"]["automatic"], found=asked)
        story = self._open(alice, asked, self._development)
        with tell.step("Erin, an administrator, ends it, and the open connection is refused."):
            body = {"reason": "The import is run elsewhere today."}
            self._people["erin"].post(f"grants/{story.grant['id']}/revoke/", body, expected=202)
            await_refusal(story.client)
        story.expect_gone(reason="revoked")

    def _prove(self, reading: Story) -> None:
        tell, dave = self._tell, self._people["dave"]
        tell.chapter("Dave, the auditor, looks at what was recorded.")
        with tell.step("The trail tells Alice's story from the request to the end."):
            subject = f"access_request/{reading.access_request['id']}"
            trail = dave.get("audit-events/", subject=subject, page_size="200")
            told = {event["event"] for event in trail["results"]}
            needed = {"access_request.submitted", "access_request.approved", "grant.activated", "credential.revealed"}
            needed |= {"access_request.refused", "grant.cut", "grant.revoked"}
            expect(holds=needed <= told, found=f"missing: {sorted(needed - told)}")
        with tell.step("The audit chain verifies."):
            verdict = dave.get("audit-events/verify/")
            expect(holds=verdict["ok"] and verdict["checked"] > 0, found=verdict)
