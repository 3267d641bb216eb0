"""Guards that of many who act at the same moment exactly one wins, and that the others are told who was faster."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.journeys.people import Answer, Person
from tests.journeys.portal import Portal
from tests.journeys.world import World

Call = Callable[[], httpx2.Response]


def at_once(calls: Sequence[Call]) -> list[httpx2.Response]:
    """Every call in a thread of its own, all let go at the same moment."""
    barrier = threading.Barrier(len(calls))

    def wait_and(call: Call) -> httpx2.Response:
        barrier.wait(timeout=10)
        return call()

    with ThreadPoolExecutor(max_workers=len(calls)) as pool:
        return list(pool.map(wait_and, calls))


def decision(person: Person, access_request: Answer, verb: str, **more: str) -> Call:
    path = f"access-requests/{access_request['id']}/{verb}/"
    body = {} if verb == "cancel" else {"revision": access_request["revision"], **more}
    return lambda: person.api.post(path, json=body)


def expect_one_winner(answers: Sequence[httpx2.Response], *, names: set[str]) -> httpx2.Response:
    """One 200; every other answer is 409 and names the winner."""
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: len(answers) - 1}, [
        answer.text for answer in answers
    ]
    won = next(answer for answer in answers if answer.status_code == 200)
    losers = [answer.json() for answer in answers if answer is not won]
    assert {problem["code"] for problem in losers} == {"illegal_move"}
    winners = {(problem["winner"]["person"], problem["winner"]["what"]) for problem in losers}
    assert len(winners) == 1, "All of them are told the same."
    ((person, what),) = winners
    assert person in names
    assert what == won.json()["state"]
    return won


class TestDecide:
    def test_twenty_approvals_by_two_people_make_one_grant(self, world: World) -> None:
        asked = world.alice.ask(target="shop-prod", duration="PT10M")
        people = [world.bob, world.people["grace"]] * 10

        won = expect_one_winner(
            at_once([decision(person, asked, "approve") for person in people]), names={"bob", "grace"}
        )

        decided = world.alice.get(f"access-requests/{asked['id']}/")
        assert decided["grant"]["id"] == won.json()["grant"]["id"]
        assert len([one for one in decided["approvals"] if one["answer"] == "approve"]) == 1
        access = world.use(world.follow(decided, world.alice))
        assert len(world.users_of(access)) == 1
        told = world.events(access)
        assert (told.count("access_request.approved"), told.count("grant.activated")) == (1, 1)
        access.person.post(f"grants/{access.grant['id']}/release/", expected=202)
        world.await_grant(access, "revoked")

    @pytest.mark.parametrize("rival", ["deny", "cancel"])
    def test_one_decision_wins_and_the_other_is_told_who_was_faster(self, world: World, rival: str) -> None:
        ending = []
        for turn in range(4):
            asked = world.alice.ask(target="shop-prod", duration="PT10M")
            other = (
                decision(world.people["grace"], asked, "deny", reason="Ask for less, please.")
                if rival == "deny"
                else decision(world.alice, asked, "cancel")
            )
            calls = [decision(world.bob, asked, "approve"), other]

            expect_one_winner(at_once(calls if turn % 2 else calls[::-1]), names={"bob", "grace", "alice"})

            decided = world.alice.get(f"access-requests/{asked['id']}/")
            assert (decided["grant"] is not None) == (decided["state"] == "approved")
            if decided["grant"] is not None:
                world.alice.post(f"grants/{decided['grant']['id']}/release/", expected=202)
                ending.append(world.follow(decided, world.alice))
        for access in ending:
            world.await_grant(access, "revoked")

    def test_the_requester_is_refused_by_api_and_by_web_and_it_is_recorded(self, world: World) -> None:
        asked = world.people["grace"].ask(target="shop-prod", duration="PT10M")
        path = f"/approvals/{asked['id']}/approve/"

        by_api = decision(world.people["grace"], asked, "approve")()
        with Portal(world.state(), name="grace") as portal:
            by_web = portal.post(path, revision=asked["revision"], comment="It is mine.")

        assert (by_api.status_code, by_api.json()["code"]) == (403, "refused")
        assert by_web.status_code == 403
        subject = f"access_request/{asked['id']}"
        found = world.dave.get("audit-events/", subject=subject, event="access_request.refused")["results"]
        assert {(event["actor"], event["via"]) for event in found} == {("grace", "api"), ("grace", "web")}
        assert world.bob.get(f"access-requests/{asked['id']}/")["state"] == "pending"
        world.people["grace"].post(f"access-requests/{asked['id']}/cancel/")


class TestReveal:
    def test_twenty_at_once_and_one_password(self, world: World) -> None:
        access = world.approved(target="shop-dev", duration="PT10M")
        world.await_grant(access, "active")
        path = f"grants/{access.grant['id']}/reveal/"

        answers = at_once([lambda: access.person.api.post(path, json={})] * 20)

        assert Counter(answer.status_code for answer in answers) == {200: 1, 410: 19}
        password = next(answer for answer in answers if answer.status_code == 200).json()["password"]
        assert not [answer for answer in answers if answer.status_code == 410 and password in answer.text]
        assert world.events(access).count("credential.revealed") == 1
        access.person.post(f"grants/{access.grant['id']}/release/", expected=202)
        world.await_grant(access, "revoked")
