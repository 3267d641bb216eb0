"""Ends access: cut it off, leave nothing of it, and have the target say so. This never gives up."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import Grant
from accessrequests.operations import grants
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from accessrequests.queries import grants as grant_queries
from workers.connections import provisioner_for
from workers.inventory import read_soon
from workers.outcomes import AWAY, Again, Done, Outcome, after, try_again, wait_for
from workers.provision import spec_of, wait_longer
from workers.provisioners.base import Busy, Evidence, ProvisionerError
from workers.sweep_journal import LEAST_AFTER, swept_of

CLOCK_WENT_BACK = "The database's clock went back while the access was being ended, so we look once more."
NEVER_MADE = {"never_made": True}


def revoke(claim: Claim) -> Outcome:
    """As far as it goes now: cut, clean, confirmed; or again later, without limit."""
    grant = grant_queries.with_everything(claim.subject_id)
    if grant.state != GrantState.REVOKING:
        return Done()
    if not grant.provisioning_attempt:
        # Every attempt is committed before its first call, so there was none and there is nothing to end.
        grants.mark_cut(grant_id=grant.pk, evidence=NEVER_MADE)
        return _confirmed(claim, grant, NEVER_MADE, looked_at=clock.now())
    if grant.target.unreachable_since is not None:
        grants.note_revocation_failure(grant_id=grant.pk, sentence=grant.last_error or AWAY)
        return wait_for(grant.target.slug)
    try:
        return _ended(claim, grant)
    except ProvisionerError as error:
        if not isinstance(error, Busy):
            grants.note_revocation_failure(grant_id=grant.pk, sentence=str(error))
        return after(claim, error, target=grant.target.slug)


def _ended(claim: Claim, grant: Grant) -> Outcome:
    provisioner, spec = provisioner_for(grant.target.slug), spec_of(grant)
    if grant.cut_at is None:
        (cut,) = provisioner.cut([spec])
        if not cut.done:
            return _unfinished(claim, grant, cut)
        swept = swept_of(grant) if clock.now() >= spec.expires_at + LEAST_AFTER else None
        if swept is None:
            grants.mark_cut(grant_id=grant.pk, evidence=cut.facts)
        else:
            grants.mark_cut(grant_id=grant.pk, evidence={**cut.facts, "sweep": swept.said()}, swept_at=swept.at)
    looked_at = clock.now()
    clean = provisioner.clean(spec)
    if not clean.done:
        return _unfinished(claim, grant, clean)
    return _confirmed(claim, grant, clean.facts, looked_at=looked_at)


def _confirmed(claim: Claim, grant: Grant, facts: Mapping[str, Any], *, looked_at: datetime) -> Outcome:
    try:
        grants.mark_revoked(grant_id=grant.pk, evidence=facts, looked_at=looked_at)
    except grants.TooEarly as early:
        wait = early.until - looked_at
        if wait > grants.LONGEST_CALL:
            return _not_yet(claim, grant, CLOCK_WENT_BACK)
        return Again(why=str(early), delay=wait, failed=False)
    read_soon(grant)
    return Done()


def _unfinished(claim: Claim, grant: Grant, evidence: Evidence) -> Outcome:
    if evidence.waiting and not evidence.remains:
        return wait_longer(grant, evidence.waiting, since=grant.cut_at or grant.revocation_started_at)
    return _not_yet(claim, grant, " ".join(evidence.remains) or "The target still has something of it.")


def _not_yet(claim: Claim, grant: Grant, sentence: str) -> Outcome:
    grants.note_revocation_failure(grant_id=grant.pk, sentence=sentence)
    return try_again(claim, sentence)
