"""The alarm of clocks that differ says whose clock it is, by how much, and which of the two is ahead."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.operations import clocks
from tests.make import Cast
from tests.traces import Traces


class TestRecordSkew:
    @pytest.mark.parametrize(("ahead", "milliseconds"), [(2.5, 2_500), (-0.75, -750)])
    def test_says_who_and_by_how_much(self, cast: Cast, ahead: float, milliseconds: int) -> None:
        traces = Traces()

        clocks.record_skew(who="worker", ahead=timedelta(seconds=ahead))

        assert traces.events() == [("clock.skewed", "access-requests", "clock/database")]
        assert traces.facts("clock.skewed") == {"who": "worker", "milliseconds": milliseconds}
