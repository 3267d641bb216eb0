"""Is the project there, may we do what we must, and may we do more than we should."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from accessrequests.domain.kinds import X509, X509_MANAGED
from workers.provisioners.atlas.certificates import authority_of
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.managed_certificates import NO_OWNER
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.base import Health, ProvisionerError
from workers.provisioners.connection_record import AtlasRecord

NEEDED = {
    "GROUP_DATABASE_ACCESS_ADMIN": "make and delete database users",
    "GROUP_NETWORK_ACCESS_MANAGER": "change the access list",
}
# To look at clusters and people, and to give project roles, where the catalogue offers any.
_USEFUL = {"GROUP_READ_ONLY", "GROUP_ACCESS_MANAGER"}


def check(project: AtlasProject, *, record: AtlasRecord) -> Health:
    """The first call proves the login, and that Atlas answers; of the others one may fail and the rest be known.

    What the account may do is asked where it is a service account that we may look at.
    """
    project.project()
    members, unlisted = _members(project)
    authority_ends_at, no_authority = _of_authority(record)
    return Health(
        ok=True,
        members=members,
        clock_skew=project.client.clock_skew(),
        warnings=(*unlisted, *_of_rights(project, record)),
        authority_ends_at=authority_ends_at,
        missing={
            **({X509: no_authority} if no_authority else {}),
            **({X509_MANAGED: NO_OWNER} if record.owner is None else {}),
        },
    )


def _members(project: AtlasProject) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The clusters, and a warning where Atlas cannot list them just now."""
    try:
        clusters = list(project.clusters())
    except AtlasFailure as error:
        if not error.answered:
            raise
        return (), (f"Atlas could not list the clusters of the project. {error}",)
    return tuple(f"{cluster['name']} ({cluster.get('stateName', 'unknown')})" for cluster in clusters), ()


def _of_authority(record: AtlasRecord) -> tuple[datetime | None, str]:
    """Until when it can sign, or why nothing can be signed."""
    try:
        return authority_of(record).ends_at, ""
    except ProvisionerError as error:
        return None, str(error)


def _of_rights(project: AtlasProject, record: AtlasRecord) -> tuple[str, ...]:
    if record.login.is_api_key:
        return ()
    try:
        account: dict[str, Any] = project.service_account(record.login.account)
    except AtlasFailure as error:
        if error.unreachable and not error.answered:
            raise
        return ("We may not look at our own service account, so nobody checks whether it may do too much.",)
    held = set(account.get("roles") or [])
    missing = [what for role, what in NEEDED.items() if role not in held and "GROUP_OWNER" not in held]
    return (
        *(
            f"Our service account has {role}, which it does not need. Take it away."
            for role in sorted(held - NEEDED.keys() - _USEFUL)
        ),
        *(f"Our service account cannot {what}. Give it the role for that." for what in missing),
    )
