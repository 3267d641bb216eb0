"""How long after its deadline a login still works: deadlines that come alone, and two thousand at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

from pymongo import MongoClient

from bench import first_byte
from bench.door import Door, Login, prove, refused_after
from bench.held import TARGET, hold
from bench.rows import NEVER, Row, quantile, spread
from bench.sizes import Sizes
from bench.users import with_power
from bench.world import POLL_SECONDS, World

DOORS = 24
PATIENCE = 30.0
LOOK_SECONDS = 0.2  # each look reads every user, on the machine that is measured
SECONDS_BEFORE = 3.0  # of pages, so that there is something to compare with
SECONDS_TO_PROVE = 0.03  # that one login works
CALM_P50, CALM_P99, STORM_WITHIN, STORM_P99, PAGES_MOST = 0.3, 1.0, 15.0, 5.0, 2.0


def calm(running: World, sizes: Sizes) -> Row:
    """Each login is tried every 10 ms from just before its deadline until it is refused."""
    held = hold(running, sizes.calm, seconds=sizes.calm_seconds)
    lags = _watched(running, sorted(held, key=lambda login: login.deadline))
    return calm_row(lags)


def calm_row(lags: Sequence[float]) -> Row:
    """A single login that is never refused breaks the promise, whatever the percentiles say."""
    early = sum(lag < 0 for lag in lags)
    return Row(
        name="revoke lag, calm",
        means="From the deadline until the target refuses the user's own login, tried every 10 ms.",
        n=len(lags),
        at_a_time=1,
        ours={**spread(lags, 50, 99), "early": early},
        goal="p50 ≤ 300 ms, p99 ≤ 1 s, never early",
        is_met=quantile(lags, 50) <= CALM_P50 and quantile(lags, 99) <= CALM_P99 and max(lags) < NEVER and not early,
    )


def storm(running: World, sizes: Sizes) -> Row:
    """Many deadlines in few seconds on one server, while somebody reads pages."""
    held = hold(running, sizes.storm, seconds=sizes.storm_seconds, to_open=SECONDS_TO_PROVE)
    deadlines = [login.deadline for login in held]
    with closing(Door(running.host(TARGET))) as door:
        prove(door, held)
        if time.time() > min(deadlines) - SECONDS_BEFORE:
            raise RuntimeError("All had been tried when it was too late to read pages before. Is the machine busy?")
        before = _pages_for(running, seconds=min(deadlines) - time.time() - 1.0, most=10.0)
        time.sleep(max(0.0, min(deadlines) - time.time() - 1.0))
        with _pages_meanwhile(running) as meanwhile:
            lags = refused_lags(running, door, held)
    early = sum(lag < 0 for lag in lags)
    worse, within = quantile(meanwhile, 95) / quantile(before, 95), max(deadlines) - min(deadlines)
    return Row(
        name="revoke storm on one mongod",
        means="From the deadline until the target refuses the user's own login: the server's list of users is read every "
        "200 ms, and whoever it shows without power tries to sign in. Pages: first byte of one person's pages, one at a "
        "time, before and during.",
        n=len(held),
        at_a_time=len(held),
        ours={
            **spread(lags, 50, 99),
            "early": early,
            "due within s": within,
            "pages p95 ms": quantile(meanwhile, 95) * 1000,
        },
        floor={"pages before p95 ms": quantile(before, 95) * 1000},
        ratio={"pages p95": worse},
        goal="due within 15 s, p99 ≤ 5 s, never early, pages' p95 ≤ 2 x before",
        is_met=within <= STORM_WITHIN
        and quantile(lags, 99) <= STORM_P99
        and max(lags) < NEVER
        and not early
        and worse <= PAGES_MOST,
    )


def refused_lags(running: World, door: Door, held: Sequence[Login]) -> list[float]:
    """The target's list says whom to try; only a refused login counts. Whoever is shut before the deadline is early."""
    left, lags = {login.username: login for login in held}, list[float]()
    until = max(login.deadline for login in held) + PATIENCE
    with MongoClient[dict[str, Any]](running.root_uri(TARGET)) as root:
        while left and time.time() < until:
            for name in sorted(left.keys() - with_power(root)):
                if not door.lets_in(left[name]):
                    lags.append(time.time() - left.pop(name).deadline)
            time.sleep(LOOK_SECONDS)
    return [*lags, *(NEVER for _ in left)]


def _watched(running: World, held: Sequence[Login]) -> list[float]:
    """As few connections as are needed at one time."""
    doors = queue.SimpleQueue[Door]()
    made = [Door(running.host(TARGET)) for _ in range(DOORS)]
    for door in made:
        doors.put(door)

    def watch(login: Login) -> float:
        time.sleep(max(0.0, login.deadline - time.time() - 1.0))
        door = doors.get()
        try:
            return refused_after(door, login, every=POLL_SECONDS, patience=PATIENCE)
        finally:
            doors.put(door)

    try:
        with ThreadPoolExecutor(max_workers=DOORS) as pool:
            return list(pool.map(watch, held))
    finally:
        for door in made:
            door.close()


def _pages_for(running: World, *, seconds: float, most: float) -> list[float]:
    with _pages_meanwhile(running) as found:
        time.sleep(min(seconds, most))
    return found


@contextmanager
def _pages_meanwhile(running: World) -> Iterator[list[float]]:
    """First bytes of a person's pages, one after the other, for as long as the block runs."""
    found, is_over = list[float](), threading.Event()
    with closing(first_byte.signed_in(running, "bob")) as browser:

        def read() -> None:
            while not is_over.is_set():
                for path in ("/approvals/", "/access/", "/request/"):
                    found.append(first_byte.first_byte(browser, path))
                is_over.wait(0.1)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            yield found
        finally:
            is_over.set()
            reader.join(timeout=20)
