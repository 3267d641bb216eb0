"""Guards that people can ask, decide and read, and that access ends on time, with Redis and both workers away."""

from __future__ import annotations

import time

import pytest

from tests.journeys.people import Access, Login
from tests.journeys.portal import Portal
from tests.journeys.world import World

WORKERS = ("worker", "worker_urgent")


def expect_opened_once(world: World, access: Access) -> None:
    """The access works, and there is one user, one attempt and one activation of it."""
    assert access.login() is Login.WORKS
    assert len(world.users_of(access)) == 1
    told = world.events(access)
    assert (told.count("grant.provisioning_started"), told.count("grant.activated")) == (1, 1), told


def release(world: World, access: Access) -> None:
    access.person.post(f"grants/{access.grant['id']}/release/", expected=202)
    world.await_grant(access, "revoked")
    assert world.traces(access) == []


class TestRedisAndWorkersAreStopped:
    @pytest.mark.slow
    def test_people_go_on_the_deadline_is_met_and_the_rest_is_done_once(self, world: World) -> None:
        ending = world.opened(duration="PT15S")
        with Portal(world.state(), name="bob") as portal, world.without(*WORKERS, "redis"):
            asked = world.alice.ask(target="shop-prod", duration="PT10M")
            page = f"/approvals/{asked['id']}/"
            assert portal.get("/approvals/").status_code == 200
            assert portal.get(page).status_code == 200
            assert portal.post(f"{page}approve/", revision=asked["revision"]).status_code == 303
            decided = world.alice.get(f"access-requests/{asked['id']}/")
            by_api = world.approved(by="grace", duration="PT10M")
            by_web = world.follow(decided, world.alice)
            for person in (world.alice, world.bob, world.dave):
                assert {grant["state"] for grant in person.get("grants/")["results"]} >= {"pending"}

            lag = world.await_refusal(ending)

            ended = world.await_grant(ending, "revoked")
            assert ended["reason"] == "expiry"
            assert world.traces(ending) == []
            for waiting in (by_web, by_api):
                assert waiting.person.grant(waiting.grant["id"])["state"] == "pending"
                assert world.traces(waiting) == []

        for waiting in (by_web, by_api):
            world.use(waiting)
            expect_opened_once(world, waiting)
            release(world, waiting)
        print(f"Redis and workers stopped: the login was refused {lag * 1000:.0f} ms after the end.")


class TestWorkersHang:
    @pytest.mark.slow
    def test_the_deadline_is_met_and_what_comes_late_gives_nothing_back(self, world: World) -> None:
        ending = world.opened(duration="PT15S")
        given_up = [world.approved(target="shop-dev", duration="PT10M") for _ in range(8)]
        # Some of the eight are being made at this moment. A worker that hangs inside a transaction is thrown out of it
        # by the database after a few seconds, hence the time until the end of `ending`.
        with world.hung(*WORKERS):
            waiting = world.approved(duration="PT10M")
            for access in given_up:
                access.person.post(f"grants/{access.grant['id']}/release/", expected=202)

            lag = world.await_refusal(ending)

            world.await_grant(ending, "revoked")
            for access in given_up:
                # One whose attempt has no recorded end is looked at again after the longest possible call.
                world.await_grant(access, "revoked", seconds=30)
        world.use(waiting)
        expect_opened_once(world, waiting)
        release(world, waiting)
        time.sleep(1)
        for access in (ending, *given_up):
            assert access.person.grant(access.grant["id"])["state"] == "revoked"
            assert world.traces(access) == [], f"A late call gave something back.\n{world.told()}"
            told = world.events(access)
            assert told.count("grant.revoked") == 1
            assert "grant.activated" not in told[told.index("grant.revocation_started") :]
        print(f"Workers hung: the login was refused {lag * 1000:.0f} ms after the end.")
