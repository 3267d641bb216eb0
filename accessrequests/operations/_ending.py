"""The one way into revocation, inside the operation that holds the row of the grant, and the way to hold it."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain.events import Actor, Event
from accessrequests.domain.lifecycle import GRANT_MOVES, EndReason, GrantState, check_move
from accessrequests.models import Grant
from accessrequests.operations import _credential
from accessrequests.operations._record import Fact


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
