"""A target that has taken our word and takes long to carry it out: people are told what is waited for."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db import transaction

from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import GrantState
from accessrequests.operations._ending import locked
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.queries import clock

WORTH_SAYING = timedelta(minutes=1)
_IN_MOTION = {GrantState.PENDING.value, GrantState.REVOKING.value}


@transaction.atomic(durable=True)
def note(*, grant_id: int, sentence: str) -> None:
    """What the grant waits for. The same wait with other numbers in it is no news."""
    grant = locked(grant_id)
    at = clock.now()
    if grant.state not in _IN_MOTION or _without_numbers(grant.waits_for) == _without_numbers(sentence):
        return
    grant.waits_for = sentence
    grant.save(update_fields=["waits_for"])
    record(Fact(Event.GRANT_WAITING, str(grant), {"why": sentence}), actor=CLOCKWORK, at=at)


def _without_numbers(sentence: str) -> str:
    return re.sub(r"\d+", "", sentence)
