"""A request that can come to nothing any more, and that nobody took back. Inside the operation that holds its row."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain.events import Actor, Event
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest
from accessrequests.operations._deciding import decide
from accessrequests.operations._record import Fact


def void(access_request: AccessRequest, why: str, *, actor: Actor, at: datetime) -> Fact:
    """Its people are told why, on screen and by notice."""
    decide(access_request, AccessRequestState.CANCELLED, actor.name, at)
    access_request.note = why
    access_request.save()
    return Fact(Event.ACCESS_REQUEST_CANCELLED, str(access_request), {"why": why})
