"""Who is on call when: a list of shifts, read as the text of strangers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain.window import InvalidMoment, format_moment, parse_moment

MOST_SHIFTS = 1_000
LONGEST_NAME = 64
_FORM = 'Write {"shifts": [{"person": "frank", "from": "2030-01-31T09:00:00Z", "to": "2030-01-31T17:00:00Z"}]}.'


class InvalidSchedule(ValueError):
    """It is no list of shifts. The message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Shift:
    """One person, by user name, from a moment on; the end does not belong to it."""

    person: str
    starts_at: datetime
    ends_at: datetime


def read(document: object) -> tuple[Shift, ...]:
    """From the plain values of a document. One shift that cannot be read makes all of it unreadable.

    :raises InvalidSchedule: with what is wrong.
    """
    entries = document.get("shifts") if isinstance(document, Mapping) and set(document) == {"shifts"} else None
    if not isinstance(entries, list):
        raise InvalidSchedule(f"It is no list of shifts. {_FORM}")
    if len(entries) > MOST_SHIFTS:
        raise InvalidSchedule(f"It has more than {MOST_SHIFTS} shifts. List those of the next weeks.")
    return tuple(_shift(entry, number) for number, entry in enumerate(entries, start=1))


def to_json(shifts: Iterable[Shift]) -> list[dict[str, str]]:
    return [
        {"person": one.person, "from": format_moment(one.starts_at), "to": format_moment(one.ends_at)} for one in shifts
    ]


def on_call_at(shifts: Iterable[Shift], at: datetime) -> frozenset[str]:
    """The people whose shift it is now, by user name."""
    return frozenset(one.person for one in shifts if one.starts_at <= at < one.ends_at)


def _shift(entry: object, number: int) -> Shift:
    if not isinstance(entry, Mapping) or set(entry) != {"person", "from", "to"}:
        raise InvalidSchedule(f"Shift number {number} must have person, from and to, and nothing else. {_FORM}")
    person = entry["person"]
    if not isinstance(person, str) or not person.isprintable() or not 0 < len(person) <= LONGEST_NAME:
        raise InvalidSchedule(f"Shift number {number}: the person must be a user name, like frank.")
    try:
        starts_at, ends_at = parse_moment(entry["from"]), parse_moment(entry["to"])
    except InvalidMoment as error:
        raise InvalidSchedule(f"Shift number {number}: {error}") from error
    if ends_at <= starts_at:
        raise InvalidSchedule(f"Shift number {number} ends before it begins.")
    return Shift(person, starts_at, ends_at)
