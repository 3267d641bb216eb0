"""What helps a person to ask well: how long answers take, what is usual here, and what would cost less."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import DurationField, ExpressionWrapper, F, Value

from accessrequests.domain import policy
from accessrequests.domain.actions import SERVER_DATABASES
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest, Inventory, Person
from accessrequests.queries import asks
from accessrequests.queries.asks import Considered
from accessrequests.queries.offers import cost_of
from accessrequests.queries.records import FEWEST

MOST_DECIDED = 50
MOST_OWN = 5
MOST_TARGETS = 10
_WAIT, _LENGTH = "wait", "length"
_TOOK = ExpressionWrapper(F("decided_at") - F("filed_at"), output_field=DurationField())


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
    wait, length = _usual(considered, requester)
    return Advice(
        usual_wait=wait if verdict.steps else None,
        usual_length=length,
        cheaper=None if verdict.automatic else _cheaper(considered),
        longest=verdict.maximum if too_long else None,
        unreachable_since=considered.target.unreachable_since,
    )


def _usual(considered: Considered, requester: Person) -> tuple[timedelta | None, timedelta | None]:
    """The median time from filing to a person's answer, of the latest such requests on this target; and that of the
    lengths that the person asked for there. One question, because it is asked on a page that has many others.
    """
    decided = AccessRequest.objects.filter(
        target=considered.target,
        level=considered.verdict.level.value,
        state__in=[AccessRequestState.APPROVED.value, AccessRequestState.DENIED.value],
        decided_at__isnull=False,
    ).exclude(decided_by="policy")
    own = AccessRequest.objects.filter(requester=requester, target=considered.target)
    waits = decided.annotate(why=Value(_WAIT), took=_TOOK).order_by("-pk").values_list("why", "took")
    lengths = own.annotate(why=Value(_LENGTH), took=F("duration")).order_by("-pk").values_list("why", "took")
    found: Any = waits[:MOST_DECIDED].union(lengths[:MOST_OWN], all=True)
    told: dict[str, list[timedelta]] = {_WAIT: [], _LENGTH: []}
    for why, took in found:
        told[why].append(took)
    return _median(told[_WAIT]), _median(told[_LENGTH])


def _cheaper(considered: Considered) -> Cheaper | None:
    """The same product's target where the fewest people have to agree, if that is fewer than here."""
    here = considered.target
    names = [role.inventory_name for role in considered.roles if not role.actions]
    others = Inventory.objects.select_related("target").filter(
        roles__has_keys=names, target__retired_at=None, target__kind=here.kind, target__owner=here.owner
    )
    places = _places(considered)
    best, least = None, _people(considered.verdict)
    for inventory in others.exclude(target__environment=here.environment).order_by("target__slug")[:MOST_TARGETS]:
        if not places <= _held(inventory):
            continue
        verdict = asks.elsewhere(considered, inventory)
        if verdict is not None and verdict.allowed and _people(verdict) < least:
            best, least = Cheaper(inventory.target.slug, cost_of(verdict)), _people(verdict)
    return best


def _places(considered: Considered) -> set[tuple[str, str]]:
    """What tells a product from another one: all that is in the databases of the asked roles, not only what they are
    for; of roles for the server itself, in every database.
    """
    held = _held(considered.target.inventory)
    databases = {role.database for role in considered.roles}
    return held if databases & SERVER_DATABASES else {place for place in held if place[0] in databases}


def _held(inventory: Inventory) -> set[tuple[str, str]]:
    """Database and collection of all the data on a target; of a database without any, its name."""
    return {
        (database, collection)
        for database, collections in inventory.databases.items()
        if database not in SERVER_DATABASES
        for collection in collections or [""]
        if not collection.startswith("system.")
    }


def _people(verdict: policy.Verdict) -> float:
    """How many people have to agree; more than any number where it is refused."""
    return sum(step.needed for step in verdict.steps) if verdict.allowed else float("inf")


def _median(lengths: list[timedelta]) -> timedelta | None:
    if len(lengths) < FEWEST:
        return None
    return timedelta(seconds=round(statistics.median(length.total_seconds() for length in lengths)))
