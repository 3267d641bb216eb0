"""How the people of open steps are asked: in which order, how soon again, and who may answer in their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from accessrequests.domain.approvals import Step
from accessrequests.domain.window import format_duration, parse_duration, spell_duration

REMIND_AFTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Escalation:
    """After so long without an answer, people of one more group may answer any open step."""

    after: timedelta
    to: str


@dataclass(frozen=True, slots=True)
class Answering:
    """`fallback` answers a step that nobody else can; `step_up`: only on the web, with a fresh second factor."""

    in_sequence: bool = False
    step_up: bool = False
    remind_after: timedelta = REMIND_AFTER
    escalate: Escalation | None = None
    fallback: str = ""

    def sentences(self, steps: Sequence[Step]) -> list[str]:
        """What is other than usual, for people."""
        said = []
        if self.in_sequence and len(steps) > 1:
            said.append(f"They are asked one after another: {', then '.join(step.group for step in steps)}.")
        if self.step_up:
            said.append("Approving is done in the portal, with a second factor.")
        if self.remind_after != REMIND_AFTER:
            said.append(f"Who has not answered is reminded after {spell_duration(self.remind_after)}.")
        if self.escalate:
            after = spell_duration(self.escalate.after)
            said.append(f"Without an answer after {after}, people of {self.escalate.to} may answer too.")
        if self.fallback:
            said.append(f"Where nobody else can answer, people of {self.fallback} may.")
        return said


def stand_ins_of(answering: Answering) -> frozenset[str]:
    """The groups that may come to answer in the place of others."""
    return frozenset(filter(None, (answering.escalate.to if answering.escalate else "", answering.fallback)))


def look_again_at(answering: Answering, *, filed_at: datetime, reminders: int, stand_ins: Iterable[str]) -> datetime:
    """When a request that waits is looked at next: to remind, after twice as long each time, or to ask one group more."""
    remind_at = filed_at + answering.remind_after * float(2 ** (reminders + 1) - 1)
    escalate = answering.escalate
    if escalate is None or escalate.to in stand_ins:
        return remind_at
    return min(remind_at, filed_at + escalate.after)


def times_passed(answering: Answering, *, filed_at: datetime, at: datetime) -> int:
    """How many times of reminding have come by then: after an outage, those that were missed are not made up for."""
    return int((at - filed_at) / answering.remind_after + 1).bit_length() - 1


def combined(parts: Iterable[tuple[Answering, Sequence[Step]]]) -> Answering:
    """The strictest of each. Another group may answer only where everything that asks for somebody agrees to it."""
    all_of_them = list(parts)
    if not any(steps for _, steps in all_of_them):
        return _without_others(part for part, _ in all_of_them)
    asking = [part for part, steps in all_of_them if steps]
    return replace(
        _without_others(part for part, _ in all_of_them),
        escalate=_escalation([part.escalate for part in asking]),
        fallback=asking[0].fallback if len({part.fallback for part in asking}) == 1 else "",
    )


def to_json(answering: Answering) -> dict[str, Any]:
    escalate = answering.escalate
    return {
        "in_sequence": answering.in_sequence,
        "step_up": answering.step_up,
        "remind_after": format_duration(answering.remind_after),
        "escalate": {"after": format_duration(escalate.after), "to": escalate.to} if escalate else None,
        "fallback": answering.fallback,
    }


def from_json(values: Mapping[str, Any]) -> Answering:
    """What `to_json` wrote. A verdict of before there was any of it had the usual."""
    escalate = values.get("escalate")
    return Answering(
        in_sequence=values.get("in_sequence", False),
        step_up=values.get("step_up", False),
        remind_after=parse_duration(values["remind_after"]) if "remind_after" in values else REMIND_AFTER,
        escalate=Escalation(parse_duration(escalate["after"]), escalate["to"]) if escalate else None,
        fallback=values.get("fallback", ""),
    )


def _without_others(parts: Iterable[Answering]) -> Answering:
    held = list(parts)
    return Answering(
        in_sequence=any(part.in_sequence for part in held),
        step_up=any(part.step_up for part in held),
        remind_after=min((part.remind_after for part in held), default=REMIND_AFTER),
    )


def _escalation(several: Sequence[Escalation | None]) -> Escalation | None:
    known = [one for one in several if one is not None]
    if len(known) < len(several) or len({one.to for one in known}) > 1:
        return None
    return max(known, key=lambda one: one.after)
