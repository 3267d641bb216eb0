"""Who is on call now, by the schedules that workers read; by one that is too old, nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from accessrequests.domain import shifts
from accessrequests.domain.policy import Rules, Verdict
from accessrequests.domain.window import spell_duration
from accessrequests.domain.wording import moment
from accessrequests.models import Schedule, Target
from accessrequests.queries import clock


@dataclass(frozen=True, slots=True)
class OnCall:
    """One schedule as it stands. `why_not` says why it does not count; `people` are those of now, by user name."""

    name: str
    people: Sequence[str]
    why_not: str = ""
    read_at: datetime | None = None
    last_error: str = ""


def everything(at: datetime) -> list[OnCall]:
    """For those who watch over the product."""
    return [_as_of(schedule, at) for schedule in Schedule.objects.order_by("name")]


def known_for(rules: Rules, target: Target) -> list[OnCall]:
    """The schedules as they stand that rules about this target name. Asks nothing where none does."""
    return _known(
        {
            rule.on_call.schedule
            for rule in rules.rules
            if rule.on_call is not None
            and (not rule.match.targets or target.slug in rule.match.targets)
            and (not rule.match.environments or target.environment in rule.match.environments)
        }
    )


def schedules_of(person: str, known: Iterable[OnCall]) -> frozenset[str]:
    """Those by which the person is on call at this moment."""
    return frozenset(one.name for one in known if person in one.people)


def told(verdict: Verdict, rules: Rules, known: Iterable[OnCall]) -> Verdict:
    """The verdict, and beside it why a schedule that could have spared somebody the asking does not count."""
    if not verdict.steps:
        return verdict
    named = {rule.on_call.schedule for rule in rules.rules if rule.on_call is not None and rule.name in verdict.rules}
    why_not = [one.why_not for one in known if one.name in named and one.why_not]
    return replace(verdict, sentences=(*verdict.sentences, *why_not)) if why_not else verdict


def _known(names: Iterable[str]) -> list[OnCall]:
    wanted = sorted(names)
    if not wanted:
        return []
    at = clock.now()
    found = {schedule.name: schedule for schedule in Schedule.objects.filter(name__in=wanted)}
    return [
        _as_of(found[name], at)
        if name in found
        else OnCall(name, (), f"No worker has read the on-call schedule {name}, so nobody is on call by it.")
        for name in wanted
    ]


def _as_of(schedule: Schedule, at: datetime) -> OnCall:
    if schedule.read_at is None or at >= schedule.read_at + schedule.good_for:
        read = f"was last read at {moment(schedule.read_at)}" if schedule.read_at else "has never been read"
        why_not = (
            f"The on-call schedule {schedule.name} {read}, and counts for {spell_duration(schedule.good_for)} only: "
            "nobody is on call by it."
        )
        return OnCall(schedule.name, (), why_not, schedule.read_at, schedule.last_error)
    people = sorted(shifts.on_call_at(shifts.read({"shifts": schedule.shifts}), at))
    return OnCall(schedule.name, people, "", schedule.read_at, schedule.last_error)
