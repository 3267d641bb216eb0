"""What workers read about who is on call."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta

from django.db import transaction

from accessrequests.domain import shifts as on_call
from accessrequests.domain.events import Event
from accessrequests.domain.shifts import Shift
from accessrequests.models import Schedule
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.queries import clock

MOST_TOLD = 5
_Shifts = Sequence[Mapping[str, str]]


@transaction.atomic(durable=True)
def record_shifts(*, name: str, shifts: Sequence[Shift], good_for: timedelta) -> None:
    """A schedule was read. What it says of the past is kept in the audit trail, by who was added and taken off."""
    schedule = _held(name, good_for)
    at = clock.now()
    before, now = schedule.shifts, on_call.to_json(shifts)
    schedule.shifts, schedule.read_at, schedule.last_error = now, at, ""
    schedule.save()
    if before != now:
        facts = _facts(before, now)
        record(Fact(Event.SCHEDULE_CHANGED, str(schedule), facts), actor=CLOCKWORK, at=at)


@transaction.atomic(durable=True)
def note_unreadable(*, name: str, why: str, good_for: timedelta) -> None:
    """It could not be read. What was read last counts until it is too old. The same trouble again is no news."""
    schedule = _held(name, good_for)
    at = clock.now()
    is_news = schedule.last_error != why
    schedule.last_error = why
    schedule.save()
    if is_news:
        record(Fact(Event.SCHEDULE_UNREADABLE, str(schedule), {"why": why}), actor=CLOCKWORK, at=at)


@transaction.atomic(durable=True)
def keep_only(*, names: Collection[str]) -> None:
    """Nobody is on call any more by a schedule that the operator has taken out of the workers' file."""
    gone = list(Schedule.objects.select_for_update().exclude(name__in=names).order_by("name"))
    at = clock.now()
    facts = [Fact(Event.SCHEDULE_CHANGED, str(one), _facts(one.shifts, [])) for one in gone]
    Schedule.objects.filter(pk__in=[one.pk for one in gone]).delete()
    if facts:
        record(*facts, actor=CLOCKWORK, at=at)


def _facts(before: _Shifts, now: _Shifts) -> dict[str, object]:
    """How many, and the first few: an event is not the place for a year of shifts."""
    stayed = {tuple(sorted(one.items())) for one in before} & {tuple(sorted(one.items())) for one in now}
    added, removed = ([one for one in some if tuple(sorted(one.items())) not in stayed] for some in (now, before))
    return {
        "shifts": len(now),
        "added": added[:MOST_TOLD],
        "added_count": len(added),
        "removed": removed[:MOST_TOLD],
        "removed_count": len(removed),
    }


def _held(name: str, good_for: timedelta) -> Schedule:
    Schedule.objects.bulk_create([Schedule(name=name, good_for=good_for)], ignore_conflicts=True)
    schedule = Schedule.objects.select_for_update().get(name=name)
    schedule.good_for = good_for
    return schedule
