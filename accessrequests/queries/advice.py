"""What helps a person to ask well: how long answers take, what is usual here, and what would cost less."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime, timedelta

from accessrequests.domain import policy
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest, Inventory, Person
from accessrequests.queries import asks
from accessrequests.queries.asks import Considered
from accessrequests.queries.offers import cost_of

MOST_DECIDED = 50
MOST_OWN = 5
MOST_TARGETS = 10


@dataclass(frozen=True, slots=True)
class Cheaper:
    """The same on a target where it takes less."""

    slug: str
    cost: str


@dataclass(frozen=True, slots=True)
class Advice:
    """Everything about an ask that is not judged, but worth knowing."""

    usual_wait: timedelta | None
    usual_length: timedelta | None
    cheaper: Cheaper | None
    longest: timedelta | None
    unreachable_since: datetime | None


def advice_on(considered: Considered, *, requester: Person) -> Advice:
    verdict = considered.verdict
    too_long = verdict.maximum is not None and considered.asked.duration > verdict.maximum
    return Advice(
        usual_wait=_usual_wait(considered) if verdict.steps else None,
        usual_length=_usual_length(considered, requester),
        cheaper=None if verdict.automatic else _cheaper(considered),
        longest=verdict.maximum if too_long else None,
        unreachable_since=considered.target.unreachable_since,
    )


def _usual_wait(considered: Considered) -> timedelta | None:
    """The median time from filing to a person's answer, of the latest such requests on this target."""
    decided = AccessRequest.objects.filter(
        target=considered.target,
        level=considered.verdict.level.value,
        state__in=[AccessRequestState.APPROVED.value, AccessRequestState.DENIED.value],
    ).exclude(decided_by="policy")
    times = decided.order_by("-pk").values_list("filed_at", "decided_at")[:MOST_DECIDED]
    return _median([answered - filed for filed, answered in times if answered is not None])


def _usual_length(considered: Considered, requester: Person) -> timedelta | None:
    own = AccessRequest.objects.filter(requester=requester, target=considered.target).order_by("-pk")
    return _median(list(own.values_list("duration", flat=True)[:MOST_OWN]))


def _cheaper(considered: Considered) -> Cheaper | None:
    """The target with the same roles where the fewest people have to agree, if that is fewer than here."""
    names = [role.inventory_name for role in considered.roles]
    others = Inventory.objects.select_related("target").filter(roles__has_keys=names, target__retired_at=None)
    best, least = None, _people(considered.verdict)
    for inventory in others.exclude(target=considered.target).order_by("target__slug")[:MOST_TARGETS]:
        verdict = asks.elsewhere(considered, inventory)
        if verdict is not None and verdict.allowed and _people(verdict) < least:
            best, least = Cheaper(inventory.target.slug, cost_of(verdict)), _people(verdict)
    return best


def _people(verdict: policy.Verdict) -> float:
    """How many people have to agree; more than any number where it is refused."""
    return sum(step.needed for step in verdict.steps) if verdict.allowed else float("inf")


def _median(lengths: list[timedelta]) -> timedelta | None:
    if not lengths:
        return None
    return timedelta(seconds=round(statistics.median(length.total_seconds() for length in lengths)))
