"""Ends access: cut it off, leave nothing of it, and have the target say so. This never gives up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from datetime import datetime, timedelta
from typing import Any

import structlog

from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import Grant
from accessrequests.operations import grants, outbox
from accessrequests.operations.grants import Cut
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from accessrequests.queries import grants as grant_queries
from workers.connections import provisioner_for
from workers.heart import HEART
from workers.inventory import read_soon
from workers.outcomes import AWAY, Again, Done, Outcome, after, try_again, wait_for
from workers.provision import spec_of, wait_longer
from workers.provisioners.base import Busy, Evidence, Provisioner, ProvisionerError
from workers.sweep_journal import LEAST_AFTER, swept_of

CLOCK_WENT_BACK = "The database's clock went back while the access was being ended, so we look once more."
MOST_TOGETHER = 50
MOST_CONSIDERED = 400  # others may hold some of them
NEVER_MADE = {"never_made": True}
# Where more than so many are cut at once, more may come to their end, and people want the processors as well: what is
# cut is cleaned up later.
CROWD = 10
CLEANED_LATER = timedelta(seconds=30)
CUT_FIRST = Again(why="Others on this target are cut first.", delay=CLEANED_LATER, failed=False)

log = structlog.get_logger(__name__)


def revoke(claim: Claim) -> Outcome:
    """As far as it goes now: cut, clean, confirmed; or again later, without limit."""
    grant = grant_queries.with_everything(claim.subject_id)
    if grant.state != GrantState.REVOKING:
        return Done()
    if not grant.provisioning_attempt:
        # Every attempt is committed before its first call, so there was none and there is nothing to end.
        grants.mark_cut(cuts=[Cut(grant.pk, NEVER_MADE)])
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
    # Roles of standing users are taken one by one, each under the lease of its user.
    together = KINDS[grant.target.kind].cuts_together and grant.access_request.makes_a_user
    may_wait = grant.cut_at is None or clock.now() - grant.cut_at < CLEANED_LATER
    cuts = _cut_with_others(claim, grant, provisioner) if together else []
    if grant.cut_at is None:
        cut = cuts[0] if cuts else provisioner.cut([spec])[0]
        if not cut.done:
            return _unfinished(claim, grant, cut)
        grants.mark_cut(cuts=[_cut_of(grant, cut, at=clock.now())])
    if may_wait and len(cuts) > CROWD and any(cut.done for cut in cuts) and not claim.failures:
        return CUT_FIRST
    looked_at = clock.now()
    clean = provisioner.clean(spec)
    if not clean.done:
        return _unfinished(claim, grant, clean)
    return _confirmed(claim, grant, clean.facts, looked_at=looked_at)


def _cut_with_others(claim: Claim, grant: Grant, provisioner: Provisioner) -> list[Evidence]:
    """Cut what else is to be cut on its target now, and it as well: one by one, each would wait for all before it.

    Its own evidence first, where it was to be cut; or none at all: nothing came of it, and it is tried by itself.
    :raises ProvisionerError: when the target does not answer.
    """
    waiting = [f"grant/{pk}" for pk in grant_queries.to_cut_with(grant, most=MOST_CONSIDERED)]
    taken = outbox.claim_together(held=claim, subjects=waiting, most=MOST_TOGETHER)
    if not taken:
        return []
    own = [grant] if grant.cut_at is None else []
    cuts: list[Evidence] = []
    cut, have_failed = set[int](), False
    try:
        with ExitStack() as beating:
            for one in taken:
                beating.enter_context(HEART.beating(one))
            # Read after they were taken: whoever held one before may have cut it since we looked.
            others = _not_cut(grant_queries.all_with_everything(one.subject_id for one in taken).values())
            if not (others or own):
                return []
            # Its own first: a target far away takes no more of them than there is time for.
            cuts = provisioner.cut([spec_of(one) for one in (*own, *others)])
            at, found = clock.now(), zip(others, cuts[len(own) :], strict=True)
            cut = grants.mark_cut(cuts=[_cut_of(one, said, at=at) for one, said in found if said.done], skip_held=True)
    except ProvisionerError as error:
        if error.unreachable:
            raise
        have_failed = True
        log.warning("not_cut_together", target=grant.target.slug, grants=len(taken), error=str(error))
        return []
    except Exception:
        # Whatever is wrong with one of them, seen or not: each is tried by itself, and only that one fails.
        have_failed = True
        log.exception("not_cut_together", target=grant.target.slug, grants=len(taken))
        return []
    finally:
        # What is left of each is for whoever comes by: to clean up, to be tried by itself, or to look again.
        later = CLEANED_LATER if len(cuts) > CROWD else timedelta()
        outbox.put_back(claims=[one for one in taken if one.subject_id in cut], delay=later)
        outbox.put_back(claims=[one for one in taken if one.subject_id not in cut], failed=have_failed)
    return cuts


def _not_cut(found: Iterable[Grant]) -> list[Grant]:
    return [one for one in found if one.state == GrantState.REVOKING and one.cut_at is None]


def _cut_of(grant: Grant, evidence: Evidence, *, at: datetime) -> Cut:
    """What the target says, and what the sweep had done before, where it may have been there first."""
    is_late = grant.expires_at is not None and at >= grant.expires_at + LEAST_AFTER
    swept = swept_of(grant) if is_late else None
    if swept is None:
        return Cut(grant.pk, evidence.facts)
    return Cut(grant.pk, {**evidence.facts, "sweep": swept.said()}, swept.at)


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
