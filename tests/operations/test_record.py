"""Sealing: what is hashed when an event is written is what is read back later, whatever the facts hold."""

from __future__ import annotations

from typing import Any

import pytest

from accessrequests.domain.events import Event
from accessrequests.models import AuditEvent
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.queries import audit
from tests import make
from tests.make import Cast


class TestSeal:
    @pytest.mark.parametrize(
        "facts",
        [
            {"big": 1e16, "bigger": 1e300, "zero": -0.0, "one": 1.0, "small": 1e-7, "third": 1 / 3},
            {"keys": {1: "a", 10: "b", 2: "c"}},
            {"lists": (1, [2, (3,)])},
            {"words": 'ü \u2028 \U0001f600 \\ " \t', "none": None, "yes": True, "many": 2**70},
            {"é": 1, "e\u0301": 2, "Z": 3, "a": 4},
        ],
    )
    def test_survives_the_table(self, cast: Cast, facts: dict[str, Any]) -> None:
        record(Fact(Event.GRANT_CUT, "grant/1", {"evidence": facts}), actor=CLOCKWORK, at=make.now())

        assert audit.verify().ok

    def test_numbers_without_gaps_and_follows_the_one_before(self, cast: Cast) -> None:
        record(Fact(Event.GRANT_CUT, "grant/1"), Fact(Event.GRANT_REVOKED, "grant/1"), actor=CLOCKWORK, at=make.now())

        events = list(AuditEvent.objects.order_by("sequence"))
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert [event.previous for event in events[1:]] == [event.hash for event in events[:-1]]
