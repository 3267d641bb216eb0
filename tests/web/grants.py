"""Makes grants as far along as a page needs them, with what a worker would say."""

from __future__ import annotations

from typing import Any

from accessrequests.models import Grant, Person
from accessrequests.operations import grants
from accessrequests.queries import clock
from tests import make


def live(holder: Person, approver: Person, **changes: Any) -> Grant:
    """A grant that the target has confirmed, with a password that nobody has read."""
    grant = make.approved_grant(holder, approver, **changes)
    attempt = grants.start_provisioning(grant_id=grant.pk)
    assert attempt is not None
    assert grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates={"user": {"proof": "login"}})
    grant.refresh_from_db()
    return grant


def gone(grant: Grant) -> Grant:
    """What the target confirms once its revocation has begun."""
    grants.mark_cut(cuts=[grants.Cut(grant.pk, {"users": 0})])
    grants.mark_revoked(grant_id=grant.pk, evidence={"users": 0}, looked_at=clock.now())
    grant.refresh_from_db()
    return grant
