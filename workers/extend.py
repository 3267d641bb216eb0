"""Makes a live access last longer: the target first, then our row. Until then the old end holds."""

from __future__ import annotations

from dataclasses import replace

import structlog

from accessrequests.models import Extension
from accessrequests.operations import extensions
from accessrequests.operations.outbox import Claim
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome, after
from workers.provision import spec_of
from workers.provisioners.base import GrantSpec, Provisioner, ProvisionerError, Readiness

NOT_AS_APPROVED = "The target holds something other than what was approved."

log = structlog.get_logger(__name__)


def extend(claim: Claim) -> Outcome:
    """Write the later end on the target, read it back, and let it count. Whatever was cut short is done again."""
    extension = extensions.start(grant_id=claim.subject_id)
    if extension is None:
        return Done()
    slug = extension.grant.target.slug
    try:
        said = _moved(provisioner_for(slug), spec_of(extension.grant, expires_at=extension.ends_at))
    except ProvisionerError as error:
        if not error.permanent:
            return after(claim, error, target=slug)
        _take_back(extension)
        extensions.give_up(extension_id=extension.pk, why=str(error))
        return Done()
    extensions.mark_extended(extension_id=extension.pk, evidence=said.evidence)
    return Done()


def _moved(provisioner: Provisioner, spec: GrantSpec) -> Readiness:
    """What the target says once it has the later end.

    :raises ProvisionerError: the target has not the later end, or something else of the access has changed.
    """
    provisioner.extend(spec)
    readiness = provisioner.readiness(replace(spec, other_ends=()))
    if not readiness.exact:
        raise ProvisionerError(NOT_AS_APPROVED)
    return readiness


def _take_back(extension: Extension) -> None:
    """What it took of the later end before it refused. If that fails too, the relay still ends the access in time."""
    try:
        provisioner_for(extension.grant.target.slug).extend(spec_of(extension.grant))
    except ProvisionerError as error:
        log.warning("extension_not_taken_back", grant=extension.grant_id, error=str(error))
