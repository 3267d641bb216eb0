"""Access that is not over, for those who may end it."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import Grant
from accessrequests.queries.belonging import Belonging

MOST_LISTED = 1_000


def live_for(belonging: Belonging) -> QuerySet[Grant]:
    """Everything that is not confirmed gone, the soonest to end first: all of it for auditors and administrators, else
    what came of requests that one may decide on.
    """
    alive = Grant.objects.exclude(state=GrantState.REVOKED.value).select_related(
        "target", "holder", "access_request__target", "access_request__requester", "access_request__beneficiary"
    )
    if not belonging.sees_all:
        alive = alive.filter(belonging.has_voice_in("access_request__"))
        alive = alive.exclude(Q(holder=belonging.person) | Q(holder__owner=belonging.person))
        alive = alive.exclude(access_request__requester=belonging.person)
    return alive.order_by("expires_at", "pk")


def counted(alive: QuerySet[Grant]) -> int:
    """How many there are, or one more than are ever listed: counting a hundred thousand takes longer than the page."""
    return alive.order_by()[: MOST_LISTED + 1].count()


def to_end(*, target: str = "") -> list[int]:
    """The ids of every grant that waits or works, oldest first; on one target if it is named."""
    alive = Grant.objects.filter(state__in=[GrantState.PENDING.value, GrantState.ACTIVE.value]).order_by("pk")
    if target:
        alive = alive.filter(target__slug=target)
    return list(alive.values_list("pk", flat=True))
