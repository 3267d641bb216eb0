"""What would come of an ask if it were filed now. Nothing is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from accessrequests.domain import policy, privileges, project_roles
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.privileges import Privilege
from accessrequests.domain.window import ends_at
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, Grant, Person, PolicyVersion, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import access_requests, asks, holdings, people, principals, voices
from accessrequests.queries.asks import Asked, Considered

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
    considered: Considered
    held: tuple[Privilege, ...]


def preview(
    *,
    requester: Person,
    asked: Asked,
    at: datetime,
    is_draft: bool = False,
    version: PolicyVersion | None = None,
    target: Target | None = None,
    groups: frozenset[str] | None = None,
) -> Preview:
    """What the portal and the API both show; of a draft everything but what its reason would change.

    :raises Invalid: and :raises NotReadYet: as filing it would.
    """
    considered = asks.consider(
        requester=requester,
        asked=asked,
        at=at,
        is_draft=is_draft,
        version=version,
        target=target,
        groups=groups,
    )
    wanted = privileges.union(*considered.privileges.values())
    principal = considered.principal
    granted = holdings.held(considered.beneficiary, considered.target, seen_by=requester, principal=principal.name)
    held = privileges.union(granted, principals.held_by(considered.target, principal))
    without = [requester.pk, considered.beneficiary.pk, *people.ids_of(considered.owners)]
    starts_at = max(at, asked.starts_at or at)
    verdict = voices.with_people(policy.to_json(considered.verdict), without=without, since=at)
    whose = people.on_behalf(requester, considered.beneficiary)
    return Preview(
        verdict={**verdict, "sentences": [*verdict["sentences"], whose]} if whose else verdict,
        what_this_lets_you_do=_lets_do(asked.kind, [str(role) for role in considered.roles], wanted),
        what_changes=[
            *principals.what_changes(considered.target, principal, [str(role) for role in considered.roles]),
            *(
                []
                if asked.kind == AccessKind.PROJECT_ROLE
                else privileges.what_changes(held, privileges.union(held, wanted))
            ),
        ],
        similar=_similar(requester, considered),
        starts_at=starts_at,
        ends_at=ends_at(starts_at, asked.duration),
        considered=considered,
        held=held,
    )


def let_do(access_request: AccessRequest) -> list[str]:
    """What the roles of a filed request let the person do, in sentences."""
    return _lets_do(access_request.kind, access_request.roles, holdings.asked_for(access_request))


def _lets_do(kind: str, roles: Sequence[str], wanted: Sequence[Privilege]) -> list[str]:
    if kind == AccessKind.PROJECT_ROLE:
        return project_roles.what_these_let_you_do(roles)
    return privileges.what_this_lets_you_do(wanted)


def _similar(requester: Person, considered: Considered) -> Similar | None:
    open_or_alive = Q(state=AccessRequestState.PENDING.value) | Q(grant__state__in=holdings.ALIVE)
    # What one would get oneself one may see anyway.
    is_own = considered.beneficiary == requester
    seen = AccessRequest.objects.all() if is_own else access_requests.visible_to(requester).prefetch_related(None)
    others = seen.select_related("grant").filter(
        open_or_alive,
        target=considered.target,
        beneficiary=considered.beneficiary,
        kind=considered.asked.kind,
        principal=considered.principal.name,
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
