"""A request, or a change of a custom role, that can come to nothing any more, and that nobody took back. Inside the operation that holds its row."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain.events import Actor, Event
from accessrequests.domain.lifecycle import CHANGE_MOVES, AccessRequestState, ChangeState, check_move
from accessrequests.models import AccessRequest, CustomRoleChange
from accessrequests.operations._deciding import decide
from accessrequests.operations._record import Fact


def void(access_request: AccessRequest, why: str, *, actor: Actor, at: datetime) -> Fact:
    """Its people are told why, on screen and by notice."""
    decide(access_request, AccessRequestState.CANCELLED, actor.name, at)
    access_request.note = why
    access_request.save()
    return Fact(Event.ACCESS_REQUEST_CANCELLED, str(access_request), {"why": why})


def void_change(change: CustomRoleChange, why: str, *, actor: Actor, at: datetime) -> Fact:
    """Its page says why."""
    check_move(CHANGE_MOVES, ChangeState(change.state), ChangeState.CANCELLED)
    change.state, change.decided_by, change.decided_at, change.note = ChangeState.CANCELLED.value, actor.name, at, why
    change.save()
    return Fact(Event.CUSTOM_ROLE_CANCELLED, str(change), _facts(change, why))


def fail_change(change: CustomRoleChange, why: str, *, at: datetime) -> Fact:
    """It was approved, and nobody carries it out any more."""
    check_move(CHANGE_MOVES, ChangeState(change.state), ChangeState.FAILED)
    change.state, change.finished_at, change.note = ChangeState.FAILED.value, at, why
    change.save()
    return Fact(Event.CUSTOM_ROLE_FAILED, str(change), _facts(change, why))


def _facts(change: CustomRoleChange, why: str) -> dict[str, str]:
    return {"target": change.target.slug, "role": change.role, "change": change.kind, "why": why}
