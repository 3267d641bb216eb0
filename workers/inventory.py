"""Reads what a target really has, for the policy and the screens."""

from __future__ import annotations

from accessrequests.domain.privileges import to_json
from accessrequests.operations import outside, targets
from accessrequests.operations.outbox import Claim
from workers.connections import provisioner_for
from workers.outcomes import Done, Outcome, after
from workers.provisioners.base import ProvisionerError


def read_inventory(claim: Claim) -> Outcome:
    slug = claim.subject_name
    try:
        read(slug)
    except ProvisionerError as error:
        return after(claim, error, target=slug)
    return Done()


def read(slug: str) -> None:
    """:raises ProvisionerError: when the target cannot be read."""
    snapshot = provisioner_for(slug).read_inventory()
    roles = {name: to_json(privileges) for name, privileges in snapshot.roles.items()}
    targets.record_inventory(
        slug=slug,
        roles=roles,
        databases=snapshot.databases,
        clusters=snapshot.clusters,
        quotas=snapshot.quotas,
        users=snapshot.users,
        reach=snapshot.reach,
        custom_roles={name: role.to_json() for name, role in snapshot.custom_roles.items()},
    )
    outside.record_others(slug=slug, found=snapshot.others)
