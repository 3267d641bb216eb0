"""The one way into revocation, inside the operation that holds the grant's row."""

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
    grant.failures, grant.last_error = 0, ""
    grant.save()
    facts = [
        Fact(
            Event.GRANT_REVOCATION_STARTED, str(grant), {"reason": reason.value, "note": note, "was": was}, grant=grant
        )
    ]
    if _credential.erase(grant, at):
        facts.append(Fact(Event.CREDENTIAL_ERASED, str(grant), {"why": "the access ends"}))
    return facts
