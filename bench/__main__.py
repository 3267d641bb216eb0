"""`make bench`: prints each promise with its floor, definition, N, concurrency and ratio. Nothing here is asserted."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

from bench import first_byte, floor, world
from bench.world import World

ONE_BY_ONE = 40
CYCLES = 120
AT_A_TIME = 8
PATIENT_SECONDS = 0.1  # eight that ask every 10 ms would measure their own asking
DEADLINES = 60
DEADLINE_AFTER = "PT20S"


def main() -> int:
    say(f"load average before the start: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    with world.running() as lived_in:
        first_byte.fill(lived_in)
        say(first_byte.row(first_byte.measure(lived_in), ms))
    with world.running() as running, floor.worker(running.state["redis"]):
        usable(running)
        cycles(running)
        revoke_lag(running)
        memory = running.memory()
        say(f"memory (PSS): {sum(memory.values())} MiB in all {memory}; goal <= 500")
    return 0


def usable(running: World) -> None:
    """From the answer to approve until the new user's own first read, one at a time."""
    alice, bob = running.client("alice"), running.client("bob")
    with MongoClient[dict[str, Any]](running.root_uri("shop-prod")) as root:
        floors = [
            floor.round_trip() + floor.make_user_and_login(root, running.host("shop-prod")) for _ in range(ONE_BY_ONE)
        ]
    ours = []
    for _ in range(ONE_BY_ONE):
        asked = world.ask(alice, target="shop-prod", role="read@shop", duration="PT10M")
        approved = world.approve(bob, asked)
        started = time.perf_counter()
        floor.login(world.reveal(alice, approved["grant"]["id"])["connection_string"])
        ours.append(time.perf_counter() - started)
    say(
        f"approve answered -> own login reads (N={ONE_BY_ONE}, one at a time, polled every 10 ms): "
        f"p50 {ms(ours, 50)} p95 {ms(ours, 95)}; floor (no-op + createUser + grant + login) "
        f"p50 {ms(floors, 50)} p95 {ms(floors, 95)}; "
        f"ratio p50 {quantile(ours, 50) / quantile(floors, 50):.2f} "
        f"p95 {quantile(ours, 95) / quantile(floors, 95):.2f}; goal <= 2"
    )


def cycles(running: World) -> None:
    """Whole cycles ask -> approve -> credential, several at a time."""

    def cycle(_: int) -> None:
        alice, bob = running.client("alice"), running.client("bob")
        asked = world.ask(alice, target="shop-staging", role="readWrite@shop", duration="PT10M")
        world.reveal(alice, world.approve(bob, asked)["grant"]["id"], every=PATIENT_SECONDS)

    with MongoClient[dict[str, Any]](running.root_uri("shop-staging")) as root:
        by_hand = rate(lambda _: floor.make_user_and_login(root, running.host("shop-staging")))
    ours = rate(cycle)
    say(
        f"ask -> approve -> credential (N={CYCLES}, {AT_A_TIME} at a time, polled every 100 ms): {ours:.1f}/s; floor (createUser + grant + "
        f"login, same concurrency) {by_hand:.1f}/s; ratio {ours / by_hand:.2f}"
    )


def revoke_lag(running: World) -> None:
    """From the deadline until the server refuses the next command of a connection that is open, at the target."""
    alice = running.client("alice")
    held = []
    for _ in range(DEADLINES):
        granted = world.ask(alice, target="shop-dev", role="read@shop", duration=DEADLINE_AFTER)
        revealed = world.reveal(alice, granted["grant"]["id"])
        held.append((MongoClient[dict[str, Any]](revealed["connection_string"]), world.moment(revealed["expires_at"])))
    with ThreadPoolExecutor(max_workers=DEADLINES) as pool:
        lags = list(pool.map(lambda one: _refused_after(*one), held))
    early = sum(lag < 0 for lag in lags)
    say(
        f"revoke lag past the deadline, seen at the target (N={DEADLINES}, polled every 10 ms): p50 {ms(lags, 50)} "
        f"p99 {ms(lags, 99)} max {max(lags) * 1000:.0f} ms, early {early}; goal p50 <= 300 p99 <= 1000, never early"
    )


def _refused_after(client: MongoClient[dict[str, Any]], deadline: float) -> float:
    with client:
        while True:
            try:
                client.shop.orders.find_one()
            except OperationFailure:
                return time.time() - deadline
            time.sleep(world.POLL_SECONDS if deadline - time.time() < 1 else 0.2)


def rate(work: Callable[[int], object]) -> float:
    started = time.perf_counter()
    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        list(pool.map(work, range(CYCLES)))
    return CYCLES / (time.perf_counter() - started)


def quantile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def ms(values: Sequence[float], percent: int) -> str:
    return f"{quantile(values, percent) * 1000:.0f} ms"


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
