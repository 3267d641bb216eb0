"""What others have on a target and what they change there: remembered, told, and never touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction

from accessrequests.domain import outside
from accessrequests.domain.events import Event, Job, Via
from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.offline_kits import KitState
from accessrequests.domain.outside import Change, Kind, Thing
from accessrequests.models import Grant, Look, OfflineKit, Other, OutboxMessage, OutsideChange, Person, Target
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, people
from accessrequests.queries import outside as queries

BETWEEN_LOOKS = timedelta(minutes=1)
MOST_TOLD = 3
_LOOKS = (Job.RECONCILE.value, Job.READ_INVENTORY.value, Job.READ_CHANGES.value)


@transaction.atomic(durable=True)
def record_others(*, slug: str, found: Iterable[Thing]) -> None:
    """What is there now that we did not make, and users of kits of ours that no row tells of. Not an audit event: it is read every ten minutes."""
    target = _locked(slug)
    at = clock.now()
    alive = Grant.objects.filter(target=target).exclude(state=GrantState.REVOKED.value)
    ours = set(alive.values_list("username", flat=True))
    kits = set(
        OfflineKit.objects.filter(target=target).exclude(state=KitState.ENDED.value).values_list("username", flat=True)
    )
    made = queries.made_by_change(slug)
    there = {
        (one.kind.value, one.name): one
        for one in found
        if one.name.rpartition("@")[0] not in (kits if one.is_kit else ours)
        and not (one.kind is Kind.ROLE and one.name in made)
    }
    known = {(other.kind, other.name): other for other in Other.objects.filter(target=target)}
    gone = [other.pk for key, other in known.items() if key not in there]
    Other.objects.filter(pk__in=gone).delete()
    Other.objects.bulk_create(
        Other(target=target, kind=kind, name=name, detail=one.detail, is_own=one.is_own, first_seen_at=at)
        for (kind, name), one in there.items()
        if (kind, name) not in known
    )
    stand = [(other, there[key]) for key, other in known.items() if key in there]
    changed = [other for other, one in stand if (other.detail, other.is_own) != (one.detail, one.is_own)]
    for other in changed:
        one = there[other.kind, other.name]
        other.detail, other.is_own = one.detail, one.is_own
    Other.objects.bulk_update(changed, ["detail", "is_own"])
    _date(target)


@transaction.atomic(durable=True)
def record_changes(*, slug: str, changes: Sequence[Change], until: datetime) -> int:
    """Events of the target's own that are not our doing. How many of them are news.

    Each is one fact, and one message tells administrators of all that touch what is ours. What happened before the
    first look is remembered and no news.
    """
    target = _locked(slug)
    at = clock.now()
    look, _ = Look.objects.get_or_create(target=target, defaults=_rested(at))
    is_first = look.changes_until is None
    theirs = {change.event_id: change for change in changes if not change.is_ours}
    known = set(OutsideChange.objects.filter(target=target, event_id__in=theirs).values_list("event_id", flat=True))
    new = [change for event_id, change in theirs.items() if event_id not in known]
    ours = queries.ours_among(slug, new)
    oldest_first = new[::-1]  # of one second, they come in the order of the target
    rows = [
        OutsideChange(
            target=target,
            event_id=change.event_id,
            event=change.event,
            kind=change.kind.value,
            name=change.name,
            actor=change.actor,
            at=change.at,
            touches_ours=(change.kind, change.name) in ours,
        )
        for change in sorted(oldest_first, key=lambda change: change.at)
    ]
    OutsideChange.objects.bulk_create(rows)
    look.changes_until = until
    look.save(update_fields=["changes_until"])
    _date(target)
    if not is_first and rows:
        record(*_facts(slug, rows), actor=CLOCKWORK, at=at)
    return len(rows)


@transaction.atomic(durable=True)
def record_last_logins(*, slug: str, logins: Mapping[str, datetime], until: datetime) -> None:
    """When users that are not ours were last let in, as far as the target still tells."""
    target = _locked(slug)
    look, _ = Look.objects.get_or_create(target=target, defaults=_rested(clock.now()))
    users = list(Other.objects.filter(target=target, kind=Kind.USER.value, name__in=logins))
    later = [other for other in users if other.last_login_at is None or other.last_login_at < logins[other.name]]
    for other in later:
        other.last_login_at = logins[other.name]
    Other.objects.bulk_update(later, ["last_login_at"])
    look.logins_until = until
    look.save(update_fields=["logins_until"])


@transaction.atomic(durable=True)
def look_now(*, slug: str, person: Person, via: Via, idempotency: Idempotency | None = None) -> tuple[Target, bool]:
    """An administrator wants a target compared and read now. False: it was looked at a moment ago, and that will do.

    :raises Refused: when the person does not administer.
    """
    if not people.may_administer(person):
        raise Refused("Only administrators can have a target looked at. It is looked at by itself all the time.")
    target = _locked(slug)
    at = clock.now()
    actor = people.actor_of(person, via)
    look, _ = Look.objects.get_or_create(target=target, defaults=_rested(at))
    if look.asked_at is not None and at - BETWEEN_LOOKS < look.asked_at <= at:
        record(actor=actor, at=at, idempotency=idempotency, object_id=target.pk)
        return target, False
    look.asked_at = at
    look.save(update_fields=["asked_at"])
    waiting = OutboxMessage.objects.filter(job__in=_LOOKS, subject=f"target/{slug}", done_at=None, claimed_until=None)
    waiting.update(ready_at=at, sent_at=None)
    fact = Fact(Event.TARGET_LOOK_ASKED, f"target/{slug}")
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=target.pk)
    return target, True


def _locked(slug: str) -> Target:
    return Target.objects.select_for_update(no_key=True).get(slug=slug)


def _rested(at: datetime) -> dict[str, object]:
    """No comparison is under way."""
    return {"started_at": at, "phase": "check", "finished_at": at}


def _date(target: Target) -> None:
    """Since when what is not ours is there, where an event tells of it."""
    undated = {(other.kind, other.name): other for other in Other.objects.filter(target=target, made_at=None)}
    names = {name.rpartition("@")[0] or name for _, name in undated} | {name for _, name in undated}
    made = OutsideChange.objects.filter(target=target, event__in=outside.MAKING, name__in=names).order_by("at")
    found = {(change.kind, change.name): change for change in made}
    dated = []
    for (kind, name), other in undated.items():
        change = found.get((kind, name)) or found.get((kind, name.rpartition("@")[0]))
        if change is not None:
            other.made_at, other.made_by = change.at, change.actor
            dated.append(other)
    Other.objects.bulk_update(dated, ["made_at", "made_by"])


def _facts(slug: str, rows: Sequence[OutsideChange]) -> list[Fact]:
    facts = [
        Fact(
            Event.TARGET_CHANGED_OUTSIDE,
            f"target/{slug}",
            {
                "event_id": row.event_id,
                "what": row.event,
                "username": row.name,
                "by": row.actor,
                "at": row.at.isoformat(),
                "ours": row.touches_ours,
                "why": queries.told(row),
            },
        )
        for row in rows
    ]
    ours = [queries.told(row) for row in rows if row.touches_ours]
    if ours:
        more = f"; and {len(ours) - MOST_TOLD} more" if len(ours) > MOST_TOLD else ""
        why = "; ".join(ours[:MOST_TOLD]) + more
        facts.append(Fact(Event.TARGET_OURS_CHANGED, f"target/{slug}", {"changes": len(ours), "why": why}))
    return facts
