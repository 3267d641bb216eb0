"""Guards that a target which is away across deadlines is cut off when it is back, and that nobody is told otherwise."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from tests.journeys.outage import Outage
from tests.journeys.people import Login
from tests.journeys.test_redis_and_workers_are_away import expect_opened_once, release
from tests.journeys.world import LATE_SECONDS, World


class TestTargetIsAway:
    @pytest.mark.slow
    @pytest.mark.timeout(180)
    def test_every_access_ends_within_three_seconds_of_its_return(self, world: World, outage: Outage) -> None:
        world.touched.extend(outage.accesses[:2])
        elsewhere = world.opened(target="shop-dev", duration="PT10M", seconds=6)
        expect_opened_once(world, elsewhere)
        release(world, elsewhere)

        outage.sit_out()
        for access in outage.accesses:
            assert access.expires_at < datetime.now(UTC)
            told = access.person.grant(access.grant["id"])
            assert (told["state"], told["reason"], told["overdue"]) == ("revoking", "expiry", True)
            assert "It may still work, retrying." in told["sentence"]

        back = outage.finish()
        lags = []
        for access in outage.accesses:
            while access.login() is not Login.REFUSED:
                assert time.monotonic() - back < LATE_SECONDS, f"{access.username} still logs in.\n{world.told()}"
                time.sleep(0.02)
            lags.append(time.monotonic() - back)
        for access in outage.accesses:
            ended = world.await_grant(access, "revoked", seconds=15)
            assert (ended["reason"], ended["overdue"]) == ("expiry", False)
            assert world.traces(access) == []
            events = world.events(access)
            assert (events.count("grant.cut"), events.count("grant.revoked")) == (1, 1), events
        print(f"Target away for a minute: the last of {len(lags)} was refused {max(lags) * 1000:.0f} ms after.")
