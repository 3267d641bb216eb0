"""Guards more time over REST: a client at work notices nothing of it, until the last end, which the cap sets."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.journeys.steady import TIMES, Steady
from tests.journeys.world import World


class TestMoreTime:
    @pytest.mark.slow
    def test_a_client_works_across_three_extensions_and_is_cut_at_the_last_end(
        self, world: World, steady: Steady
    ) -> None:
        steady.finish()

        first, last = steady.ends[0], steady.ends[-1]
        assert [end - first for end in steady.ends] == [timedelta(seconds=5 * number) for number in range(TIMES + 1)]
        assert steady.fourth["code"] == "refused", steady.fourth
        assert "1 minute 40 seconds" in steady.fourth["detail"], steady.fourth
        assert steady.refused_at is not None
        assert steady.refused_at >= last, "It saw no failure before its last end."
        assert steady.answered_at[-1] > first, "It worked past the end that it had at first."
        assert world.await_grant(steady.access, "revoked")["reason"] == "expiry"
        assert world.events(steady.access).count("grant.extended") == TIMES
        assert world.traces(steady.access) == []
