"""How many approved grants the workers make true in a second, counted at the target."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pymongo import MongoClient

from bench import floor, world
from bench.rows import Row, quantile, rates, ratio_of
from bench.sizes import Sizes
from bench.together import AT_A_TIME, rate
from bench.users import wait_for_power
from bench.world import World

TARGET = "shop-staging"
LEAST = 0.8
PATIENCE = 120.0
HANDS = ("relay", "worker", "worker_urgent")


def sustained(running: World, sizes: Sizes) -> Row:
    """Everything is approved while nobody is at work; the clock runs from the first user that the target lists."""
    ours, floors = list[float](), list[float]()
    with MongoClient[dict[str, Any]](running.root_uri(TARGET)) as root:
        for _ in range(sizes.rounds):
            floors.append(rate(sizes.sustained, lambda _: floor.make_user_and_login(root, running.host(TARGET))))
            ours.append(_one_round(running, root, sizes.sustained))
    return Row(
        name="grants made, workers only",
        means="Approved while relay and workers are stopped; from the first to the last of them that the target lists "
        "with its roles, each proved by its own login on the way. Floor: createUser, grantRolesToUser, login, one read "
        "at the same concurrency.",
        n=sizes.sustained * sizes.rounds,
        at_a_time=AT_A_TIME,
        ours=rates(ours),
        floor=rates(floors),
        ratio=ratio_of(rates(ours), rates(floors), "median /s"),
        goal=f"≥ {LEAST:.0%} of floor",
        is_met=quantile(ours, 50) >= LEAST * quantile(floors, 50),
    )


def _one_round(running: World, root: MongoClient[dict[str, Any]], number: int) -> float:
    alice, bob = running.client("alice"), running.client("bob")
    running.stop(*HANDS)

    def approved(_: int) -> str:
        asked = world.ask(alice, target=TARGET, role="readWrite@shop", duration="PT10M")
        return world.username(alice, world.approve(bob, asked)["grant"]["id"])

    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        names = list(pool.map(approved, range(number)))
    running.start(*reversed(HANDS))  # the relay last: it has something to say to everybody at once
    seen = sorted(wait_for_power(root, names, patience=PATIENCE).values())
    if len(seen) < number:
        raise RuntimeError(f"Only {len(seen)} of {number} approved grants came to the target within {PATIENCE:.0f} s.")
    return (number - 1) / (seen[-1] - seen[0])
