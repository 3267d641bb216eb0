"""A target that is away across the deadlines of several grants, while everything else goes on."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from tests.journeys.world import World

TARGET = "shop-staging"
GRANTS = 10
LENGTH = "PT30S"
SECONDS = 60.0


class Outage:
    """Ten people's worth of access to one target, whose server is then stopped."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.accesses = [world.approved(target=TARGET, duration=LENGTH) for _ in range(GRANTS)]
        for access in self.accesses:
            world.use(access)
        world.stop(f"mongod:{TARGET}")
        self.began = time.monotonic()
        left = min((access.expires_at - datetime.now(UTC)).total_seconds() for access in self.accesses)
        assert left > 0, "The outage must begin before the first deadline; this machine was too slow for that."

    def sit_out(self) -> None:
        """Wait until it has lasted a minute."""
        time.sleep(max(0.0, SECONDS - (time.monotonic() - self.began)))

    def finish(self) -> float:
        """The server is back; when that was, on the monotonic clock."""
        self.world.start(f"mongod:{TARGET}")
        return time.monotonic()
