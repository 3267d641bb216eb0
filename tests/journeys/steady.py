"""A client that asks its target something every second, for as long as its access lasts, which is made longer meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo.errors import PyMongoError

from sandbox import catalogue
from tests.journeys.people import Answer
from tests.journeys.world import ROOT, World

TARGET = "shop-dev"
ROLES = ("dbAdmin@shop", "read@shop")  # what no other journey asks for there, so that the rule is about this one alone
LENGTH, MORE, TIMES = "PT85S", "PT5S", 3
CAP = "PT100S"
RULE: dict[str, Any] = {
    "name": "administering-development",
    "match": {"targets": [TARGET], "levels": ["admin"]},
    "eligible": ["engineering"],
    "approvals": [],
    "maximum": LENGTH,
    "total_maximum": CAP,
}
WHY = "The clean-up takes longer than we thought."
RHYTHM = 1.0


class Steady(threading.Thread):
    """It begins with the world and ends by itself, so that the wait for its deadline costs no time of its own."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        _publish(world)
        self.world = world
        asked = world.alice.ask(target=TARGET, roles=ROLES, duration=LENGTH)
        self.access = world.use(world.follow(asked, world.alice))
        self.ends = [self.access.expires_at]
        self.answered_at: list[datetime] = []
        self.refused_at: datetime | None = None
        self.start()
        for _ in range(TIMES):
            self._ask(expected=202)
            world.wait_for(self._is_longer, what="the later end is true")
        self.fourth = self._ask(expected=403)

    def run(self) -> None:
        with self.access.connect() as client:
            while self.refused_at is None:
                try:
                    client.shop.command("find", "orders", limit=1, singleBatch=True)
                except PyMongoError:
                    self.refused_at = datetime.now(UTC)
                else:
                    self.answered_at.append(datetime.now(UTC))
                    time.sleep(RHYTHM)

    def finish(self) -> None:
        """Wait until it was cut off, which may be late: other journeys take the product away meanwhile."""
        self.join(timeout=180)
        assert not self.is_alive(), f"It still gets its answers.\n{self.world.told()}"

    def _ask(self, *, expected: int) -> Answer:
        path = f"grants/{self.access.grant['id']}/extend/"
        return self.access.person.post(path, {"duration": MORE, "reason": WHY}, expected=expected)

    def _is_longer(self) -> bool:
        self.access.grant = self.access.person.grant(self.access.grant["id"])
        if self.access.expires_at > self.ends[-1]:
            self.ends.append(self.access.expires_at)
            return True
        return False


def _publish(world: World) -> None:
    """The sandbox's policy with one more rule, as an operator publishes it."""
    document = catalogue.policy_document()
    document["rules"].append(RULE)
    file = Path(world.state_file).with_name("longer.yaml")
    file.write_text(json.dumps(document), encoding="utf-8")
    inside = ["sandbox", "run", "--state-file", str(world.state_file), "--"]
    command = ["policy", "publish", str(file), "--by", catalogue.MEMBERS["administrators"][0]]
    done = subprocess.run(
        [sys.executable, "manage.py", *inside, *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
