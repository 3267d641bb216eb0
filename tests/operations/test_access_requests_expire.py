"""A request that nobody answered lapses at its time, by the right clock, once."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.operations import access_requests
from accessrequests.operations.refusals import IllegalMove
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses


class TestExpire:
    def test_ends_what_nobody_answered(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        traces = Traces()
        clock.advance(timedelta(hours=8))

        expired = access_requests.expire(access_request_id=access_request.pk)

        assert (expired.state, expired.decided_by) == ("expired", "access-requests")
        assert traces.events() == [("access_request.expired", "access-requests", str(access_request))]
        assert traces.jobs() == [("notify", str(access_request))]

    def test_takes_the_latest_clock_while_the_database_runs_behind(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        with refuses(IllegalMove, match="still open"):
            access_requests.expire(access_request_id=access_request.pk, latest=make.now() + timedelta(hours=7))

        latest = make.now() + timedelta(hours=8)
        expired = access_requests.expire(access_request_id=access_request.pk, latest=latest)

        assert expired.state == "expired"
        assert expired.decided_at is not None
        assert expired.decided_at <= make.now()

    def test_never_before_the_time_and_never_twice(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        with refuses(IllegalMove, match="still open"):
            access_requests.expire(access_request_id=access_request.pk)
        make.approve(access_request, cast.bob)
        clock.advance(timedelta(hours=9))

        with refuses(IllegalMove, match="bob was faster"):
            access_requests.expire(access_request_id=access_request.pk)
