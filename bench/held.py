"""Access in numbers: asked for, live, its password taken, each with a deadline that lies where a measure wants it."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from bench import world
from bench.door import Login
from bench.together import AT_A_TIME
from bench.world import World

TARGET = "shop-dev"  # where everybody has what they ask for, at once
SECONDS_FOR_ONE = 0.35  # what a machine like ours takes to ask, make and reveal, of eight at a time
PATIENT_SECONDS = 0.1


def hold(running: World, deadlines: Sequence[float], *, role: str = "read@shop") -> list[Login]:
    """One access for each deadline (seconds since 1970), or a moment after it; the target's own word is taken."""
    alice = running.client("alice")

    def one(deadline: float) -> Login:
        length = max(5, math.ceil(deadline - time.time()))
        granted = world.ask(alice, target=TARGET, role=role, duration=f"PT{length}S")
        revealed = world.reveal(alice, granted["grant"]["id"], every=PATIENT_SECONDS)
        return Login(revealed["username"], revealed["password"], world.moment(revealed["expires_at"]))

    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        return list(pool.map(one, deadlines))


def spread_out(number: int, *, seconds: float, to_open: float = 0.0) -> list[float]:
    """So many deadlines over so many seconds, soon after all of them can be there, and something opened with each."""
    begin = time.time() + 5 + number * (SECONDS_FOR_ONE + to_open)
    return [begin + seconds * index / number for index in range(number)]
