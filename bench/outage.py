"""A target that is away while deadlines pass: how soon after it is back is everything cut."""

from __future__ import annotations

import time
from contextlib import closing
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from bench.door import Door, prove
from bench.ending import SECONDS_TO_PROVE
from bench.held import TARGET, hold
from bench.rows import NEVER, Row, spread
from bench.sizes import Sizes
from bench.users import with_power
from bench.world import World

MOST = 3.0
PATIENCE = 120.0
BEFORE = 3.0  # it goes away so long before the first deadline


def outage(running: World, sizes: Sizes) -> Row:
    window = max(sizes.outage_seconds - 2 * BEFORE, 1.0)
    held = hold(running, sizes.outage, seconds=window, to_open=SECONDS_TO_PROVE)
    with closing(Door(running.host(TARGET))) as door:
        prove(door, held)
        keys = door.keys
    first = min(login.deadline for login in held)
    time.sleep(max(0.0, first - BEFORE - time.time()))
    running.stop(f"mongod:{TARGET}")
    time.sleep(max(0.0, first - BEFORE + sizes.outage_seconds - time.time()))
    running.start(f"mongod:{TARGET}")
    back = _answers_at(running)
    left, lags = {login.username: login for login in held}, list[float]()
    with (
        closing(Door(running.host(TARGET), keys=keys)) as door,
        MongoClient[dict[str, Any]](running.root_uri(TARGET)) as root,
    ):
        while left and time.time() < back + PATIENCE:
            for name in sorted(left.keys() - with_power(root)):
                if not door.lets_in(left[name]):
                    del left[name]
                    lags.append(time.time() - back)
            time.sleep(0.05)
    lags += [NEVER for _ in left]
    return Row(
        name=f"target away {sizes.outage_seconds:.0f} s",
        means="The server is stopped before the deadlines and started after them; from its first answer as the member "
        "that takes writes until each login is refused.",
        n=len(held),
        at_a_time=len(held),
        ours=spread(lags, 50, 99),
        goal="all ≤ 3 s after it is back",
        is_met=max(lags) <= MOST,
    )


def _answers_at(running: World) -> float:
    with MongoClient[dict[str, Any]](running.root_uri(TARGET), serverSelectionTimeoutMS=500) as root:
        for _ in range(600):
            try:
                if root.admin.command("hello")["isWritablePrimary"]:
                    return time.time()
            except PyMongoError:
                pass
            time.sleep(0.02)
    raise RuntimeError(f"The mongod of {TARGET} did not come back.")
