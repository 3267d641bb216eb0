"""Targets as pages show them: how they are, what is on them, who is on them now, and what one may ask for there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet

from accessrequests.domain import policy
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.privileges import Level
from accessrequests.domain.situation import Tally
from accessrequests.domain.window import spell_duration
from accessrequests.models import AuditEvent, Grant, Person, PolicyVersion, Target
from accessrequests.queries import grants
from accessrequests.queries.rules import rules_of

LEVELS = (Level.READ, Level.WRITE, Level.ADMIN)
MOST_SHOWN = 50
# The shortest length: whether it may be asked at all must not depend on how long.
A_MOMENT = timedelta(seconds=1)
TROUBLE = (
    Event.TARGET_UNREACHABLE,
    Event.TARGET_REACHABLE,
    Event.TARGET_MOVED,
    Event.TARGET_OURS_CHANGED,
    Event.TARGET_ORPHAN_ENDED,
    Event.TARGET_CLOCK_SKEWED,
    Event.TARGET_AUTHORITY_ENDING,
    Event.TARGET_METHOD_MISSING,
)


@dataclass(frozen=True, slots=True)
class Said:
    """What the policy says to one person about one level on a target, in a sentence."""

    level: str
    allowed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Database:
    """One database of an inventory, with rough sizes."""

    name: str
    collections: Sequence[tuple[str, int | None, int | None]]


def by_slug() -> QuerySet[Target]:
    """Those in use first, then the retired."""
    return Target.objects.select_related("inventory").order_by("retired_at", "slug")


def tallies(targets: Sequence[Target]) -> Mapping[int, Tally]:
    """How many grants are live on each of these targets, and how many are on their way there or away."""
    alive = Grant.objects.filter(target__in=[target.pk for target in targets]).exclude(state=GrantState.REVOKED.value)
    counted = alive.order_by().values_list("target").annotate(**grants.COUNTS)
    return {target: Tally(**dict(zip(grants.COUNTS, counts, strict=True))) for target, *counts in counted}


def what_it_says(version: PolicyVersion | None, target: Target, person: Person, groups: frozenset[str]) -> list[Said]:
    """What the current policy says to the person, who is of these groups, level by level; evaluated, not guessed."""
    if version is None or target.retired_at is not None:
        return []
    rules = rules_of(version)
    return [_said(rules, version.version, target, level, person=person, groups=groups) for level in LEVELS]


def _said(
    rules: policy.Rules, version: int, target: Target, level: Level, *, person: Person, groups: frozenset[str]
) -> Said:
    ask = policy.Ask(
        target=target.slug,
        environment=target.environment,
        level=level,
        groups=groups,
        duration=A_MOMENT,
        reason_length=None,
        person=person.username,
        databases=frozenset(),
    )
    verdict = policy.evaluate(rules, ask, version=version)
    if not verdict.allowed:
        return Said(level.value, False, verdict.refusals[0].sentence)
    who = " and ".join(f"{step.needed} of {step.group}" for step in verdict.steps) or "at once, nobody has to approve"
    longest = f", up to {spell_duration(verdict.maximum)}" if verdict.maximum else ""
    return Said(level.value, True, f"{who}{longest}")


def databases_of(target: Target) -> list[Database]:
    """Databases and collections as they were read from the target."""
    inventory = getattr(target, "inventory", None)
    if inventory is None:
        return []
    return [
        Database(
            name, [(one, _number(size, "documents"), _number(size, "bytes")) for one, size in sorted(held.items())]
        )
        for name, held in sorted(inventory.databases.items())
    ]


def _number(size: object, name: str) -> int | None:
    found = size.get(name) if isinstance(size, Mapping) else None
    return int(found) if isinstance(found, int | float) else None


def live_on(target: Target, person: Person, *, sees_all: bool) -> list[Grant]:
    """The live grants on it that this person may see, newest first; at most so many."""
    found = Grant.objects.all() if sees_all else grants.visible_to(person).prefetch_related(None)
    seen = found.filter(target=target).exclude(state=GrantState.REVOKED.value)
    return list(seen.select_related("holder", "access_request__target", "target").order_by("-pk")[:MOST_SHOWN])


def trouble_of(target: Target) -> list[AuditEvent]:
    """What went wrong with the target of late; only for those who watch over it."""
    events = AuditEvent.objects.filter(subject=f"target/{target.slug}", event__in=TROUBLE)
    return list(events.order_by("-sequence")[:10])
