"""Guards that Redis is a pipe and not a memory: whatever it loses is carried all the same, and it heals by itself."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import httpx2
import pytest
from redis import Redis

from tests.journeys.people import Login
from tests.journeys.test_redis_and_workers_are_away import WORKERS, expect_opened_once, release
from tests.journeys.world import LATE_SECONDS, World

SECONDS = 9.0  # sooner than anything that Redis has lost is sent again


@pytest.fixture
def redis(world: World) -> Iterator[Redis]:
    with Redis.from_url(world.state()["redis"]) as client:
        yield client


def oldest_ready_seconds(world: World) -> float:
    """For how long the message has waited that waits longest, as the product itself says to whoever watches it."""
    text = httpx2.get(f"{world.state()['web']}/metrics", trust_env=False).text
    found = re.search(r"^access_oldest_ready_message_seconds (\S+)$", text, re.MULTILINE)
    assert found is not None, text
    return float(found.group(1))


def listeners(redis: Redis) -> int:
    """Sets of workers that wait for what is put on their queues."""
    return sum(client["cmd"] == "brpop" for client in redis.client_list())


class TestFlush:
    @pytest.mark.slow
    def test_what_was_sent_is_sent_again_and_nothing_else_waits_for_it(self, world: World, redis: Redis) -> None:
        with world.without(*WORKERS):
            waiting = world.approved(duration="PT10M")
            world.wait_for(lambda: redis.llen("provision"), what="the message is in Redis", seconds=5)
            redis.flushall()

        world.wait_for(lambda: listeners(redis) >= len(WORKERS), what="the workers listen again", seconds=60)
        access = world.opened(duration="PT10M", seconds=SECONDS)
        release(world, access)

        world.use(waiting)
        expect_opened_once(world, waiting)
        release(world, waiting)

    def test_afterwards_everything_flows_as_before(self, world: World, redis: Redis) -> None:
        redis.flushall()
        for _ in range(2):
            access = world.opened(duration="PT10M", seconds=SECONDS)
            release(world, access)
        # A new relay asks everybody for a sign of life at once; they are asked by name, on queues of their own.
        pids = world.pids("relay")
        redis.flushall()
        world.stop("relay")
        world.start("relay")
        assert world.pids("relay") != pids
        time.sleep(1.5)
        world.wait_for(lambda: oldest_ready_seconds(world) < 1.0, what="nothing waits any more", seconds=60)


class TestHang:
    @pytest.mark.slow
    def test_a_broker_that_hangs_delays_no_revocation(self, world: World) -> None:
        ending = world.opened(duration="PT10M")
        with world.hung("redis"):
            ending.person.post(f"grants/{ending.grant['id']}/release/", expected=202)
            world.wait_for(
                lambda: ending.login() is Login.REFUSED, what="the login is refused", seconds=LATE_SECONDS, pause=0.02
            )
            world.await_grant(ending, "revoked")
            waiting = world.approved(duration="PT10M")
        world.use(waiting)
        expect_opened_once(world, waiting)
        release(world, waiting)
