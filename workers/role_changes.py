"""Carries an approved change of a custom role to its target, and says truthfully what came of it."""

from __future__ import annotations

from datetime import timedelta

import structlog

from accessrequests.domain.role_definitions import from_json
from accessrequests.models import CustomRoleChange
from accessrequests.operations import custom_roles
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from workers import inventory
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome, after
from workers.provisioners.base import ProvisionerError, RoleChange

# A change may give up, as setting up an access may.
PATIENCE = timedelta(hours=1)
_REFUSED = "Refused: {}"
_GIVEN_UP = "Given up after an hour: {} {}"
_NOTHING_DONE = "Nothing was changed."

log = structlog.get_logger(__name__)


def change_custom_role(claim: Claim) -> Outcome:
    """One call, and one look at what it did. What Atlas refuses is refused for good; what it does not answer is tried again."""
    change = custom_roles.start(change_id=claim.subject_id)
    if change is None:
        return Done()
    slug = change.target.slug
    try:
        provisioner_for(slug).change_role(_spec_of(change))
    except ProvisionerError as error:
        return _not_done(claim, change, error)
    custom_roles.mark_applied(change_id=change.pk)
    _read_again(slug)
    return Done()


def _spec_of(change: CustomRoleChange) -> RoleChange:
    return RoleChange(
        name=change.role,
        before=from_json(change.before) if change.before else None,
        after=from_json(change.after) if change.after else None,
    )


def _not_done(claim: Claim, change: CustomRoleChange, error: ProvisionerError) -> Outcome:
    if error.permanent:
        custom_roles.mark_failed(change_id=change.pk, why=_REFUSED.format(error))
        _read_again(change.target.slug)
        return Done()
    if change.decided_at is not None and clock.now() > change.decided_at + PATIENCE:
        known = custom_roles.MAY_BE_DONE if error.outcome_unknown else _NOTHING_DONE
        custom_roles.mark_failed(change_id=change.pk, why=_GIVEN_UP.format(error, known))
        return Done()
    custom_roles.note_trouble(change_id=change.pk, why=str(error))
    return after(claim, error, target=change.target.slug)


def _read_again(slug: str) -> None:
    """So that the next page shows it. If that fails, it is read within ten minutes anyway."""
    try:
        inventory.read(slug)
    except ProvisionerError as error:
        log.info("not_read_again", target=slug, error=str(error))
