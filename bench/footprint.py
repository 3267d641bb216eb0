"""What the product's own processes take: memory, the time until they are ready, and a relay's turn in a full house."""

from __future__ import annotations

import time
from typing import Any

import httpx2
from pymongo import MongoClient

from bench import inside, world
from bench.rows import NEVER, Row, quantile, spread
from bench.sizes import Sizes
from bench.users import wait_for_power
from bench.world import PARTS, World

MOST_MEGABYTES = 500
MOST_SECONDS = 3.0
MOST_TICK = 0.005
TARGET = "shop-staging"
TIMES = 3


def memory(running: World, when: str) -> Row:
    taken = running.memory()
    return Row(
        name=f"memory, {when}",
        means="Proportional set size of web (2 processes), relay with its children, worker and urgent worker.",
        n=len(taken),
        at_a_time=1,
        ours={"all MiB": sum(taken.values()), **{f"{part} MiB": size for part, size in taken.items()}},
        goal=f"≤ {MOST_MEGABYTES} MB",
        is_met=sum(taken.values()) * 1.048576 <= MOST_MEGABYTES,
    )


def start(running: World, _sizes: Sizes) -> Row:
    """Everything is stopped while an approved grant waits; then started at once."""
    web, work = list[float](), list[float]()
    with MongoClient[dict[str, Any]](running.root_uri(TARGET)) as root:
        for _ in range(TIMES):
            alice, bob = running.client("alice"), running.client("bob")
            running.stop("relay", "worker", "worker_urgent")
            asked = world.ask(alice, target=TARGET, role="readWrite@shop", duration="PT10M")
            name = world.username(alice, world.approve(bob, asked)["grant"]["id"])
            running.stop("web")
            began = time.perf_counter()
            running.start(*PARTS)
            web.append(_ready(running) - began)
            seen = wait_for_power(root, [name], patience=30.0)
            work.append(seen.get(name, NEVER) - began)
    return Row(
        name="start to ready",
        means="All four processes are started at once: until the web answers /readyz with 200, and until the target "
        "lists the user of a grant that was approved before.",
        n=TIMES,
        at_a_time=1,
        ours={"web median s": quantile(web, 50), "web max s": max(web), "grant median s": quantile(work, 50)},
        goal=f"web ≤ {MOST_SECONDS:.0f} s, the first grant as well",
        is_met=max(web) <= MOST_SECONDS and quantile(work, 50) <= MOST_SECONDS,
    )


def tick(running: World, sizes: Sizes) -> Row:
    taken = inside.asked(running, "relay", "ticks", str(sizes.ticks))
    return Row(
        name=f"relay's turn at {sizes.requests:,} requests, {sizes.live:,} live",
        means="One whole turn that finds nothing to do, what it does each second and each minute included.",
        n=sizes.ticks,
        at_a_time=1,
        ours=spread(taken, 50, 99),
        goal="p99 ≤ 5 ms",
        is_met=quantile(taken, 99) <= MOST_TICK,
    )


def _ready(running: World) -> float:
    until = time.perf_counter() + 30
    while time.perf_counter() < until:
        try:
            if httpx2.get(f"{running.state['web']}/readyz", trust_env=False, timeout=5).status_code == 200:
                return time.perf_counter()
        except httpx2.TransportError:
            pass
        time.sleep(0.01)
    return NEVER
