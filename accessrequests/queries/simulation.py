"""What a draft would have said to the requests of the last days, beside what the policy in force says to them now.

Both are judged with the people, groups and environments of today, so that only the policies differ. Who was on call
then is not known any more: nobody counts as being so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from accessrequests.domain.policy import Ask, Rules, Verdict, evaluate, stricter
from accessrequests.models import AccessRequest, Membership
from accessrequests.queries.ask_facts import ask_of

CHUNK = 250
MOST_SHOWN = 200
LONGEST_DAYS = 366
MOST_AT_ONCE = 2_000  # for whoever waits for the answer, and for what it costs all others meanwhile


@dataclass(frozen=True, slots=True)
class Changed:
    """One request that would be answered otherwise. `kind`: refused, allowed, asks more, asks less, or otherwise."""

    access_request: AccessRequest
    kind: str
    before: str
    after: str
    why: str


@dataclass(slots=True)
class Simulation:
    """How far a replay is, and what it found. `changed` holds the newest; `kinds` counts all of them.

    `left_out`: the oldest, which were too many to be judged.
    """

    total: int
    left_out: int = 0
    done: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    changed: list[Changed] = field(default_factory=list)

    @property
    def counted(self) -> list[tuple[str, int]]:
        return sorted(self.kinds.items())

    @property
    def same(self) -> int:
        return self.done - sum(self.kinds.values())

    @property
    def left_out_words(self) -> str:
        """What is said of those that were too many; empty when there were none."""
        if not self.left_out:
            return ""
        older = "1 older one was" if self.left_out == 1 else f"{self.left_out} older ones were"
        return f"Only the newest {MOST_AT_ONCE} are judged. {older} left out: look back over fewer days."


def simulate(*, in_force: Rules, draft: Rules, since: datetime) -> Iterator[Simulation]:
    """Replay, newest first and no more than `MOST_AT_ONCE`; each step is the same object, further on. The last one is the whole."""
    judged = AccessRequest.objects.filter(filed_at__gte=since, is_break_glass=False)  # who broke the glass asked nobody
    there = judged.count()
    total = min(there, MOST_AT_ONCE)
    found = Simulation(total=total, left_out=there - total)
    groups = _groups()
    rows = judged.select_related("target", "requester", "beneficiary").order_by("-pk")
    known: dict[tuple[int, Ask], Verdict] = {}
    for row in rows[:total].iterator(chunk_size=CHUNK):
        people = {person.username: groups.get(person.pk, frozenset()) for person in (row.requester, row.beneficiary)}
        now, then = (_verdict(number, rules, row, people, known) for number, rules in enumerate((in_force, draft)))
        found.done += 1
        kind = difference(now, then)
        if kind:
            found.kinds[kind] += 1
            if len(found.changed) < MOST_SHOWN:
                found.changed.append(Changed(row, kind, said(now), said(then), _why(now, then)))
        if found.done % CHUNK == 0:
            yield found
    yield found


def run(
    *,
    in_force: Rules,
    draft: Rules,
    since: datetime,
    progress: Callable[[Simulation], object],
) -> Simulation:
    """The whole of it, telling how far it is on the way."""
    found = Simulation(total=0)
    for found in simulate(in_force=in_force, draft=draft, since=since):
        progress(found)
    return found


def since_days(days: int, *, at: datetime) -> datetime:
    return at - timedelta(days=days)


def difference(now: Verdict, then: Verdict) -> str:
    """What would be otherwise for the person who asks; empty when nothing would."""
    if now.allowed != then.allowed:
        return "allowed" if then.allowed else "refused"
    if not now.allowed:
        return ""
    before, after = ({step.group: step.needed for step in verdict.steps} for verdict in (now, then))
    more = any(needed > before.get(group, 0) for group, needed in after.items())
    less = any(needed > after.get(group, 0) for group, needed in before.items())
    if more or less:
        return "otherwise" if more and less else "asks more" if more else "asks less"
    return ""


def said(verdict: Verdict) -> str:
    """The verdict in a few words."""
    if not verdict.allowed:
        return "refused"
    return " and ".join(f"{step.needed} of {step.group}" for step in verdict.steps) or "at once"


def _groups() -> Mapping[int, frozenset[str]]:
    """Everybody's groups of today, in one question."""
    held: dict[int, set[str]] = {}
    current = Membership.objects.current().filter(person__is_active=True)
    for person_id, group in current.values_list("person_id", "group__name"):
        held.setdefault(person_id, set()).add(group)
    return {person_id: frozenset(names) for person_id, names in held.items()}


def _verdict(
    number: int,
    rules: Rules,
    row: AccessRequest,
    people: Mapping[str, frozenset[str]],
    known: dict[tuple[int, Ask], Verdict],
) -> Verdict:
    """As it is judged when it is filed: for everybody who would gain by it; the same ask is judged once."""
    verdicts = []
    for person, groups in people.items():
        ask = ask_of(row, person=person, groups=groups, as_filed=True)
        if (number, ask) not in known:
            known[number, ask] = evaluate(rules, ask, version=number + 1)
        verdicts.append(known[number, ask])
    verdict = verdicts[0]
    for other in verdicts[1:]:
        verdict = stricter(verdict, other)
    return verdict


def _why(now: Verdict, then: Verdict) -> str:
    if not then.allowed:
        return then.refusals[0].sentence
    if not now.allowed:
        return f"It no longer holds that: {now.refusals[0].sentence}"
    return f"Rules of the draft that apply: {', '.join(then.rules)}."
