"""Makes an approved grant true: powerless first, then open, then proved; or undone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.privileges import RoleRef, from_json
from accessrequests.models import Grant
from accessrequests.operations import credentials, grants, places, waiting
from accessrequests.operations.credentials import Renewal
from accessrequests.operations.grants import Attempt
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock, extensions, principals
from accessrequests.queries import grants as grant_queries
from workers.clocks import WATCH
from workers.connections import provisioner_for
from workers.inventory import read_soon
from workers.outcomes import Again, Done, Outcome, after, look_again
from workers.provisioners.base import Busy, GrantedRole, GrantSpec, Provisioner, ProvisionerError, Readiness

A_MOMENT = timedelta(seconds=1)
NOT_READY = "The target has it, and is still getting ready to let the person in."

log = structlog.get_logger(__name__)


def provision(claim: Claim) -> Outcome:
    """One attempt. Provisioning may give up; what it leaves is then the revocation's to end."""
    if not WATCH.compare(who="worker"):
        return Again(why="Our clock and the database's differ.", delay=A_MOMENT, failed=False)
    attempt = grants.start_provisioning(grant_id=claim.subject_id)
    if attempt is None:
        waits = grant_queries.is_pending(claim.subject_id)
        return Again(why="Its start lies ahead.", delay=A_MOMENT, failed=False) if waits else Done()
    spec = spec_of(attempt.grant, password=attempt.password)
    try:
        provisioner = provisioner_for(attempt.grant.target.slug)
        spec = _settled(spec, provisioner.place)
        readiness = _opened(provisioner, spec, attempt)
        certificate = _certificate(provisioner, attempt, readiness)
    except ProvisionerError as error:
        return _failed(claim, attempt, spec, error)
    if (
        readiness is not None
        and not readiness.usable
        and grants.note_opened(grant_id=spec.grant_id, attempt=attempt.number)
    ):
        return wait_longer(attempt.grant, readiness.waiting or NOT_READY, since=attempt.grant.opened_at)
    if readiness is None or not readiness.usable or not _marked_active(attempt, readiness, certificate):
        _undo(spec, attempt)
    return Done()


def wait_longer(grant: Grant, why: str, *, since: datetime | None) -> Again:
    """The target has taken our word; after a minute, people are told what is waited for."""
    at = clock.now()
    waited = at - (since or at)
    if waited >= waiting.WORTH_SAYING:
        waiting.note(grant_id=grant.pk, sentence=why)
    return Again(why=why, delay=look_again(waited), failed=False)


def _settled(spec: GrantSpec, place: str) -> GrantSpec:
    """The same, with where it is made committed before the first call.

    :raises ProvisionerError: what was made in another place has to end first.
    """
    if not place or spec.place == place:
        return spec
    try:
        places.settle(grant_id=spec.grant_id, place=place)
    except places.Moved as error:
        raise ProvisionerError(str(error)) from None
    return replace(spec, place=place)


def _opened(provisioner: Provisioner, spec: GrantSpec, attempt: Attempt) -> Readiness | None:
    """The two steps in, and the proof. None: the attempt is void, and whatever it made must be undone."""
    if not attempt.is_opened:
        provisioner.prepare(spec)
        if not grants.may_open(grant_id=spec.grant_id, attempt=attempt.number):
            return None
        provisioner.open(spec)
    readiness = provisioner.readiness(spec)
    if not readiness.exact:
        if not grants.may_open(grant_id=spec.grant_id, attempt=attempt.number):
            return None  # what we saw is the work of a newer attempt
        (cut,) = provisioner.cut([spec])
        is_under_way = bool(cut.waiting) and not cut.remains
        undone = "It was cut off again." if cut.done else "It may still work, and is being ended."
        raise ProvisionerError(
            f"The target holds something other than what was approved. {undone}",
            permanent=not (cut.done or is_under_way),
        )
    return readiness


def _certificate(provisioner: Provisioner, attempt: Attempt, readiness: Readiness | None) -> str:
    """Made when everything else is confirmed to be open: an access that never became live had none."""
    if readiness is None or not readiness.usable or not attempt.grant.access_request.has_certificate:
        return ""
    return provisioner.certificate(spec_of(attempt.grant))


def _marked_active(attempt: Attempt, readiness: Readiness, certificate: str) -> bool:
    gates = {gate.value: {"proof": proof.value, **readiness.evidence} for gate, proof in readiness.gates.items()}
    is_active = grants.mark_active(
        grant_id=attempt.grant.pk, attempt=attempt.number, gates=gates, certificate=certificate
    )
    if is_active:
        read_soon(attempt.grant)
    return is_active


