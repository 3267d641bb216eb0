"""Attempts to provision, as a worker makes them, and what became of the grant."""

from __future__ import annotations

from accessrequests.models import Grant
from accessrequests.operations import grants
from accessrequests.operations.grants import Attempt

PROOF = {"user": {"proof": "login"}, "roles": {"proof": "read-back"}}


def started(grant: Grant) -> Attempt:
    attempt = grants.start_provisioning(grant_id=grant.pk)
    assert attempt is not None
    return attempt


def fails(
    grant: Grant,
    attempt: Attempt,
    *,
    permanent: bool = False,
    unreachable: bool = False,
    outcome_unknown: bool = False,
) -> bool:
    return grants.note_failure(
        grant_id=grant.pk,
        attempt=attempt.number,
        sentence="No.",
        permanent=permanent,
        unreachable=unreachable,
        outcome_unknown=outcome_unknown,
    )


def ended_for(grant: Grant) -> tuple[str, str]:
    grant.refresh_from_db()
    return grant.state, grant.end_reason
