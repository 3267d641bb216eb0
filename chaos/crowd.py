"""People who ask, use and give back access all the time, so that there is something to break."""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Iterator, Sequence

from chaos.life import AUTOMATIC, Life, Plan, Town, live

TARGETS = ("shop-prod", "shop-prod", "shop-dev", "shop-staging", "ecommerce-dev", "ecommerce-dev", "ecommerce-prod")
HOLDERS = ("alice", "frank")


def plans(chance: random.Random, targets: Sequence[str] = TARGETS) -> Iterator[Plan]:
    for number in itertools.count():
        target = chance.choice(targets)
        is_atlas = target.startswith("ecommerce-")
        yield Plan(
            number=number,
            target=target,
            holder=chance.choice(HOLDERS),
            seconds=chance.randint(70, 90) if is_atlas else chance.randint(40, 60),
            released_after=round(chance.uniform(0.2, 4), 2) if chance.random() < 0.7 else None,  # noqa: PLR2004
            by_slack=target not in AUTOMATIC and chance.random() < 1 / 3,
            rotates=chance.random() < 1 / 8,
        )


class Crowd:
    """So many at a time, each beginning anew when they are done."""

    def __init__(self, town: Town, *, chance: random.Random, at_a_time: int) -> None:
        self._town = town
        self._plans = plans(chance)
        self._next = threading.Lock()
        self._is_over = threading.Event()
        self.lives: list[Life] = []
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(at_a_time)]

    def begin(self) -> None:
        for thread in self._threads:
            thread.start()

    def end(self) -> list[Life]:
        """Nobody begins anew; every life that has begun, when it is over."""
        self._is_over.set()
        for thread in self._threads:
            thread.join(timeout=240)
        return self.lives

    def _run(self) -> None:
        while not self._is_over.is_set():
            with self._next:
                plan = next(self._plans)
            self.lives.append(live(plan, self._town))
