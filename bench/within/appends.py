"""How long transactions take that change one row, in turns with and without an event sealed onto the chain."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import transaction

from accessrequests.domain.events import Actor, Event, Via
from accessrequests.models import Target
from accessrequests.operations._record import Fact, record
from accessrequests.queries import clock

BENCH = Actor(name="bench", via=Via.COMMAND)


@transaction.atomic(durable=True)
def _plain(target: Target) -> None:
    Target.objects.filter(pk=target.pk).update(name=target.name)


@transaction.atomic(durable=True)
def _sealed(target: Target) -> None:
    Target.objects.filter(pk=target.pk).update(name=target.name)
    record(Fact(Event.AUDIT_EXPORTED, str(target)), actor=BENCH, at=clock.now())


def run(told: str) -> dict[str, list[float]]:
    target = Target.objects.order_by("pk")[0]
    taken: dict[str, list[float]] = {"plain": [], "sealed": []}
    for _ in range(int(told)):
        taken["plain"].append(_timed(_plain, target))
        taken["sealed"].append(_timed(_sealed, target))
    return taken


def _timed(act: Callable[[Target], None], target: Target) -> float:
    started = time.perf_counter()
    act(target)
    return time.perf_counter() - started
