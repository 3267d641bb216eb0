"""Compares a target with our grants. It only suspects, looks twice, and ends access; it never makes any."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from accessrequests.domain.lifecycle import EndReason, GateName, GrantState
from accessrequests.models import Grant
from accessrequests.models.access_requests import AccessKind
from accessrequests.operations import grants, targets
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from accessrequests.queries import grants as grant_queries
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome, after
from workers.provision import spec_of
from workers.provisioners.base import GrantSpec, Owned, Proof, Provisioner, ProvisionerError

ORPHAN = "It is ours, and no grant of ours is alive that it belongs to."
MISSING = "The target no longer has the user as we made it."
CHANGED = "The target holds something other than what was approved."

log = structlog.get_logger(__name__)


def reconcile(claim: Claim) -> Outcome:
    slug = claim.subject_name
    try:
        provisioner = provisioner_for(slug)
        health = provisioner.check()
        targets.record_check(slug=slug, clock_skew=health.clock_skew)
        if health.authority_ends_at is not None:
            targets.watch_authority(slug=slug, ends_at=health.authority_ends_at)
        targets.watch_methods(slug=slug, missing=health.missing)
        for warning in health.warnings:
            log.warning("target_health", target=slug, warning=warning)
        owned = {one.username: one for one in provisioner.list_ours()}
        standing = targets.suspect(slug=slug, seen=_suspects(slug, provisioner, owned))
        for username, why in standing.items():
            _act(slug, provisioner, username=username, why=why)
    except ProvisionerError as error:
        return after(claim, error, target=slug)
    return Done()


def _suspects(slug: str, provisioner: Provisioner, owned: Mapping[str, Owned]) -> dict[str, str]:
    """What looks wrong at this moment. The rows are read after the target, so that a grant just made is not unknown."""
    alive = {grant.username: grant for grant in grant_queries.of_target(slug)}
    strays = {name: one for name, one in owned.items() if name not in alive}
    ended = grant_queries.usernames_ended(slug, strays)
    seen = {name: ORPHAN for name, one in strays.items() if one.proven or name in ended}
    for name in sorted(set(strays) - set(seen)):
        log.warning("looks_like_ours", target=slug, username=name, proven=False)
    for grant in alive.values():
        why = _drift(provisioner, grant) if grant.state == GrantState.ACTIVE else ""
        if why:
            seen[grant.username] = why
    return seen


def _drift(provisioner: Provisioner, grant: Grant) -> str:
    """How what the target holds differs from what was approved, if it does. That we cannot see it is no sign of that.

    :raises ProvisionerError: the target does not answer.
    """
    try:
        readiness = provisioner.readiness(spec_of(grant))
    except ProvisionerError as error:
        if error.unreachable:
            raise
        log.warning("grant_not_compared", grant=grant.pk, error=str(error))
        return ""
    if readiness.exact:
        return ""
    return MISSING if readiness.gates.get(GateName.USER) is Proof.NOT_YET else CHANGED


def _act(slug: str, provisioner: Provisioner, *, username: str, why: str) -> None:
    """Decide again, with a fresh look at both sides."""
    if why == ORPHAN:
        _end_orphan(slug, provisioner, username)
        return
    grant = grant_queries.of_target(slug).filter(username=username, state=GrantState.ACTIVE).first()
    if grant is not None and _drift(provisioner, grant) == why:
        grants.end(grant_id=grant.pk, reason=EndReason.DRIFT, note=why)


def _end_orphan(slug: str, provisioner: Provisioner, username: str) -> None:
    orphan = next((one for one in provisioner.list_ours() if one.username == username), None)
    if orphan is None or orphan.grant_id is None or grant_queries.of_target(slug).filter(username=username).exists():
        return
    spec = GrantSpec(
        grant_id=orphan.grant_id,
        kind=AccessKind.DATABASE_USER.value,
        username=username,
        clusters=(),
        roles=(),
        source_addresses=(),
        authentication=orphan.authentication,
        expires_at=orphan.expires_at or clock.now(),
        was_confirmed=grant_queries.was_active(slug, username),
    )
    provisioner.cut([spec])
    clean = provisioner.clean(spec)
    if clean.done:
        targets.record_orphan_ended(slug=slug, username=username, evidence=clean.facts)
    else:
        log.error("orphan_not_ended", target=slug, username=username, remains=clean.remains)
