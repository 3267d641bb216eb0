"""Rounds of kill -9 and of SIGSTOP: each at one named step of one part, while people come and go."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from chaos.orders import Deed, Hit, Order, Step
from chaos.steps import is_look
from chaos.world import ChaosWorld

HIT_SECONDS = 8.0
OFFERED = 12  # steps at once; of all together the most frequent would always come first


@dataclass(frozen=True, slots=True)
class Round:
    """What was done, and until when the part was away."""

    deed: Deed
    hit: Hit
    back_at: float


@dataclass
class Rounds:
    """Each step once before any comes again: who first comes by one of those that are left."""

    world: ChaosWorld
    chance: random.Random
    steps: Sequence[Step]
    say: Callable[[str], None]
    done: list[Round] = field(default_factory=list)
    _given: int = 0

    def run(self, wanted: Mapping[Deed, int], *, until: float) -> None:
        """As many of each as are wanted, unless time (of the steady clock) is over before."""
        left = {deed: set(self.steps) for deed in wanted}
        while time.monotonic() < until and (open_ := [deed for deed in wanted if self.count(deed) < wanted[deed]]):
            deed = self.chance.choice(open_)
            self._one(deed, left[deed])

    def count(self, deed: Deed) -> int:
        return sum(done.deed is deed for done in self.done)

    def _one(self, deed: Deed, left: set[Step]) -> None:
        offered = frozenset(self.chance.sample(sorted(left), min(OFFERED, len(left))))
        self._given += 1
        order = Order(self._given, offered, deed, whole=self.chance.random() < 0.5)  # noqa: PLR2004
        leaders = {part: unit.pid or 0 for part, unit in self.world.units.items()}
        self.world.orders.give(order)
        hit = self.world.orders.await_hit(order, seconds=HIT_SECONDS)
        if hit is None:
            if len(left) <= OFFERED:  # Nobody comes by the last ones now, so all are offered again.
                left |= set(self.steps)
            return
        left.discard((hit.part, hit.step))
        if not left:
            left |= set(self.steps)
        back_at = self._let_go_on(order, hit) if deed is Deed.STOP else self._await_back(order, hit, leaders[hit.part])
        self.done.append(Round(deed, hit, back_at))
        how = "the whole part" if order.whole else "one process"
        away = f"away for {back_at - hit.at:.1f} s"
        self.say(f"round {len(self.done)}: {deed.value} of {hit.part} ({how}) {hit.step}, {away}")
        time.sleep(self.chance.uniform(0.1, 1.0))

    def _await_back(self, order: Order, hit: Hit, leader: int) -> float:
        is_leader = order.whole or hit.pid == leader
        return self.world.await_back(hit.part, not_of=leader) if is_leader else time.time()

    def _let_go_on(self, order: Order, hit: Hit) -> float:
        is_long = self.chance.random() < 1 / 4  # longer than a claim lives
        time.sleep(self.chance.uniform(6.5, 8.0) if is_long else self.chance.uniform(0.3, 2.5))
        with contextlib.suppress(ProcessLookupError):
            if order.whole:
                os.killpg(hit.group, signal.SIGCONT)
            else:
                os.kill(hit.pid, signal.SIGCONT)
        return time.time()


def worth_a_round(written_down: set[Step]) -> list[Step]:
    """Before and after whatever changes something; who dies around a mere look leaves what one of the others left."""
    return sorted(step for step in written_down if not is_look(step[1]))