def _failed(claim: Claim, attempt: Attempt, spec: GrantSpec, error: ProvisionerError) -> Outcome:
    if isinstance(error, Busy):
        # However often others go first: the attempt ends here, with every call of it answered, and does not count.
        grants.note_undone(grant_id=attempt.grant.pk, attempt=attempt.number)
        # Whoever lost a lease may have written after the end was confirmed, and then nobody else looks again.
        _undo(spec, attempt)
        return after(claim, error, target=attempt.grant.target.slug)
    again = grants.note_failure(
        grant_id=attempt.grant.pk,
        attempt=attempt.number,
        sentence=str(error),
        permanent=error.permanent,
        # A target that says when to come again has not refused: that counts as little as no answer.
        unreachable=error.unreachable or error.retry_after > 0,
        outcome_unknown=error.outcome_unknown,
    )
    if not again:
        if not (error.unreachable or error.outcome_unknown):
            # It was the last one, or was voided on its way: take back what it made until then.
            _undo(spec, attempt)
        return Done()
    return after(claim, error, target=attempt.grant.target.slug)


def _undo(spec: GrantSpec, attempt: Attempt) -> None:
    """Take back what a voided attempt made, unless a newer attempt has made the same access rightfully."""
    if not grant_queries.is_ending(spec.grant_id):
        return
    try:
        provisioner = provisioner_for(attempt.grant.target.slug)
        provisioner.cut([spec])
        provisioner.clean(spec)
    except ProvisionerError as error:
        # The revocation is on its way and never gives up; it looks again after our longest call.
        log.warning("undo_failed", grant=spec.grant_id, error=str(error))
        return
    grants.note_undone(grant_id=spec.grant_id, attempt=attempt.number)


def rotate(claim: Claim) -> Outcome:
    """Give the target the new password that is sealed in the row; or sign the certificate that is waited for."""
    renewal = credentials.start_rotation(grant_id=claim.subject_id)
    if renewal is None:
        return Done()
    slug, spec = renewal.grant.target.slug, spec_of(renewal.grant, password=renewal.password)
    try:
        if not renewal.grant.access_request.has_certificate:
            return _password_given(renewal, spec)
        certificate = provisioner_for(slug).certificate(spec)
    except ProvisionerError as error:
        return after(claim, error, target=slug)
    credentials.mark_rotated(
        grant_id=spec.grant_id,
        generation=renewal.generation,
        certificate=certificate,
        certificate_until=spec.expires_at,
    )
    return Done()


def _password_given(renewal: Renewal, spec: GrantSpec) -> Outcome:
    """Nobody is offered a password that the target would still refuse. Told twice, it would begin anew each time."""
    provisioner = provisioner_for(renewal.grant.target.slug)
    if renewal.sent_at is None:
        provisioner.rotate(spec)
        # Before anything else is asked, which may fail each time.
        credentials.mark_sent(grant_id=spec.grant_id, generation=renewal.generation)
    why = provisioner.not_carried_out(spec)
    if not why:
        credentials.mark_rotated(grant_id=spec.grant_id, generation=renewal.generation)
        return Done()
    at = clock.now()
    return Again(why=why, delay=look_again(at - (renewal.sent_at or at)), failed=False)


def rearm(claim: Claim) -> Outcome:
    """Move the target's own end of a long grant forward. Were we dead, the access would end there."""
    grant = grant_queries.with_everything(claim.subject_id)
    if grant.state != GrantState.ACTIVE:
        return Done()
    try:
        provisioner_for(grant.target.slug).rearm(spec_of(grant))
    except ProvisionerError as error:
        if error.permanent:
            # It is gone, or not ours any more. Reconcile finds that too, and ends the grant.
            log.warning("not_rearmed", grant=grant.pk, error=str(error))
            return Done()
        return after(claim, error, target=grant.target.slug)
    return Done()


def spec_of(grant: Grant, *, password: str = "", expires_at: datetime | None = None) -> GrantSpec:
    """All that a provisioner needs to know of a grant. `expires_at` is an end that is still to be written on the target."""
    access_request = grant.access_request
    references = [(name, RoleRef.stored(name)) for name in access_request.roles]
    return GrantSpec(
        grant_id=grant.pk,
        kind=access_request.kind,
        username=grant.username,
        clusters=tuple(access_request.clusters),
        roles=tuple(
            GrantedRole(
                name=role.role,
                database=role.database,
                collection=role.collection,
                privileges=from_json(access_request.privileges[name]),
            )
            for name, role in references
        ),
        source_addresses=tuple(access_request.source_addresses),
        authentication=access_request.authentication,
        expires_at=expires_at or grant.expires_at or grant.activate_by,
        password=password,
        was_confirmed=grant.activated_at is not None,
        principal=access_request.principal,
        place=grant.made_in,
        is_break_glass=access_request.is_break_glass,
        since=grant.starts_at,
        ends_running=principals.ends_running(access_request),
        other_ends=extensions.other_ends(grant),
    )
