"""What is ours on a target and belongs to no grant: ended by what proves it, a tag's MAC or a row of our own."""

from __future__ import annotations

import structlog

from accessrequests.models.access_requests import AccessKind
from accessrequests.operations import targets
from accessrequests.queries import clock
from accessrequests.queries import grants as grant_queries
from workers.provisioners.base import Evidence, GrantSpec, Owned, OwnedKind, TargetProvisioner

log = structlog.get_logger(__name__)


def is_ours_to_end(slug: str, stray: Owned) -> bool:
    """A comment can be copied: an entry is ours when a grant of ours has let that address in."""
    if stray.kind is OwnedKind.ENTRY:
        return stray.proven and grant_queries.has_let_in(slug, stray.username)
    return stray.proven


def end_stray(slug: str, provisioner: TargetProvisioner, stray: Owned) -> None:
    """By now it may belong to somebody: a user by its grant's row, and what is shared by its lease."""
    if stray.kind is OwnedKind.USER:
        if stray.grant_id is None or grant_queries.of_target(slug).filter(username=stray.username).exists():
            return
        ended = _user_ended(slug, provisioner, stray, grant_id=stray.grant_id)
    else:
        ended = provisioner.end_stray(stray)
    if ended.done:
        targets.record_orphan_ended(slug=slug, username=stray.name, evidence=ended.facts)
    else:
        log.error("orphan_not_ended", target=slug, username=stray.name, remains=ended.remains)


def _user_ended(slug: str, provisioner: TargetProvisioner, stray: Owned, *, grant_id: int) -> Evidence:
    spec = GrantSpec(
        grant_id=grant_id,
        kind=AccessKind.DATABASE_USER.value,
        username=stray.username,
        clusters=(),
        roles=(),
        source_addresses=(),
        authentication=stray.authentication,
        principal=stray.principal,
        expires_at=stray.expires_at or clock.now(),
        was_confirmed=grant_queries.was_active(slug, stray.username),
    )
    provisioner.cut([spec])
    return provisioner.clean(spec)
