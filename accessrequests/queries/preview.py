"""What would come of an ask if it were filed now. Nothing is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from accessrequests.domain import policy, privileges
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.privileges import Privilege
from accessrequests.domain.window import ends_at
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.queries import access_requests, asks
from accessrequests.queries.asks import Asked, Considered

ALIVE = (GrantState.PENDING.value, GrantState.ACTIVE.value)
MOST_COMPARED = 100


@dataclass(frozen=True, slots=True)
class Similar:
    """The same ask, filed before: it waits for an answer, or its access is there already."""

    access_request: AccessRequest
    grant: Grant | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Preview:
    """The verdict and what it would mean for the person."""

    verdict: dict[str, Any]
    what_this_lets_you_do: list[str]
    what_changes: list[str]
    similar: Similar | None
    starts_at: datetime
    ends_at: datetime


def preview(*, requester: Person, asked: Asked, at: datetime) -> Preview:
    """:raises Invalid: and :raises NotReadYet: as filing it would."""
    considered = asks.consider(requester=requester, asked=asked, at=at)
    wanted = privileges.union(*considered.privileges.values())
    held = _held(considered)
    without = [requester.pk, considered.beneficiary.pk]
    starts_at = max(at, asked.starts_at or at)
    return Preview(
        verdict=access_requests.with_people(policy.to_json(considered.verdict), without=without, since=at),
        what_this_lets_you_do=privileges.what_this_lets_you_do(wanted),
        what_changes=privileges.what_changes(held, privileges.union(held, wanted)),
        similar=_similar(requester, considered),
        starts_at=starts_at,
        ends_at=ends_at(starts_at, asked.duration),
    )


def let_do(access_request: AccessRequest) -> list[str]:
    """What the roles of a filed request let the person do, in sentences."""
    return privileges.what_this_lets_you_do(privileges.union(*_stored([access_request])))


def _stored(requests: Iterable[AccessRequest]) -> Iterable[tuple[Privilege, ...]]:
    return (privileges.from_json(stored) for one in requests for stored in one.privileges.values())


def _held(considered: Considered) -> tuple[Privilege, ...]:
    """What the person can do on this target already, by grants that live."""
    live = AccessRequest.objects.filter(
        target=considered.target, beneficiary=considered.beneficiary, grant__state__in=ALIVE
    )
    return privileges.union(*_stored(live))


def _similar(requester: Person, considered: Considered) -> Similar | None:
    open_or_alive = Q(state=AccessRequestState.PENDING.value) | Q(grant__state__in=ALIVE)
    others = access_requests.visible_to(requester).filter(
        open_or_alive,
        target=considered.target,
        beneficiary=considered.beneficiary,
        kind=considered.asked.kind,
    )
    wanted = {str(role) for role in considered.roles}
    for other in others.order_by("-pk")[:MOST_COMPARED]:
        if set(other.roles) == wanted:
            return _pointer(other)
    return None


def _pointer(other: AccessRequest) -> Similar:
    grant: Grant | None = getattr(other, "grant", None)
    if grant is None:
        sentence = f"Request {other.pk} asks for the same and lapses at {moment(other.lapses_at)}."
    elif grant.expires_at is not None:
        sentence = f"Grant {grant.pk} gives the same until {moment(grant.expires_at)}."
    else:
        sentence = f"Grant {grant.pk} gives the same and is being set up."
    return Similar(other, grant, sentence)
