"""What a policy says about an ask: a value that explains itself, and two of them as one that is at least as strict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta

from accessrequests.domain import answering as asking
from accessrequests.domain import conditions as terms
from accessrequests.domain.answering import Answering
from accessrequests.domain.approvals import Step, combined
from accessrequests.domain.conditions import Conditions
from accessrequests.domain.privileges import Level
from accessrequests.domain.tickets import Ticket
from accessrequests.domain.window import spell_duration


@dataclass(frozen=True, slots=True, order=True)
class Refusal:
    """A rule that says no, its sentence, and which part of the ask it is about where it is one."""

    rule: str
    sentence: str
    about: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the policy says about an ask. Without a maximum no rule matched, and nothing is allowed.

    `on_call`: the schedules by which the person is on call now, so that nobody else has to be asked.
    """

    allowed: bool
    automatic: bool
    level: Level
    steps: tuple[Step, ...]
    maximum: timedelta | None
    reason_minimum: int
    lapses_after: timedelta
    conditions: Conditions
    sentences: tuple[str, ...]
    rules: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    policy: str
    version: int
    default: timedelta | None = None
    total_maximum: timedelta | None = None
    tickets: tuple[Ticket, ...] = ()
    answering: Answering = field(default_factory=Answering)
    on_call: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """Of what a verdict is made, before what follows from it follows."""

    allowed: bool
    level: Level
    steps: tuple[Step, ...]
    maximum: timedelta | None
    default: timedelta | None
    total_maximum: timedelta | None
    reason_minimum: int
    tickets: Iterable[Ticket]
    lapses_after: timedelta
    answering: Answering
    on_call: Iterable[str]
    conditions: Conditions
    rules: Iterable[str]
    refusals: Iterable[Refusal]
    policy: str
    version: int


def verdict_of(parts: Parts) -> Verdict:
    """Everything that follows from the parts follows here, for one policy and for two of them alike."""
    # Who may answer in whose place, and why nobody has to, means something only where somebody has to, or nobody.
    answering = parts.answering if parts.steps else replace(parts.answering, escalate=None, fallback="")
    verdict = Verdict(
        allowed=parts.allowed,
        automatic=parts.allowed and not parts.steps,
        level=parts.level,
        steps=parts.steps,
        maximum=parts.maximum,
        default=least(parts.default, parts.maximum) if parts.default is not None else None,
        total_maximum=parts.total_maximum,
        reason_minimum=parts.reason_minimum,
        tickets=tuple(sorted(set(parts.tickets))),
        lapses_after=parts.lapses_after,
        answering=answering,
        on_call=() if parts.steps else tuple(sorted(set(parts.on_call))),
        conditions=parts.conditions,
        sentences=(),
        rules=tuple(sorted(set(parts.rules))),
        refusals=tuple(sorted(set(parts.refusals))),
        policy=parts.policy,
        version=parts.version,
    )
    return replace(verdict, sentences=tuple(_sentences(verdict)))


def stricter(pinned: Verdict, current: Verdict) -> Verdict:
    """Two verdicts on the same ask as one that is at least as strict as each; the newer version gives its name."""
    newest = max(pinned, current, key=lambda verdict: (verdict.version, verdict.policy))
    both = (pinned, current)
    return verdict_of(
        Parts(
            allowed=pinned.allowed and current.allowed,
            level=max(pinned.level, current.level),
            steps=combined(pinned.steps, current.steps),
            maximum=least(pinned.maximum, current.maximum),
            default=least(pinned.default, current.default),
            total_maximum=least(pinned.total_maximum, current.total_maximum),
            reason_minimum=max(pinned.reason_minimum, current.reason_minimum),
            tickets=(*pinned.tickets, *current.tickets),
            lapses_after=min(pinned.lapses_after, current.lapses_after),
            answering=asking.combined((verdict.answering, verdict.steps) for verdict in both),
            on_call=(*pinned.on_call, *current.on_call),
            conditions=terms.combined((pinned.conditions, current.conditions)),
            rules=(*pinned.rules, *current.rules),
            refusals=(*pinned.refusals, *current.refusals),
            policy=newest.policy,
            version=newest.version,
        )
    )


def refused(verdict: Verdict, refusal: Refusal) -> Verdict:
    """The same verdict with one more thing that stands against it, which no rule can know."""
    refusals = tuple(sorted({*verdict.refusals, refusal}))
    changed = replace(verdict, allowed=False, automatic=False, refusals=refusals)
    return replace(changed, sentences=tuple(_sentences(changed)))


def least(*lengths: timedelta | None) -> timedelta | None:
    return min((length for length in lengths if length is not None), default=None)


def characters(number: int) -> str:
    return f"{number} character{'' if number == 1 else 's'}"


def _sentences(verdict: Verdict) -> Iterable[str]:
    names = verdict.rules
    yield from (refusal.sentence for refusal in verdict.refusals)
    if names:
        applied = f"Rule {names[0]} applies" if len(names) == 1 else f"Rules {', '.join(names)} apply together"
        yield f"{applied} (policy {verdict.policy}, version {verdict.version})."
    yield from _approval_sentences(verdict)
    yield from _length_sentences(verdict)
    if verdict.reason_minimum:
        yield f"The reason needs at least {characters(verdict.reason_minimum)}."
    yield from (f"A ticket is needed that matches {ticket.said}." for ticket in verdict.tickets)
    if names:
        yield from verdict.conditions.sentences()
    if verdict.steps:
        yield f"Without an answer the request lapses after {spell_duration(verdict.lapses_after)}."


def _approval_sentences(verdict: Verdict) -> Iterable[str]:
    for step in verdict.steps:
        people = "1 person" if step.needed == 1 else f"{step.needed} different people"
        yield f"{people} of {step.group} must approve."
    if len(verdict.steps) > 1:
        yield "One person counts for one group only."
    if verdict.steps:
        yield from verdict.answering.sentences(verdict.steps)
    elif verdict.allowed and verdict.on_call:
        named = " and ".join(verdict.on_call)
        yield f"On call now ({named}), so nobody needs to approve: access is given at once."
    elif verdict.allowed:
        yield "Nobody needs to approve: access is given at once."


def _length_sentences(verdict: Verdict) -> Iterable[str]:
    maximum, total = verdict.maximum, verdict.total_maximum
    if maximum is None:
        return
    yield f"The longest time is {spell_duration(maximum)}."
    if verdict.default is not None and verdict.default < maximum:
        yield f"The suggested time is {spell_duration(verdict.default)}."
    if total is not None and total > maximum:
        yield f"With extensions it may last {spell_duration(total)} in all."
