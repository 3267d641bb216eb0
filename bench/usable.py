"""From the answer to approve until the new user's own login works, and how many whole ways go at once."""

from __future__ import annotations

import time
from typing import Any

from pymongo import MongoClient

from bench import floor, world
from bench.rows import Row, quantile, rates, ratio_of, spread
from bench.sizes import Sizes
from bench.together import AT_A_TIME, rate
from bench.world import World

TARGET = "shop-prod"
CYCLES_TARGET = "shop-staging"
PATIENT_SECONDS = 0.1  # eight that ask every 10 ms would measure their own asking
CYCLES_A_SECOND = 25.0
MOST = 2.0


def one_by_one(running: World, sizes: Sizes) -> Row:
    """Ours and the floor in turns, so that whatever else the machine does befalls both."""
    alice, bob = running.client("alice"), running.client("bob")
    ours, floors = list[float](), list[float]()
    with MongoClient[dict[str, Any]](running.root_uri(TARGET)) as root, floor.worker(running.state["redis"]):
        for _ in range(sizes.one_by_one):
            floors.append(floor.round_trip() + floor.make_user_and_login(root, running.host(TARGET)))
            asked = world.ask(alice, target=TARGET, role="read@shop", duration="PT10M")
            world.wait_until_idle(running)
            approved = world.approve(bob, asked)
            started = time.perf_counter()
            floor.login(world.reveal(alice, approved["grant"]["id"])["connection_string"])
            ours.append(time.perf_counter() - started)
            world.wait_until_idle(running)
    mine, floors_spread = spread(ours, 50, 95), spread(floors, 50, 95)
    ratio = ratio_of(mine, floors_spread, "p50 ms", "p95 ms")
    return Row(
        name="approve answered → own login",
        means="From the answer to approve until the new user has revealed its password and read one order over its own "
        "connection, asked every 10 ms. Floor: a Celery no-op and back, createUser, grantRolesToUser, login, one read.",
        n=sizes.one_by_one,
        at_a_time=1,
        ours=mine,
        floor=floors_spread,
        ratio={name.removesuffix(" ms"): value for name, value in ratio.items()},
        goal="p50 and p95 ≤ 2 x floor",
        is_met=max(ratio.values()) <= MOST,
    )


def cycles(running: World, sizes: Sizes) -> Row:
    """Whole ways ask -> approve -> credential."""

    def cycle(_: int) -> None:
        alice, bob = running.client("alice"), running.client("bob")
        asked = world.ask(alice, target=CYCLES_TARGET, role="readWrite@shop", duration="PT10M")
        world.reveal(alice, world.approve(bob, asked)["grant"]["id"], every=PATIENT_SECONDS)

    ours, floors = list[float](), list[float]()
    with MongoClient[dict[str, Any]](running.root_uri(CYCLES_TARGET)) as root:
        for _ in range(sizes.rounds):
            floors.append(rate(sizes.sustained, lambda _: floor.make_user_and_login(root, running.host(CYCLES_TARGET))))
            ours.append(rate(sizes.sustained, cycle))
    return Row(
        name="ask → approve → credential",
        means="Whole ways over REST, asked for the password every 100 ms, until it is revealed. Floor: createUser, "
        "grantRolesToUser, login, one read at the same concurrency.",
        n=sizes.sustained * sizes.rounds,
        at_a_time=AT_A_TIME,
        ours=rates(ours),
        floor=rates(floors),
        ratio=ratio_of(rates(ours), rates(floors), "median /s"),
        goal=f"≥ {CYCLES_A_SECOND:.0f}/s (promised of PostgreSQL)",
        is_met=quantile(ours, 50) >= CYCLES_A_SECOND,
    )
