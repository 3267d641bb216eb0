"""How long the turns of a relay take that finds nothing to do."""

from __future__ import annotations

import time

from workers.anchor import write_anchor
from workers.relay import Relay

WARM = 30
BETWEEN = 0.01


def run(told: str) -> list[float]:
    while write_anchor():  # as a relay that was there all the time would long have done
        pass
    relay = Relay()
    taken = []
    for _ in range(WARM + int(told)):
        started = time.perf_counter()
        relay.turn()
        taken.append(time.perf_counter() - started)
        time.sleep(BETWEEN)
    return taken[WARM:]
