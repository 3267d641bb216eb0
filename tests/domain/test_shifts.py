"""Guards the list of shifts that strangers write: read whole or not at all, and the end of a shift is outside of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from accessrequests.domain import shifts
from accessrequests.domain.shifts import InvalidSchedule, Shift

NINE, FIVE = datetime(2030, 1, 31, 9, tzinfo=UTC), datetime(2030, 1, 31, 17, tzinfo=UTC)
GOOD = {"person": "frank", "from": "2030-01-31T10:00:00+01:00", "to": "2030-01-31T17:00:00Z"}


def test_is_read_and_written_back_alike() -> None:
    read = shifts.read({"shifts": [GOOD]})

    assert read == (Shift("frank", NINE, FIVE),)
    assert shifts.read({"shifts": shifts.to_json(read)}) == read
    assert shifts.read({"shifts": []}) == ()


@pytest.mark.parametrize(("at", "people"), [(NINE, {"frank"}), (FIVE, set())])
def test_the_beginning_belongs_to_it_and_the_end_does_not(at: datetime, people: set[str]) -> None:
    assert shifts.on_call_at(shifts.read({"shifts": [GOOD]}), at) == people


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([GOOD], "no list of shifts"),
        ({"shifts": GOOD}, "no list of shifts"),
        ({"shifts": [], "more": 1}, "no list of shifts"),
        ({"shifts": [GOOD] * 1001}, "more than 1000"),
        ({"shifts": [{**GOOD, "tier": 2}]}, "nothing else"),
        ({"shifts": ["frank"]}, "nothing else"),
        ({"shifts": [{**GOOD, "person": 7}]}, "user name"),
        ({"shifts": [{**GOOD, "person": ""}]}, "user name"),
        ({"shifts": [{**GOOD, "person": "a\nb"}]}, "user name"),
        ({"shifts": [GOOD, {**GOOD, "from": "tomorrow"}]}, "number 2.*RFC 3339"),
        ({"shifts": [{**GOOD, "to": "2030-01-31T09:00:00Z"}]}, "ends before it begins"),
    ],
)
def test_anything_else_is_refused_whole(document: Any, why: str) -> None:
    with pytest.raises(InvalidSchedule, match=why):
        shifts.read(document)
