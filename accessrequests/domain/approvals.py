"""Who fills which slot: each step needs so many distinct people of a group, and one person fills one slot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Step:
    """So many distinct people of one group must approve. `turn`: where steps are asked one after another, its place."""

    group: str
    needed: int
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Given:
    """One person's yes, and the groups that count for it: the person's own, or those of whoever lent them a voice."""

    person: str
    groups: frozenset[str]
    on_behalf_of: str = ""


def filled(steps: Sequence[Step], given: Iterable[Given]) -> Mapping[str, tuple[str, ...]]:
    """The people who fill each group's slots, as many slots as can be filled at once.

    Someone of two groups is moved to the other slot when that makes room for a person who is only in one.
    """
    slots = [step.group for step in combined(steps) for _ in range(step.needed)]
    holders: dict[int, str] = {}
    groups_of = _groups_by_person(given)
    for person in groups_of:
        _seat(person, slots, groups_of, holders, set())
    return {
        step.group: tuple(holders[slot] for slot in sorted(holders) if slots[slot] == step.group)
        for step in combined(steps)
    }


def is_complete(steps: Sequence[Step], given: Iterable[Given]) -> bool:
    """Whether every slot is filled. No steps at all is complete: nobody needs to be asked."""
    return not open_steps(steps, given)


def open_steps(steps: Sequence[Step], given: Iterable[Given]) -> tuple[Step, ...]:
    """How many people of which group are still needed."""
    taken = filled(steps, given)
    still = (replace(step, needed=step.needed - len(taken[step.group])) for step in combined(steps))
    return tuple(step for step in still if step.needed)


def asked_now(steps: Sequence[Step], given: Iterable[Given]) -> tuple[Step, ...]:
    """The open steps whose turn it is: all of them, unless they are asked one after another."""
    still = open_steps(steps, given)
    turn = min((step.turn for step in still), default=0)
    return tuple(step for step in still if step.turn == turn)


def slot_for(steps: Sequence[Step], given: Iterable[Given], candidate: Given) -> str | None:
    """The group that the candidate's approval would count for, or None when it would add nothing, or nothing yet.

    A lent voice is the voice of whoever lent it: who has spoken, by themselves or through another, has spoken once.
    """
    before = tuple(given)
    if not is_unheard(candidate, before):
        return None
    turn = max((step.turn for step in asked_now(steps, before)), default=0)
    reached = [step for step in combined(steps) if step.turn <= turn]
    for group, people in filled(reached, (*before, candidate)).items():
        if candidate.person in people:
            return group
    return None


def is_unheard(candidate: Given, given: Iterable[Given]) -> bool:
    """Whether neither the candidate nor whoever lent them the voice has spoken, in person or through another."""
    return not _voices([candidate]) & _voices(given)


def first_slot(steps: Sequence[Step], given: Iterable[Given], candidates: Iterable[Given]) -> tuple[Given, str] | None:
    """The first of somebody's voices that counts, with its group; their own stands before those that they were lent."""
    before = tuple(given)
    for candidate in candidates:
        group = slot_for(steps, before, candidate)
        if group is not None:
            return candidate, group
    return None


def groups_wanted(steps: Sequence[Step], given: Iterable[Given]) -> tuple[str, ...]:
    """The groups of which one more person would still fill a slot."""
    before = tuple(given)
    nobody = ""  # no user name, so that the one who is tried is nobody who has answered
    return tuple(
        step.group
        for step in combined(steps)
        if slot_for(steps, before, candidate=Given(nobody, frozenset({step.group}))) is not None
    )


def standing_in(voices: frozenset[str], *, stand_ins: Iterable[str], steps: Iterable[Step]) -> frozenset[str]:
    """The groups that count for somebody: whoever belongs to one that stands in may answer any step."""
    return voices | {step.group for step in steps} if voices & frozenset(stand_ins) else voices


def combined(*several: Iterable[Step]) -> tuple[Step, ...]:
    """The union of steps: each group once, with the most people and the latest turn that any of them gives it."""
    union: dict[str, Step] = {}
    for steps in several:
        for step in steps:
            known = union.get(step.group, step)
            union[step.group] = Step(step.group, max(step.needed, known.needed), max(step.turn, known.turn))
    return tuple(sorted(union.values(), key=lambda step: (step.turn, step.group)))


def _voices(given: Iterable[Given]) -> frozenset[str]:
    return frozenset(name for one in given for name in (one.person, one.on_behalf_of) if name)


def _groups_by_person(given: Iterable[Given]) -> dict[str, frozenset[str]]:
    """One human is one person, however many hats; the order of the approvals is kept."""
    groups_of: dict[str, frozenset[str]] = {}
    for one in given:
        groups_of[one.person] = groups_of.get(one.person, frozenset()) | one.groups
    return groups_of


def _seat(
    person: str, slots: Sequence[str], groups_of: Mapping[str, frozenset[str]], holders: dict[int, str], tried: set[int]
) -> bool:
    """Find the person a slot, asking those who sit to move when they can: an augmenting path of bipartite matching."""
    for slot, group in enumerate(slots):
        if group not in groups_of[person] or slot in tried:
            continue
        tried.add(slot)
        if slot not in holders or _seat(holders[slot], slots, groups_of, holders, tried):
            holders[slot] = person
            return True
    return False
