"""Whose use is to be read from the targets, and from when on."""

from __future__ import annotations

from datetime import datetime, timedelta

from accessrequests.domain.kinds import KINDS
from accessrequests.models import Grant, Usage
from accessrequests.models.access_requests import AccessKind

# What is tried after the end is worth knowing, for a while.
LOOKED_AFTER = timedelta(hours=1)
KEPT_BY_TARGETS = timedelta(days=7)


def to_read() -> list[tuple[int, str]]:
    """Grants whose use is not known to its end, with their targets: those with a user that we made."""
    kinds = [name for name, kind in KINDS.items() if kind.keeps_logins]
    opened = Grant.objects.filter(target__kind__in=kinds, activated_at__isnull=False)
    known = opened.filter(access_request__kind=AccessKind.DATABASE_USER).exclude(usage__is_final=True)
    return list(known.order_by("pk").values_list("pk", "target__slug"))


def read_from(grant: Grant, *, at: datetime) -> datetime:
    """The first moment that is not counted yet. Earlier logins than the first were our own, to see that it works."""
    usage = Usage.objects.filter(grant=grant).first()
    since = usage.read_until if usage is not None else grant.activated_at or at
    return max(since, at - KEPT_BY_TARGETS)


def is_last(grant: Grant, *, at: datetime) -> bool:
    """Whether a look at this moment comes long enough after the end."""
    return grant.revoked_at is not None and at >= grant.revoked_at + LOOKED_AFTER
