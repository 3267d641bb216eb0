"""How long an operation takes that does nothing but seal one event onto the chain, in turns with a plain change of a row."""

from __future__ import annotations

import time
from collections.abc import Callable

from django.db import transaction

from accessrequests.domain.events import Via
from accessrequests.models import Person, Target
from accessrequests.operations import trail

AUDITOR = "dave"


@transaction.atomic(durable=True)
def _plain(target: Target) -> None:
    Target.objects.filter(pk=target.pk).update(name=target.name)


def run(told: str) -> dict[str, list[float]]:
    target, auditor = Target.objects.order_by("pk")[0], Person.objects.get(username=AUDITOR)
    taken: dict[str, list[float]] = {"plain": [], "sealed": []}
    for _ in range(int(told)):
        taken["plain"].append(_timed(lambda: _plain(target)))
        taken["sealed"].append(
            _timed(lambda: trail.note_export(written="bench", narrowed={}, person=auditor, via=Via.COMMAND))
        )
    return taken


def _timed(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
