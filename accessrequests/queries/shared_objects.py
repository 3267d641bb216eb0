"""What grants share on a target, and which of them needs what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from accessrequests.models import SharedUse


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


def of_one(baseline: Mapping[str, Any] | None, uses: Iterable[SharedUse]) -> Uses:
    known = list(uses)
    return Uses(
        baseline=baseline if known else None,
        live={use.grant_id: use.wants for use in known if use.ending_at is None},
        ending={use.grant_id: use.wants for use in known if use.ending_at is not None},
    )
