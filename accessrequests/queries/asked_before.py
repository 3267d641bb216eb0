"""A request that was filed, as the ask that it was: to be changed, or to be asked again."""

from __future__ import annotations

from datetime import datetime

from accessrequests.models import AccessRequest
from accessrequests.queries.asks import Asked


def asked_of(access_request: AccessRequest, *, at: datetime) -> Asked:
    """What was asked for. A start that has passed meanwhile means at once."""
    is_for_another = access_request.beneficiary_id != access_request.requester_id
    starts_at = access_request.starts_at
    return Asked(
        target=access_request.target.slug,
        kind=access_request.kind,
        roles=tuple(access_request.roles),
        duration=access_request.duration,
        reason=access_request.reason,
        authentication=access_request.authentication,
        clusters=tuple(access_request.clusters),
        source_addresses=tuple(access_request.source_addresses),
        grantee=access_request.beneficiary.username if is_for_another else "",
        starts_at=starts_at if starts_at is not None and starts_at > at else None,
        ticket=access_request.ticket,
        database_user=access_request.database_user,
        principal=access_request.named_by_others,
    )
