"""Guards deadlines and honest answers when the relay is killed, and when the product's own database goes away."""

from __future__ import annotations

import os
import signal
import time

import httpx2
import pytest

from tests.journeys.test_redis_and_workers_are_away import expect_opened_once, release
from tests.journeys.world import World

KILLED_SECONDS = 10.0  # how late an end may come when the relay is killed just before it, and starts again


class TestRelayIsKilled:
    @pytest.mark.slow
    def test_it_is_back_at_once_and_the_deadline_is_met(self, world: World) -> None:
        ending = world.opened(duration="PT10S")
        (leader, *_children) = world.pids("relay")
        time.sleep(max(0.0, ending.expires_at.timestamp() - time.time() - 0.5))
        killed = time.monotonic()
        os.kill(leader, signal.SIGKILL)

        def is_back() -> bool:
            pids = world.pids("relay")
            return bool(pids) and pids[0] != leader

        world.wait_for(is_back, what="a new relay runs", seconds=2)
        back = time.monotonic() - killed

        lag = world.await_refusal(ending, seconds=KILLED_SECONDS)

        world.await_grant(ending, "revoked")
        access = world.opened(duration="PT10M")
        expect_opened_once(world, access)
        release(world, access)
        print(f"Relay killed: back after {back:.1f} s, the login was refused {lag * 1000:.0f} ms after the end.")


class TestDatabaseIsStopped:
    @pytest.mark.slow
    def test_the_web_says_so_and_all_goes_on_when_it_is_back(self, world: World) -> None:
        ending = world.opened(duration="PT10S")
        waiting = world.approved(duration="PT10M")
        address = world.state()["web"]
        with world.without("postgres"), httpx2.Client(base_url=address, timeout=15, trust_env=False) as visitor:
            begun = time.monotonic()
            told = world.alice.api.get("grants/")
            assert told.status_code == 503, told.text
            assert told.headers["content-type"].startswith("application/problem+json")
            assert {"type", "title", "status", "detail", "code"} <= set(told.json())
            assert visitor.get("/healthz").status_code == 200
            assert visitor.get("/readyz").status_code == 503
            visitor.cookies.set("sessionid", "x" * 32)
            page = visitor.get("/access/")
            assert page.status_code == 503, page.text
            assert "The database does not answer." in page.text
            time.sleep(max(0.0, 5.0 - (time.monotonic() - begun)))
        world.wait_for(
            lambda: world.alice.api.get("grants/").status_code == 200, what="the web answers again", seconds=5
        )
        lag = world.await_refusal(ending, seconds=5)
        world.await_grant(ending, "revoked")
        world.use(waiting)
        release(world, waiting)
        assert world.dave.get("audit-events/verify/")["ok"] is True
        print(f"PostgreSQL stopped for 5 s: the login was refused {lag * 1000:.0f} ms after the end.")
