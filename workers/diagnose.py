"""Looks at each gate of an access and says which one is shut, why, and what to do about it."""

from __future__ import annotations

from accessrequests.domain.diagnosis import Cause, Diagnosis, Shut, findings
from accessrequests.domain.lifecycle import GateName
from accessrequests.models import Diagnosis as Asked
from accessrequests.operations import diagnoses
from accessrequests.operations.outbox import Claim
from accessrequests.queries import diagnoses as known
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome
from workers.provision import spec_of
from workers.provisioners.base import ProvisionerError

_OVER = "There is nothing on the target to look at."


def diagnose(claim: Claim) -> Outcome:
    """One look. Whoever asked wants to know now: that it could not be taken is an answer too."""
    asked = known.unanswered(claim.subject_id)
    if asked is not None:
        found = findings(known.gates_of(asked.grant), _diagnosis(asked))
        diagnoses.answer(grant_id=asked.grant_id, findings=found)
    return Done()


def _diagnosis(asked: Asked) -> Diagnosis:
    grant = asked.grant
    over = known.not_live(grant)
    if over is not None:
        return Diagnosis(known=frozenset(), shut=(over,), unclear=_OVER)
    try:
        seen = provisioner_for(grant.target.slug).diagnose(spec_of(grant))
    except ProvisionerError as error:
        seen = _not_seen(grant.target.slug, grant.target.kind, error)
    return Diagnosis(seen.known, (*seen.shut, *known.seen_from_here(asked)), seen.unclear)


def _not_seen(slug: str, kind: str, error: ProvisionerError) -> Diagnosis:
    """The servers of a target are what people connect to, too; Atlas is asked at another place than its clusters."""
    is_same_way = error.unreachable and kind != "atlas"
    shut = (Shut(Cause.TARGET_AWAY, slug),) if is_same_way else ()
    return Diagnosis(known=frozenset[GateName](), shut=shut, unclear=str(error))
