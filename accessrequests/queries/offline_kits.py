"""Offline kits as people and workers read them: what may be in one, how each stands, who hears of it, who reviews a use."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from accessrequests.domain.break_glass import evaluate_break_glass
from accessrequests.domain.offline_kits import KitState
from accessrequests.domain.policy import Ask
from accessrequests.domain.privileges import Level
from accessrequests.models import KitUse, OfflineKit, Person, Target
from accessrequests.queries import broken, people
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.rules import rules_of

# How often it is asked who logged in. Atlas counts every call, and tells of logins for seven days anyway.
WATCHED_EVERY = {"mongodb": timedelta(seconds=10), "atlas": timedelta(minutes=1)}
CHECKED_EVERY = timedelta(minutes=10)
LATE = timedelta(minutes=10)  # a login may be told so long after it happened
UNWATCHED_AFTER = timedelta(minutes=5)
OLD = timedelta(days=365)
_WATCHED = (KitState.MAKING.value, KitState.STANDING.value, KitState.SPENT.value)


@dataclass(frozen=True, slots=True)
class Declared:
    """What the catalogue says that a kit of this target shall be."""

    roles: tuple[str, ...]
    holders: tuple[str, ...]


def declared(target: Target) -> Declared | None:
    said: dict[str, Any] = target.declared.get("offline_kit", {})
    return Declared(tuple(said["roles"]), tuple(said["holders"])) if said else None


def of_target(slug: str) -> OfflineKit | None:
    return OfflineKit.objects.select_related("target").filter(target__slug=slug).first()


def everything() -> list[OfflineKit]:
    return list(OfflineKit.objects.select_related("target").order_by("target__slug"))


@dataclass(frozen=True, slots=True)
class Standing:
    """A kit, with its oldest use that nobody has reviewed."""

    kit: OfflineKit
    use_id: int | None
    began_at: datetime | None


def standing() -> list[Standing]:
    """For Health, in one question."""
    waiting = KitUse.objects.filter(kit=OuterRef("pk"), reviewed_at=None).order_by("pk")
    kits = OfflineKit.objects.select_related("target").order_by("target__slug")
    found = kits.annotate(waiting=Subquery(waiting.values("pk")[:1]), began=Subquery(waiting.values("began_at")[:1]))
    return [Standing(kit, kit.waiting, kit.began) for kit in found]


def lacking() -> list[Target]:
    """Targets that should have a kit, by the catalogue, and for which none was ever made."""
    wanting = Target.objects.filter(retired_at=None, declared__has_key="offline_kit", offline_kit=None)
    return list(wanting.order_by("slug"))


def to_watch(at: datetime) -> list[str]:
    """The targets of kits of which it is time to ask who logged in."""
    due = Q(watched_at=None)
    for kind, every in WATCHED_EVERY.items():
        due |= Q(target__kind=kind, watched_at__lte=at - every)
    found = OfflineKit.objects.filter(due, state__in=_WATCHED).order_by("target__slug")
    return list(found.values_list("target__slug", flat=True))


def watched_from(kit: OfflineKit, *, at: datetime) -> datetime:
    """From when on who logged in is not known yet."""
    return min(kit.watched_at or kit.ordered_at, at) - LATE


def is_check_due(kit: OfflineKit, *, at: datetime) -> bool:
    return kit.checked_at is None or kit.checked_at <= at - CHECKED_EVERY


def concern(kit: OfflineKit, *, at: datetime) -> str:
    """Why nobody should rely on this kit as it is, in a sentence; empty when all is well."""
    said = declared(kit.target)
    if said is None:
        return "" if kit.state == KitState.ENDED else "The catalogue has no kit for this target any more: end it."
    if kit.state == KitState.SPENT:
        return "The kit is spent: make a new one."
    if kit.state == KitState.MAKING:
        return "It was never finished, so that its halves may open nothing: make it again."
    if kit.state == KitState.ENDED:
        return "It was ended, and there is no other: make one."
    return kit.trouble or _with_strangers(kit, said) or _unwatched_or_old(kit, at)


def _unwatched_or_old(kit: OfflineKit, at: datetime) -> str:
    if kit.watched_at is None or kit.watched_at < at - UNWATCHED_AFTER:
        return "Nobody has looked for logins with it for five minutes. Look at the workers and at the target."
    if kit.made_at is not None and kit.made_at < at - OLD:
        return "It is more than a year old: make a new one, so that you know that both halves are there."
    return ""


def _with_strangers(kit: OfflineKit, said: Declared) -> str:
    """Which of its holders left, or are those whom the catalogue no longer names."""
    active = set(Person.objects.filter(username__in=kit.holders, is_active=True).values_list("username", flat=True))
    gone = [name for name in kit.holders if name not in active or name not in said.holders]
    if not gone:
        return ""
    return f"Half of it is with {' and '.join(gone)}, who may not hold one any more: make a new one for others."


def groups_of(target: Target) -> tuple[set[str], set[str]]:
    """Whom the policy in force tells of a break-glass there, and who reviews one."""
    version = broken.newest_policy()
    told: set[str] = set()
    reviewers: set[str] = set()
    if version is None:
        return told, reviewers
    rules = rules_of(version)
    for level in (Level.READ, Level.WRITE, Level.ADMIN):
        ask = Ask(
            target.slug, target.environment, level, frozenset(), duration=timedelta(seconds=1), reason_length=None
        )
        terms = evaluate_break_glass(rules, ask, version=version.version).terms
        if terms is not None:
            told |= terms.tells
            reviewers |= terms.review_by
    return told, reviewers


def hearers(kit: OfflineKit, *, at: datetime) -> set[Person]:
    """Whoever hears of a kit: those who are told of a break-glass there, administrators, and who holds it."""
    told, reviewers = groups_of(kit.target)
    named = {person for group in told | reviewers for person in people.deciders(group, since=at, without=[])}
    holders = Person.objects.filter(username__in=kit.holders, is_active=True)
    return {*named, *people.administrators(), *holders}


def uses() -> QuerySet[KitUse]:
    return KitUse.objects.select_related("kit__target", "reviewed_by").order_by("-pk")


def unreviewed() -> list[int]:
    return list(KitUse.objects.filter(reviewed_at=None).order_by("pk").values_list("pk", flat=True))


def may_see(who: Belonging, kit: OfflineKit) -> bool:
    told, reviewers = groups_of(kit.target)
    return who.sees_all or who.person.username in kit.holders or bool(who.since.keys() & (told | reviewers))


def may_review(who: Belonging, use: KitUse) -> bool:
    """Whoever reviews a break-glass there, and administrators; never one who held half of the kit."""
    named = who.administers or bool(who.since.keys() & set(use.review_groups))
    return who.person.is_active and named and who.person.username not in use.holders
