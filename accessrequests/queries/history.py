"""What is over of one's own: requests that came to nothing, and access that has ended."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Exists, OuterRef, Q

from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.models import AccessRequest, Person, Target
from accessrequests.queries import access_requests

ENDED = Q(grant__state=GrantState.REVOKED.value)
_CAME_TO_NOTHING = [
    AccessRequestState.DENIED.value,
    AccessRequestState.CANCELLED.value,
    AccessRequestState.EXPIRED.value,
]
WAYS: Mapping[str, Q] = {
    "": ENDED | Q(state__in=_CAME_TO_NOTHING),
    "ended": ENDED,
    "denied": Q(state=AccessRequestState.DENIED.value),
    "taken-back": Q(state=AccessRequestState.CANCELLED.value),
    "lapsed": Q(state=AccessRequestState.EXPIRED.value),
}


def over(person: Person, *, how: str, target: str, before: int | None, most: int) -> list[AccessRequest]:
    """The newest of what the person asked for or had, narrowed; an unknown `how` narrows to nothing."""
    wanted = WAYS.get(how, Q(pk__in=[]))
    if target:
        wanted &= Q(target__slug=target)
    ways = [way.filter(wanted) for way in access_requests.own_ways(person)]
    return access_requests.newest(ways, before=before, most=most)


def targets_of(person: Person) -> list[str]:
    """Where the person ever asked for something or had it."""
    mine = [person.pk, *person.service_ids]
    own = AccessRequest.objects.filter(Q(requester=person) | Q(beneficiary__in=mine), target=OuterRef("pk"))
    return list(Target.objects.filter(Exists(own)).order_by("slug").values_list("slug", flat=True))
