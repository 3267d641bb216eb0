"""Guards that the portal tells the truth when a target is away: no access was made, or this access may still work."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.states import LONG, give_up
from tests.browser.steps import is_on_target, login_with, look_again, press, reads, reveal, until_it_reads
from tests.browser.windows import Windows
from tests.journeys.people import Login
from tests.journeys.world import World

TARGET = "shop-staging"


@pytest.fixture
def away(world: World) -> Iterator[str]:
    """The server that a test stops is started again."""
    yield f"mongod:{TARGET}"
    world.start(f"mongod:{TARGET}")


class TestSetUpFails:
    def test_no_access_was_created_and_the_page_says_so(self, world: World, windows: Windows, away: str) -> None:
        world.stop(away)
        access = world.approved(target=TARGET, duration=LONG)
        grant = int(access.grant["id"])
        alice = windows.open("alice", f"/access/{grant}/")
        until_it_reads(alice, "trying|setting up|does not answer", world=world)
        give_up(world, access.grant)
        world.start(away)
        world.await_grant(access, "revoked", seconds=40)

        look_again(alice)

        reads(alice, "no access was (created|made)|could not be set up")
        assert world.alice.grant(grant)["reason"] == "provisioning_failed"
        assert not is_on_target(world, grant)


class TestRevokeFails:
    def test_it_may_still_work_until_the_target_is_back_and_then_it_is_gone(
        self, world: World, windows: Windows, away: str
    ) -> None:
        access = world.approved(target=TARGET, duration=LONG)
        world.await_grant(access, "active")
        grant = int(access.grant["id"])
        alice = windows.open("alice", f"/access/{grant}/")
        password = reveal(alice)
        assert login_with(world, grant, password) is Login.WORKS
        world.stop(away)
        alice.goto(f"/access/{grant}/")
        press(alice, "^end")

        until_it_reads(alice, "may still work", world=world)

        world.start(away)
        until_it_reads(alice, "gone|ended", world=world)
        world.await_grant(access, "revoked", seconds=30)
        assert login_with(world, grant, password) is Login.REFUSED
        assert not is_on_target(world, grant)
        assert "grant.revoked" in world.events(access)
