"""Reads how an access was used before its target forgets it."""

from __future__ import annotations

from accessrequests.operations import usage
from accessrequests.operations.outbox import Claim
from accessrequests.queries import clock
from accessrequests.queries import grants as grant_queries
from accessrequests.queries import usage as usage_queries
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome, after
from workers.provision import spec_of
from workers.provisioners.base import ProvisionerError


def read_usage(claim: Claim) -> Outcome:
    grant = grant_queries.with_everything(claim.subject_id)
    until = clock.now()
    since = usage_queries.read_from(grant, at=until)
    try:
        logins = provisioner_for(grant.target.slug).logins(spec_of(grant), since=since, until=until)
    except ProvisionerError as error:
        return after(claim, error, target=grant.target.slug)
    usage.record_logins(grant_id=grant.pk, logins=logins, since=since, until=until)
    return Done()
