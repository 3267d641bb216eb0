"""Changes of custom roles that nobody answers, or that became void: each ends once, and no answer counts after it."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain.events import Via
from accessrequests.operations import custom_roles
from accessrequests.operations.refusals import IllegalMove
from tests import make, roles
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses


class TestExpire:
    def test_ends_what_nobody_answered_in_time(self, cast: Cast, clock: MovableClock) -> None:
        roles.project()
        change, traces = roles.propose(cast.alice), Traces()
        assert change.lapses_at == change.proposed_at + timedelta(hours=8)
        clock.advance(timedelta(hours=8) - timedelta(seconds=1))
        with refuses(IllegalMove, match="its time is not over"):
            custom_roles.expire(change_id=change.pk)

        custom_roles.expire(change_id=change.pk, latest=change.lapses_at)

        change.refresh_from_db()
        assert (change.state, change.decided_by) == ("expired", "access-requests")
        assert traces.events() == [("custom_role.expired", "access-requests", str(change))]
        assert traces.jobs() == [("notify", str(change))]
        with refuses(IllegalMove, match="Nobody answered in time"):
            roles.approve(change, cast.bob)
        with refuses(IllegalMove, match="Nobody answered in time"):
            custom_roles.expire(change_id=change.pk)
        assert roles.propose(cast.bob).state == "pending", "The way is free again."

    def test_no_answer_counts_after_the_end_that_has_not_been_told_yet(self, cast: Cast, clock: MovableClock) -> None:
        roles.project()
        change = roles.propose(cast.alice)
        clock.advance(timedelta(hours=8))

        with refuses(IllegalMove, match="Nobody answered in time") as caught:
            roles.approve(change, cast.bob)
        assert (caught.value.what, caught.value.at) == ("lapsed", change.lapses_at)
        with refuses(IllegalMove, match="Nobody answered in time"):
            custom_roles.cancel(change_id=change.pk, person=cast.alice, via=Via.API)

    def test_a_shorter_wait_of_today_counts(self, cast: Cast, clock: MovableClock) -> None:
        roles.project()
        roles.publish(roles.rule("one", lapses_after="P1D"))
        change = roles.propose(cast.alice)
        assert change.lapses_at == change.proposed_at + timedelta(days=1)
        roles.publish(roles.rule("one", lapses_after="PT1H"))
        clock.advance(timedelta(hours=1))

        with refuses(IllegalMove, match="Nobody answered in time"):
            roles.approve(change, cast.bob)

    def test_what_is_void_says_why(self, cast: Cast) -> None:
        roles.project()
        change = roles.propose(cast.alice)
        make.apply("alice", groups=["auditors"])

        change.refresh_from_db()
        assert change.state == "cancelled"
        with refuses(IllegalMove, match="It is void: .*alice is not one of them"):
            roles.approve(change, cast.bob)
