"""The catalogue of targets, and what workers find out about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accessrequests.domain.events import Actor, Event
from accessrequests.domain.kinds import X509
from accessrequests.domain.lifecycle import EndReason, GrantState
from accessrequests.models import Grant, Inventory, OutboxMessage, Suspicion, Target
from accessrequests.operations._ending import start_revocation
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.queries import authorities, clock

# What a preset leaves out: the target's first way to sign in, every cluster, and no hint.
_UNSAID: Mapping[str, Any] = {"reason_hint": "", "clusters": [], "authentication": ""}
SKEW_ALARM_SECONDS = 2.0
BETWEEN_LOOKS = timedelta(seconds=6)  # one lease: whoever was at work at the first look has ended by the second


@transaction.atomic(durable=True)
def apply_catalogue(*, entries: Mapping[str, Mapping[str, Any]], actor: Actor) -> list[Target]:
    """Make the catalogue say what `entries` say. Targets that they do not name stay as they are."""
    locked = Target.objects.select_for_update(no_key=True).filter(slug__in=entries).order_by("pk")
    known = {target.slug: target for target in locked}
    at = clock.now()
    facts: list[Fact] = []
    targets, retired = [], []
    for slug, entry in sorted(entries.items()):
        target = known.get(slug) or Target(slug=slug)
        was_retired = target.retired_at is not None
        for name in ("name", "kind", "environment", "owner", "data_classes", "offers", "connect_to"):
            setattr(target, name, entry[name])
        target.declared = entry.get("declared", {})
        target.presets = [{**_UNSAID, **preset} for preset in entry.get("presets", [])]
        target.applied_at = at
        target.retired_at = (target.retired_at or at) if entry.get("retired") else None
        target.save()
        targets.append(target)
        facts.append(Fact(Event.TARGET_APPLIED, f"target/{slug}", {"environment": target.environment}))
        if target.retired_at and not was_retired:
            retired.append(target)
    record(*facts, *_end_all(retired, actor, at), actor=actor, at=at)
    return targets


def _end_all(retired: Sequence[Target], actor: Actor, at: datetime) -> list[Fact]:
    """End what lives on these targets; all their grants are locked in one order."""
    alive = [GrantState.PENDING.value, GrantState.ACTIVE.value]
    grants = Grant.objects.select_for_update(of=("self",), no_key=True).select_related("target", "holder")
    facts = []
    for grant in grants.filter(target__in=retired, state__in=alive).order_by("pk"):
        facts += start_revocation(grant, EndReason.TARGET_RETIRED, actor=actor, at=at, note="The target was retired.")
    return facts


@transaction.atomic(durable=True)
def record_inventory(
    *,
    slug: str,
    roles: Mapping[str, Any],
    databases: Mapping[str, Any],
    clusters: Mapping[str, Any],
    quotas: Mapping[str, Any],
    users: Mapping[str, Sequence[str]] | None = None,
    reach: Mapping[str, Sequence[str]] | None = None,
    custom_roles: Mapping[str, Any] | None = None,
) -> Inventory:
    """Store what a worker read from the target. Not an audit event: it is read every ten minutes."""
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    at = clock.now()
    found = {"roles": dict(roles), "databases": dict(databases), "clusters": dict(clusters), "quotas": dict(quotas)}
    found["users"] = {name: list(roles_of_user) for name, roles_of_user in (users or {}).items()}
    found["reach"] = {name: list(clusters_of_user) for name, clusters_of_user in (reach or {}).items()}
    found["custom_roles"] = dict(custom_roles or {})
    inventory, _ = Inventory.objects.update_or_create(target=target, defaults={"read_at": at, **found})
    return inventory


@transaction.atomic(durable=True)
def mark_unreachable(*, slug: str, why: str) -> bool:
    """The target does not answer. True when that is news."""
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    if target.unreachable_since is not None:
        return False
    at = clock.now()
    target.unreachable_since = target.checked_at = at
    target.save(update_fields=["unreachable_since", "checked_at"])
    record(Fact(Event.TARGET_UNREACHABLE, f"target/{slug}", {"why": why}), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def mark_reachable(*, slug: str) -> bool:
    """The target answers again: all that waits on it is due at once, as if for the first time. True when that is news."""
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    at = clock.now()
    if target.unreachable_since is None:
        return False
    away = round((at - target.unreachable_since).total_seconds())
    target.unreachable_since, target.checked_at = None, at
    target.save(update_fields=["unreachable_since", "checked_at"])
    OutboxMessage.objects.filter(target=slug, done_at=None, ready_at__gt=at, failures__gt=0).update(
        ready_at=at, failures=0
    )
    record(Fact(Event.TARGET_REACHABLE, f"target/{slug}", {"away_seconds": away}), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def record_check(*, slug: str, clock_skew: float, warnings: Sequence[str]) -> None:
    """Store what a look at a target found: its clock skew in seconds (positive: its clock is ahead), with an alarm once
    that is large, and what is to be put right there.
    """
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    at = clock.now()
    is_news = abs(clock_skew) > SKEW_ALARM_SECONDS >= abs(target.clock_skew or 0.0)
    target.clock_skew, target.checked_at, target.warnings = clock_skew, at, list(warnings)
    target.save(update_fields=["clock_skew", "checked_at", "warnings"])
    if is_news:
        facts = {"milliseconds": round(clock_skew * 1000)}
        record(Fact(Event.TARGET_CLOCK_SKEWED, f"target/{slug}", facts), actor=CLOCKWORK, at=at)


@transaction.atomic(durable=True)
def watch_authority(*, slug: str, ends_at: datetime) -> bool:
    """Warn of the end of our certificate authority for a target, from 30 days before and then once a day. True: warned.

    Whoever never offers certificates need not hear of it.
    """
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    at = clock.now()
    if X509 not in target.offers.get("authentication", []) or ends_at > at + authorities.NOTICE:
        return False
    if not authorities.is_due(slug, event=Event.TARGET_AUTHORITY_ENDING, at=at):
        return False
    facts = {"expires_at": ends_at.isoformat(), "warned_at": at.isoformat()}
    record(Fact(Event.TARGET_AUTHORITY_ENDING, f"target/{slug}", facts), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def watch_methods(*, slug: str, missing: Mapping[str, str]) -> bool:
    """Say, once a day, which ways to sign in a target offers although none can be given there. True: said."""
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    at = clock.now()
    why = {method: missing[method] for method in target.offers.get("authentication", []) if method in missing}
    if not why or not authorities.is_due(slug, event=Event.TARGET_METHOD_MISSING, at=at):
        return False
    facts = {"methods": sorted(why), "why": " ".join(dict.fromkeys(why.values())), "warned_at": at.isoformat()}
    record(Fact(Event.TARGET_METHOD_MISSING, f"target/{slug}", facts), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def record_orphan_ended(*, slug: str, username: str, evidence: Mapping[str, Any]) -> None:
    """Reconcile found an object of ours without a grant, and the target confirms that it is gone."""
    at = clock.now()
    facts = {"username": username, "evidence": dict(evidence)}
    record(Fact(Event.TARGET_ORPHAN_ENDED, f"target/{slug}", facts), actor=CLOCKWORK, at=at)


@transaction.atomic(durable=True)
def suspect(*, slug: str, seen: Mapping[str, str]) -> dict[str, str]:
    """Note what looks wrong now (user name -> why), and return what already did at a look long enough ago."""
    target = Target.objects.select_for_update(no_key=True).get(slug=slug)
    at = clock.now()
    Suspicion.objects.filter(target=target, first_seen_at__gt=at).delete()  # the clock went back: we look anew
    known = {(suspicion.username, suspicion.why): suspicion for suspicion in Suspicion.objects.filter(target=target)}
    gone = [suspicion.pk for key, suspicion in known.items() if key not in set(seen.items())]
    Suspicion.objects.filter(pk__in=gone).delete()
    new = [item for item in seen.items() if item not in known]
    Suspicion.objects.bulk_create(
        Suspicion(target=target, username=username, why=why, first_seen_at=at) for username, why in new
    )
    return {
        username: why
        for (username, why), suspicion in known.items()
        if seen.get(username) == why and suspicion.first_seen_at <= at - BETWEEN_LOOKS
    }
