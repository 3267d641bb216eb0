"""Hurrying an end: an administrator brings the next try forward, and nothing that is not overdue is touched."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, OutboxMessage
from accessrequests.operations import grants
from accessrequests.operations.refusals import IllegalMove, NotReady, Refused
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.operations.attempts import ended_for
from tests.traces import Traces, refuses


def hurry(grant: Grant, cast: Cast, *, name: str = "erin") -> None:
    grants.hurry(grant_id=grant.pk, person=getattr(cast, name), via=Via.WEB)


class TestHurry:
    def test_brings_the_next_try_of_an_end_forward(self, cast: Cast, active: Grant, clock: MovableClock) -> None:
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.WEB)
        waiting = OutboxMessage.objects.filter(job=Job.REVOKE.value, subject=str(active))
        before = waiting.get().ready_at
        waiting.update(ready_at=before + timedelta(minutes=1), sent_at=before)
        traces = Traces()

        hurry(active, cast)

        message = waiting.get()
        assert message.ready_at < before + timedelta(minutes=1)
        assert message.sent_at is None
        assert traces.events() == [("grant.revocation_hurried", "erin", str(active))]
        assert traces.jobs() == []

    def test_begins_an_end_that_was_never_begun(self, cast: Cast, active: Grant, clock: MovableClock) -> None:
        clock.advance(timedelta(days=1))
        traces = Traces()

        hurry(active, cast)

        assert ended_for(active) == ("revoking", "expiry")
        events = [event for event, _, _ in traces.events()]
        assert events[:2] == ["grant.revocation_hurried", "grant.revocation_started"]
        assert traces.jobs() == [("revoke", str(active))]

    def test_refuses_what_is_not_over(self, cast: Cast, active: Grant) -> None:
        with refuses(NotReady, match="revoke it on its own page"):
            hurry(active, cast)

    def test_refuses_what_the_target_has_confirmed(self, cast: Cast, active: Grant) -> None:
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.WEB)
        grants.mark_cut(cuts=[grants.Cut(active.pk, {})])

        with refuses(IllegalMove, match="the target has confirmed it") as caught:
            hurry(active, cast)
        assert (caught.value.person, caught.value.what) == ("access-requests", "cut")

    @pytest.mark.parametrize("name", ["alice", "bob", "dave", "mallory"])
    def test_is_for_administrators(self, cast: Cast, active: Grant, name: str) -> None:
        with refuses(Refused) as caught:
            hurry(active, cast, name=name)
        assert (caught.value.event, caught.value.subject) == ("grant.refused", str(active))

    def test_tells_others_nothing_of_which_numbers_there_are(self, cast: Cast, active: Grant) -> None:
        with refuses(Refused) as there:
            hurry(active, cast, name="mallory")
        with refuses(Refused) as nowhere:
            grants.hurry(grant_id=active.pk + 1000, person=cast.mallory, via=Via.WEB)
        assert str(there.value) == str(nowhere.value)
