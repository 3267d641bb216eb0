"""What stands in the way of an access whatever the policy says: no room left, or a login that would come to have too much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accessrequests.domain import policy
from accessrequests.domain.policy import Refusal
from accessrequests.domain.sharing import Share
from accessrequests.models import AccessRequest, Target
from accessrequests.queries import principals, room, vouched


def why_not(
    target: Target,
    *,
    kind: str,
    login: str,
    roles: Mapping[str, Any],
    clusters: Sequence[str],
    addresses: Sequence[str],
    principal: str = "",
    without: AccessRequest | None = None,
    may_use_reserve: bool = False,
) -> Refusal | None:
    """`login` is one that others vouch for, or empty; `principal` who gets the roles, where the name is not ours to make; `roles` with their privileges, as a request keeps them.

    `without` is a request that is judged again.
    """
    full = room.why_none(
        target,
        kind=kind,
        addresses=addresses,
        roles=roles,
        principal=principal,
        may_use_reserve=may_use_reserve,
    )
    if full:
        return Refusal(policy.NO_ROOM, full)
    too_wide = principals.why_too_wide(target, principal, roles, clusters)
    if too_wide:
        return Refusal(policy.TOO_MUCH, too_wide)
    share = Share(frozenset(roles), frozenset(clusters), frozenset(addresses))
    too_much = vouched.why_too_much(target, login, share, without=without)
    return Refusal(policy.TOO_MUCH, too_much) if too_much else None


def why_not_now(access_request: AccessRequest) -> Refusal | None:
    """Why a filed request cannot be approved now. An access that is only to last longer has its room already."""
    if access_request.extends_id is not None:
        return None
    return why_not(
        access_request.target,
        kind=access_request.kind,
        login=access_request.principal if access_request.named_by_others else "",
        roles=access_request.privileges,
        clusters=access_request.clusters,
        addresses=access_request.source_addresses,
        principal=access_request.principal,
        without=access_request,
        may_use_reserve=access_request.is_break_glass,
    )
