"""The comparison of a target with our grants, which goes in steps: how far it has come, and what came of it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from django.db import transaction

from accessrequests.domain.events import Event
from accessrequests.models import Look, Target
from accessrequests.operations._ending import locked
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.queries import clock

STALE = timedelta(minutes=15)  # a comparison that was broken off so long ago begins anew


class Phase(StrEnum):
    """What is done next."""

    CHECK = "check"
    GRANTS = "grants"
    LATE = "late"
    STRAYS = "strays"
    JUDGE = "judge"
    ACT = "act"


@transaction.atomic(durable=True)
def begin(*, slug: str) -> Look:
    """The comparison that is under way, or a new one."""
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    at = clock.now()
    look = Look.objects.filter(target=target).first()
    if look is None or look.finished_at is not None or not at - STALE < look.started_at <= at:
        anew = {"started_at": at, "phase": Phase.CHECK.value, "cursor": 0, "seen": {}, "standing": {}}
        look, _ = Look.objects.update_or_create(target=target, defaults={**anew, "finished_at": None})
    return look


@transaction.atomic(durable=True)
def keep(*, look: Look) -> None:
    """A step is done."""
    look.save()


@transaction.atomic(durable=True)
def finish(*, look: Look) -> None:
    look.finished_at = clock.now()
    look.save()


@transaction.atomic(durable=True)
def record_end_put_back(*, grant_id: int) -> None:
    """Somebody had moved the target's own end of a grant, and it is again as it was approved."""
    grant = locked(grant_id)
    record(Fact(Event.GRANT_END_PUT_BACK, str(grant)), actor=CLOCKWORK, at=clock.now())
