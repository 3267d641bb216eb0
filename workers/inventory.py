"""Reads what a target really has, for the policy and the screens."""

from __future__ import annotations

from accessrequests.domain.custom_roles import is_made_for_an_access
from accessrequests.domain.events import Job
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.privileges import RoleRef, to_json
from accessrequests.models import Grant
from accessrequests.operations import outbox, outside, targets
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


def read_soon(grant: Grant) -> None:
    """A custom role that came or went with an access is listed at once, not with the next look."""
    made = any(is_made_for_an_access(RoleRef.stored(name)) for name in grant.access_request.roles)
    if made and KINDS[grant.target.kind].has_clusters:
        slug = grant.target.slug
        outbox.file_periodic(job=Job.READ_INVENTORY, subject=f"target/{slug}", target=slug)


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
