"""What goes wrong around the product: its broker, its database, the targets, the clocks, the messages, the disk."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Iterator, Mapping

import httpx2
import psycopg
from pymongo.errors import PyMongoError
from redis import Redis
from redis.exceptions import RedisError

from chaos import clock, disk, members
from chaos.orders import Deed, Order
from chaos.report import Away
from chaos.world import ChaosWorld
from sandbox.commands import RELAY, WORKER, WORKER_URGENT
from sandbox.servers import ServerError

PAUSE_SECONDS = 4.0  # between two, so that each begins where all is well
QUEUES = ("revoke", "break_glass", "provision", "notify", "reconcile")
COMMITS = ("grants.start_provisioning", "grants.mark_active", "grants.mark_cut", "grants.mark_revoked")

Incident = Callable[[ChaosWorld], contextlib.AbstractContextManager[None]]


def _stopped(part: str) -> Incident:
    return lambda world: world.without(part)


def _hung(part: str) -> Incident:
    return lambda world: world.hung(*world.processes(part))


@contextlib.contextmanager
def _redis_flushed(world: ChaosWorld) -> Iterator[None]:
    with Redis.from_url(world.redis.uri()) as redis:
        for _ in range(5):
            redis.flushall()
            time.sleep(0.5)
        yield


@contextlib.contextmanager
def _redis_full(world: ChaosWorld) -> Iterator[None]:
    """Whatever is written there is refused."""
    with Redis.from_url(world.redis.uri()) as redis:
        redis.config_set("maxmemory", "1")
        try:
            yield
        finally:
            redis.config_set("maxmemory", "0")


@contextlib.contextmanager
def _messages_twice_and_in_disorder(world: ChaosWorld) -> Iterator[None]:
    """What lies in a queue is there twice at once, in any order."""
    chance = random.SystemRandom()
    until = time.monotonic() + 8
    with Redis.from_url(world.redis.uri()) as redis:
        # Workers would take what comes faster than anybody can meddle with it.
        while time.monotonic() < until:
            with world.hung(*world.processes(WORKER), *world.processes(WORKER_URGENT)):
                time.sleep(0.7)
                for queue in QUEUES:
                    held = redis.lrange(queue, 0, -1) * 2
                    if held:
                        chance.shuffle(held)
                        redis.delete(queue)
                        redis.rpush(queue, *held)
            time.sleep(0.7)
    yield


@contextlib.contextmanager
def _database_killed_in_commits(world: ChaosWorld) -> Iterator[None]:
    """Its main process dies while a worker commits: a few milliseconds after that began."""
    for number, commit in enumerate(COMMITS):
        steps = frozenset((part, f"before {commit}") for part in (WORKER, WORKER_URGENT))
        order = Order(-1 - number, steps, Deed.TELL, whole=False)
        world.orders.give(order)
        world.orders.await_hit(order, seconds=8)
        world.postgres.kill()
        time.sleep(1)
        world.units["postgres"].start()
        time.sleep(3)
    yield


@contextlib.contextmanager
def _read_only(world: ChaosWorld) -> Iterator[None]:
    """Without a primary a server answers, and takes no writes. Alone, it is one again after these seconds."""
    world.root("shop-prod").admin.command("replSetStepDown", 6, force=True)
    yield


@contextlib.contextmanager
def _two_relays(world: ChaosWorld) -> Iterator[None]:
    other = world.marked(RELAY, log="other_relay")
    other.start()
    try:
        time.sleep(8)
        yield
    finally:
        other.finish()


@contextlib.contextmanager
def _deaf(world: ChaosWorld) -> Iterator[None]:
    """The server's end of the connection that LISTENs stands still: it is open, and nothing comes by it any more."""
    with psycopg.connect(world.postgres.uri(database="access"), autocommit=True) as connection:
        found = connection.execute("SELECT pid FROM pg_stat_activity WHERE query LIKE 'LISTEN %'").fetchall()
    with world.hung(*(pid for (pid,) in found)):
        time.sleep(18)
        yield


@contextlib.contextmanager
def _slack_late_and_twice(world: ChaosWorld) -> Iterator[None]:
    slack = world.state()["slack"]
    url, headers = f"{slack['control_url']}/faults", {"Authorization": f"Bearer {slack['control_token']}"}
    with httpx2.Client(headers=headers, trust_env=False) as desk:
        for fault in ("deliver_twice", "deliver_late", "error_after_commit"):
            desk.post(url, json={"fault": fault, "times": 5, "seconds": 2}).raise_for_status()
        yield
        time.sleep(4)
        desk.delete(url)


INCIDENTS: Mapping[str, Incident] = {
    "redis_stopped": _stopped("redis"),
    "redis_hung": _hung("redis"),
    "redis_flushed": _redis_flushed,
    "redis_full": _redis_full,
    "messages_twice_and_in_disorder": _messages_twice_and_in_disorder,
    "database_stopped": _stopped("postgres"),
    "database_killed_in_commits": _database_killed_in_commits,
    "mongod_stopped": _stopped("mongod:shop-prod"),
    "mongod_hung": _hung("mongod:shop-prod"),
    "mongod_read_only": _read_only,
    "mongod_out_of_connections": members.out_of_connections,
    "mongod_steps_down": members.steps_down,
    "atlas_stopped": _stopped("atlas"),
    "atlas_hung": _hung("atlas"),
    "slack_stopped": _stopped("slack"),
    "slack_late_and_twice": _slack_late_and_twice,
    "two_relays": _two_relays,
    "listener_gone_silent": _deaf,
    "disk_of_the_anchor_full": disk.full,
    "clocks_of_workers_an_hour_ahead": clock.of_workers_ahead,
    "clock_of_the_database_an_hour_behind": clock.of_the_database_behind,
}


class Incidents:
    """One after the other; what could not be brought about is said."""

    def __init__(self, world: ChaosWorld, *, say: Callable[[str], None]) -> None:
        self._world = world
        self._say = say
        self.happened: list[str] = []
        self.wrong: list[str] = []

    def happen(self, name: str, *, seconds: float = 6.0) -> Away:
        begun = time.time()
        try:
            with INCIDENTS[name](self._world):
                time.sleep(seconds)
        except disk.NoDisk as error:
            self._say(f"incident {name} was not tried: {error}")
            return begun, begun
        except (OSError, ServerError, PyMongoError, psycopg.Error, RedisError, httpx2.HTTPError) as error:
            self.wrong.append(f"Incident {name} could not be brought about: {type(error).__name__}: {error}")
        back = time.time()
        self.happened.append(name)
        self._say(f"incident {name}: {back - begun:.1f} s")
        time.sleep(PAUSE_SECONDS)
        return begun, back
