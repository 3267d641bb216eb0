"""Compares a target with our grants, step by step. It only suspects, looks twice, and ends access; it never makes any."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import structlog

from accessrequests.domain.lifecycle import EndReason, GateName, GrantState
from accessrequests.models import Grant, Look
from accessrequests.operations import grants, places, reconciling, targets
from accessrequests.operations import shared_objects as operations
from accessrequests.operations.outbox import Claim
from accessrequests.operations.reconciling import Phase
from accessrequests.queries import clock, shared_objects
from accessrequests.queries import grants as grant_queries
from workers.connections import provisioner_for
from workers.outcomes import Again, Done, Outcome, after
from workers.provision import A_MOMENT, spec_of
from workers.provisioners.base import (
    Proof,
    Provisioner,
    ProvisionerError,
    Readiness,
    TargetProvisioner,
)
from workers.strays import end_stray, is_ours_to_end

ORPHAN = "It is ours, and no grant of ours is alive that it belongs to."
MISSING = "The target no longer has the user as we made it."
CHANGED = "The target holds something other than what was approved."
SHORTENED = "The target would end it before its time."
MORE = "There is more of the target to compare."
# Grants that are read at once; and no step begins when so many seconds have gone by, since others want their turn.
AT_ONCE = 200
LONGEST_SECONDS = 2.5

log = structlog.get_logger(__name__)


def reconcile(claim: Claim) -> Outcome:
    """As many steps as fit into a moment; the rest when it is carried again. Each asks the target for a bounded time."""
    slug, began = claim.subject_name, time.monotonic()
    look = reconciling.begin(slug=slug)
    try:
        provisioner = provisioner_for(slug)
        while look.finished_at is None:
            _STEPS[Phase(look.phase)](slug, provisioner, look)
            if look.finished_at is None and time.monotonic() - began > LONGEST_SECONDS:
                return Again(why=MORE, delay=A_MOMENT, failed=False)
    except ProvisionerError as error:
        return after(claim, error, target=slug)
    return Done()


def _check(slug: str, provisioner: TargetProvisioner, look: Look) -> None:
    health = provisioner.check()
    warnings = [*health.warnings, *shared_objects.left_by_calls(slug)]
    targets.record_check(slug=slug, clock_skew=health.clock_skew, warnings=warnings)
    if health.authority_ends_at is not None:
        targets.watch_authority(slug=slug, ends_at=health.authority_ends_at)
    targets.watch_methods(slug=slug, missing=health.missing)
    for warning in warnings:
        log.warning("target_health", target=slug, warning=warning)
    places.note(slug=slug, place=provisioner.place)
    _go_on(look, Phase.GRANTS)


def _compare(slug: str, provisioner: TargetProvisioner, look: Look) -> None:
    """Live grants, in their order, with one look at the target for all of them."""
    began, surveyed = time.monotonic(), provisioner.survey()
    batch = grant_queries.to_compare(slug, made_in=provisioner.place, after=look.cursor, most=AT_ONCE)
    for grant in batch:
        look.cursor = grant.pk
        why = _drift(surveyed, grant)
        if why:
            look.seen[grant.username] = why
        if time.monotonic() - began > LONGEST_SECONDS:
            break
    is_last = len(batch) < AT_ONCE and (not batch or look.cursor == batch[-1].pk)
    _go_on(look, Phase.LATE if is_last else Phase.GRANTS)


def _take_back(slug: str, provisioner: TargetProvisioner, look: Look) -> None:
    """What workers that died may have added after others had confirmed the end, one call at a time."""
    calls = shared_objects.late_calls(slug, at=clock.now())
    for call in calls[:1]:
        late, left = frozenset(tuple(role) for role in call.says), ""
        if call.looked_at is not None:
            left = provisioner.look_again(spec_of(call.grant), late)
        elif provisioner.take_back(spec_of(call.grant), late):
            log.warning("late_call_looked_after", target=slug, grant=call.grant_id, roles=call.says)
        operations.looked_after(call_id=call.pk, left=left)
    _go_on(look, Phase.LATE if len(calls) > 1 else Phase.STRAYS)


def _find_strays(slug: str, provisioner: TargetProvisioner, look: Look) -> None:
    """The rows are read after the target, so that a grant just made is not unknown."""
    owned = {one.name: one for one in provisioner.list_ours()}
    alive = set(grant_queries.of_target(slug).values_list("username", flat=True))
    strays = {name: one for name, one in owned.items() if name not in alive}
    ended = grant_queries.usernames_ended(slug, strays)
    for name, one in sorted(strays.items()):
        if name in ended or is_ours_to_end(slug, one):
            look.seen[name] = ORPHAN
        else:
            log.warning("looks_like_ours", target=slug, username=name, proven=False)
    _go_on(look, Phase.JUDGE)


def _judge(slug: str, _provisioner: TargetProvisioner, look: Look) -> None:
    look.standing = targets.suspect(slug=slug, seen=look.seen)
    _go_on(look, Phase.ACT)


def _act(slug: str, provisioner: TargetProvisioner, look: Look) -> None:
    """One of those that still stand: decide again, with a fresh look at both sides."""
    if not look.standing:
        reconciling.finish(look=look)
        return
    name, why = next(iter(look.standing.items()))
    del look.standing[name]
    if why == ORPHAN:
        stray = next((one for one in provisioner.list_ours() if one.name == name), None)
        if stray is not None:
            end_stray(slug, provisioner, stray)
    else:
        _decide(slug, provisioner, username=name, why=why)
    reconciling.keep(look=look)


def _decide(slug: str, provisioner: Provisioner, *, username: str, why: str) -> None:
    grant = grant_queries.of_target(slug).filter(username=username, state=GrantState.ACTIVE).first()
    if grant is None:
        return
    readiness = _looked_at(provisioner, grant)
    if readiness is None or _why(readiness) != why:
        return
    if why == SHORTENED:
        provisioner.rearm(spec_of(grant))
        reconciling.record_end_put_back(grant_id=grant.pk)
        return
    differs = [str(one) for one in readiness.evidence.get("differs", ())]
    note = f"{why} It differs in: {', '.join(differs)}." if differs else why
    grants.end(grant_id=grant.pk, reason=EndReason.DRIFT, note=note)


def _drift(provisioner: Provisioner, grant: Grant) -> str:
    readiness = _looked_at(provisioner, grant)
    return _why(readiness) if readiness is not None else ""


def _looked_at(provisioner: Provisioner, grant: Grant) -> Readiness | None:
    """What the target holds. None: we cannot see it, which is no sign that it differs.

    :raises ProvisionerError: the target does not answer, or not now.
    """
    try:
        return provisioner.readiness(spec_of(grant))
    except ProvisionerError as error:
        if error.unreachable or error.retry_after:
            raise
        log.warning("grant_not_compared", grant=grant.pk, error=str(error))
        return None


def _why(readiness: Readiness) -> str:
    """How what the target holds differs from what was approved, if it does."""
    if readiness.exact:
        return SHORTENED if readiness.ends_early else ""
    return MISSING if readiness.gates.get(GateName.USER) is Proof.NOT_YET else CHANGED


def _go_on(look: Look, phase: Phase) -> None:
    look.phase = phase.value
    reconciling.keep(look=look)


_STEPS: Mapping[Phase, Callable[[str, TargetProvisioner, Look], None]] = {
    Phase.CHECK: _check,
    Phase.GRANTS: _compare,
    Phase.LATE: _take_back,
    Phase.STRAYS: _find_strays,
    Phase.JUDGE: _judge,
    Phase.ACT: _act,
}
