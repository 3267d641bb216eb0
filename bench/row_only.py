"""A revocation that marks the row and leaves the target alone. Importing this puts it in the place of ours."""

from __future__ import annotations

from accessrequests.models import Grant
from accessrequests.operations import grants
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from workers import revoke
from workers.outcomes import Done, Outcome


def _row_only(claim: Claim, grant: Grant) -> Outcome:  # noqa: ARG001 - as what it stands in for
    claimed = {"login": "refused", "roles": 0}
    grants.mark_cut(cuts=[grants.Cut(grant.pk, claimed)])
    grants.mark_revoked(grant_id=grant.pk, evidence=claimed, looked_at=clock.now())
    return Done()


revoke._ended = _row_only  # noqa: SLF001 - that is the sabotage
