"""Reads what others changed on a target, and when users that are not ours were last let in."""

from __future__ import annotations

from accessrequests.operations import outside
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from accessrequests.queries import outside as queries
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome, after
from workers.provisioners.base import ProvisionerError


def read_changes(claim: Claim) -> Outcome:
    slug, until = claim.subject_name, clock.now()
    since = queries.read_from(slug, at=until)
    try:
        provisioner = provisioner_for(slug)
        changes = provisioner.changes(since=since.changes)
        outside.record_changes(slug=slug, changes=changes, until=until)
        logins = provisioner.last_logins(since=since.logins, until=until)
    except ProvisionerError as error:
        return after(claim, error, target=slug)
    outside.record_last_logins(slug=slug, logins=logins, until=until)
    return Done()
