"""What grants share on a target, and which of them needs what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Q

from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import SharedCall, SharedUse

ARRIVED = timedelta(seconds=30)  # longer than a lease of 6 s and one bounded call of 5 s
AT_ONCE = 20
BETWEEN_LOOKS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Uses:
    """Who needs what of an object, by grant. `baseline` is None while nobody uses it: it is to be captured anew."""

    baseline: Mapping[str, Any] | None
    live: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    ending: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)


def uses_on(slug: str) -> dict[tuple[str, str], Uses]:
    """By kind and key, of every object on the target that a grant uses, in one question."""
    found = (
        SharedUse.objects.filter(shared__target__slug=slug).select_related("shared").order_by("shared_id", "grant_id")
    )
    return {
        (shared.kind, shared.key): of_one(shared.baseline, list(uses))
        for shared, uses in groupby(found, key=lambda use: use.shared)
    }


def late_calls(slug: str, *, at: datetime) -> list[SharedCall]:
    """Calls of workers that never said what came of them, for grants whose end is confirmed. All have arrived by now.

    Those that were looked after come again a day later.
    """
    calls = SharedCall.objects.filter(target__slug=slug, began_at__lt=at - ARRIVED, grant__state=GrantState.REVOKED)
    calls = calls.filter(Q(looked_at=None) | Q(looked_at__lt=at - BETWEEN_LOOKS))
    return list(
        calls.select_related("grant__target", "grant__holder", "grant__access_request").order_by("pk")[:AT_ONCE]
    )


def left_by_calls(slug: str) -> list[str]:
    """What a person must look at on the target, in sentences."""
    left = SharedCall.objects.filter(target__slug=slug).exclude(left="")
    return list(left.order_by("pk").values_list("left", flat=True))


def of_one(baseline: Mapping[str, Any] | None, uses: Iterable[SharedUse]) -> Uses:
    known = list(uses)
    return Uses(
        baseline=baseline if known else None,
        live={use.grant_id: use.wants for use in known if use.ending_at is None},
        ending={use.grant_id: use.wants for use in known if use.ending_at is not None},
    )
