"""The one way into revocation, inside the operation that holds the row of the grant, and the way to hold it."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain.events import PRODUCT, Actor, Event
from accessrequests.domain.lifecycle import GRANT_MOVES, EndReason, GrantState, check_move
from accessrequests.domain.wording import moment
from accessrequests.models import Grant
from accessrequests.operations import _credential
from accessrequests.operations._record import Fact
from accessrequests.operations.refusals import IllegalMove

ALIVE = {GrantState.PENDING.value, GrantState.ACTIVE.value}


def start_revocation(grant: Grant, reason: EndReason, *, actor: Actor, at: datetime, note: str = "") -> list[Fact]:
    """Move to revoking. Raising the attempt number voids every claim on the grant that is still out."""
    check_move(GRANT_MOVES, GrantState(grant.state), GrantState.REVOKING)
    was = grant.state
    grant.state = GrantState.REVOKING.value
    grant.end_reason = reason.value
    grant.ended_by = actor.name
    grant.note = note
    grant.revocation_started_at = at
    grant.attempt += 1
    grant.failures, grant.last_error, grant.waits_for = 0, "", ""
    grant.save()
    facts = [
        Fact(
            Event.GRANT_REVOCATION_STARTED, str(grant), {"reason": reason.value, "note": note, "was": was}, grant=grant
        )
    ]
    if _credential.erase(grant, at):
        facts.append(Fact(Event.CREDENTIAL_ERASED, str(grant), {"why": "the access ends"}))
    return facts


def locked(grant_id: int) -> Grant:
    """The grant, its row locked, and all that it stands on, read after the lock.

    One SELECT with joins would not do: what it joins is as old as the statement, not as new as the lock.
    """
    Grant.objects.select_for_update(no_key=True).only("pk").get(pk=grant_id)
    grant = (
        Grant.objects.select_related("target", "holder", "access_request__requester")
        .select_related("access_request__beneficiary", "access_request__policy_version")
        .get(pk=grant_id)
    )
    grant.access_request.target = grant.target
    return grant


def ended_by_person(grant: Grant, reason: EndReason, *, actor: Actor, at: datetime, note: str) -> list[Fact]:
    """Somebody who may ends the access.

    :raises IllegalMove: when it is ending or has ended.
    """
    if grant.state not in ALIVE:
        since = grant.revocation_started_at or at
        raise IllegalMove(_who_ended(grant, actor.name, since), person=grant.ended_by, what=grant.end_reason, at=since)
    return start_revocation(grant, reason, actor=actor, at=at, note=note)


def _who_ended(grant: Grant, who_asks: str, at: datetime) -> str:
    if grant.ended_by == PRODUCT:
        return f"It had ended already, at {moment(at)}."
    ended = "ending" if grant.state == GrantState.REVOKING else "ended"
    faster = "You have done that" if grant.ended_by == who_asks else f"{grant.ended_by} was faster"
    return f"{faster}: the access is {ended} already."
