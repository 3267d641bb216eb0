"""What newly needs a person since a moment, in few questions: one's own access and requests, and what waits for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, Value

from accessrequests.domain.lifecycle import AccessRequestState, CredentialState, EndReason, GrantState
from accessrequests.domain.situation import SOON
from accessrequests.models import AccessRequest, Grant
from accessrequests.queries import access_requests
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.grants import CUT_BOUND

MOST = 100
_WAITS, _DECIDED = "waits", "decided"
_BAD_NEWS = [AccessRequestState.DENIED.value, AccessRequestState.EXPIRED.value]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that waits for the person, or a request of theirs that came to nothing."""

    at: datetime
    pk: int
    state: str
    requester: str
    roles: Sequence[str]
    level: str
    target: str
    decided_by: str


@dataclass(frozen=True, slots=True)
class News:
    """`waiting` is how many wait in all; the others hold only what is new."""

    waiting: int
    to_decide: Sequence[Asked]
    came_to_nothing: Sequence[Asked]
    live: Sequence[Grant]
    ends_soon: Sequence[Grant]
    ended: Sequence[Grant]
    overdue: Sequence[Grant]
    soonest: Grant | None


def news_of(belonging: Belonging, *, since: datetime, at: datetime) -> News:
    waiting, decided = _requests(belonging, since=since)
    found = _grants(belonging, since=since, at=at)
    own = [grant for grant in found if belonging.person.stands_for(grant.holder)]
    soon = sorted((one for one in own if _ends_by(one, at + SOON)), key=_end_of)
    return News(
        waiting=len(waiting),
        to_decide=[one for one in waiting if one.at > since],
        came_to_nothing=decided,
        live=[one for one in own if _is_unread(one) and one.activated_at is not None and one.activated_at > since],
        ends_soon=[one for one in soon if _end_of(one) > since + SOON],
        ended=[one for one in own if one.revocation_started_at is not None and one.revocation_started_at > since],
        overdue=[one for one in found if _is_newly_overdue(one, since=since, at=at)] if belonging.administers else [],
        soonest=soon[0] if soon else None,
    )


def _requests(belonging: Belonging, *, since: datetime) -> tuple[list[Asked], list[Asked]]:
    """Two ways, one question: each has an index of its own, which both joined by OR have not."""
    columns = ("pk", "state", "requester__username", "roles", "level", "target__slug", "decided_by")
    waits = access_requests.waiting_for(belonging).annotate(why=Value(_WAITS))
    nothing = AccessRequest.objects.filter(
        requester=belonging.person, state__in=_BAD_NEWS, decided_at__gt=since
    ).annotate(why=Value(_DECIDED))
    rows: Any = waits.values_list("why", "filed_at", *columns)[:MOST].union(
        nothing.values_list("why", "decided_at", *columns)[:MOST], all=True
    )
    told: dict[str, list[Asked]] = {_WAITS: [], _DECIDED: []}
    for why, at, *others in rows:
        told[why].append(Asked(at, *others))
    return told[_WAITS], told[_DECIDED]


def _grants(belonging: Belonging, *, since: datetime, at: datetime) -> list[Grant]:
    """One's own that lives or has begun to end since; for administrators also those that should be over and are not."""
    mine = [belonging.person.pk, *belonging.person.service_ids]
    wanted = Q(holder__in=mine) & (Q(state=GrantState.ACTIVE.value) | Q(revocation_started_at__gt=since))
    if belonging.administers:
        late = at - CUT_BOUND
        wanted |= Q(state=GrantState.REVOKING.value, cut_at=None, revocation_started_at__lt=late)
        wanted |= Q(state=GrantState.ACTIVE.value, cut_at=None, expires_at__lt=late)
    found = Grant.objects.filter(wanted).select_related("target", "holder", "credential", "access_request__target")
    # Not by the key, though it is the same order: the planner would then walk all grants by it for the newest few.
    return list(found.order_by("-created_at")[:MOST])


def _is_unread(grant: Grant) -> bool:
    credential = getattr(grant, "credential", None)
    return grant.state == GrantState.ACTIVE and credential is not None and credential.state == CredentialState.READY


def _end_of(grant: Grant) -> datetime:
    return grant.expires_at or grant.created_at


def _ends_by(grant: Grant, at: datetime) -> bool:
    return grant.state == GrantState.ACTIVE and _end_of(grant) <= at


def _is_newly_overdue(grant: Grant, *, since: datetime, at: datetime) -> bool:
    if grant.cut_at is not None or grant.state == GrantState.REVOKED:
        return False
    due = grant.revocation_started_at or _end_of(grant)
    return since < due + CUT_BOUND <= at


def was_ended_by_others(grant: Grant) -> bool:
    return grant.end_reason not in {"", EndReason.RELEASED.value, EndReason.EXPIRY.value}
