"""Which grants are not over, for those who end them all."""

from __future__ import annotations

from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import Grant


def live_grants(*, target: str = "") -> list[int]:
    """The ids of every grant that waits or works, oldest first; on one target if it is named."""
    alive = Grant.objects.filter(state__in=[GrantState.PENDING.value, GrantState.ACTIVE.value]).order_by("pk")
    if target:
        alive = alive.filter(target__slug=target)
    return list(alive.values_list("pk", flat=True))
