"""Writing to each other about a request: who may, for how long, and what is kept of it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Person
from accessrequests.operations import access_requests, grants
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries.asks import Invalid
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses


def comment(access_request: AccessRequest, person: Person, *, text: str = "Would staging do?") -> AccessRequest:
    return access_requests.comment(access_request_id=access_request.pk, person=person, via=Via.WEB, text=text)


class TestComment:
    def test_is_kept_with_its_text_and_told(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        traces = Traces()

        said = comment(access_request, cast.bob, text=" Would staging do?\nIt has them all. ")

        assert said.state == "pending"
        assert traces.events() == [("access_request.commented", "bob", str(access_request))]
        assert traces.facts("access_request.commented") == {"text": "Would staging do?\nIt has them all."}
        assert traces.jobs() == [("notify", str(access_request))]

    @pytest.mark.parametrize("name", ["alice", "bob", "grace", "erin"])
    def test_is_for_those_who_ask_decide_or_administer(self, cast: Cast, name: str) -> None:
        comment(make.submit(cast.alice), getattr(cast, name))

    @pytest.mark.parametrize("name", ["carol", "dave", "mallory"])
    def test_is_not_for_those_who_only_look_on(self, cast: Cast, name: str) -> None:
        access_request = make.submit(cast.alice)

        with refuses(Refused, match="You can read it"):
            comment(access_request, getattr(cast, name))

    def test_is_not_for_a_person_who_may_no_longer_sign_in(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.apply("bob", active=False)
        cast.bob.refresh_from_db()

        with refuses(Refused):
            comment(access_request, cast.bob)

    def test_stays_open_to_whoever_has_answered(self, cast: Cast) -> None:
        access_request = make.approve(make.submit(cast.alice), cast.bob)
        make.apply("bob", groups=[])

        comment(access_request, cast.bob)

    def test_ends_with_a_decision_that_gave_no_access(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        access_requests.deny(
            access_request_id=access_request.pk, approver=cast.bob, via=Via.API, revision=1, reason="Use the replica."
        )

        with refuses(IllegalMove, match="The request is denied") as caught:
            comment(access_request, cast.alice)

        assert (caught.value.person, caught.value.what) == ("bob", "denied")

    def test_ends_with_the_time_to_answer(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        clock.advance(timedelta(hours=8))
        access_requests.expire(access_request_id=access_request.pk)

        with refuses(IllegalMove, match="The request has lapsed"):
            comment(access_request, cast.alice)

    def test_ends_with_the_access(self, cast: Cast) -> None:
        grant = make.active_grant(cast.alice, cast.bob)
        comment(grant.access_request, cast.alice)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
        comment(grant.access_request, cast.bob)
        grants.mark_cut(cuts=[grants.Cut(grant.pk, {"users": 0})])
        grants.mark_revoked(grant_id=grant.pk, evidence={"users": 0}, looked_at=make.now())

        with refuses(IllegalMove, match="The access has ended"):
            comment(grant.access_request, cast.alice)

    @pytest.mark.parametrize("text", ["", " \n", "\u2800", "x" * 2001, "turn \u202e round"])
    def test_needs_a_text_that_reads_as_written(self, cast: Cast, text: str) -> None:
        access_request = make.submit(cast.alice)

        with refuses(Invalid) as caught:
            comment(access_request, cast.alice, text=text)

        assert set(caught.value.errors) == {"text"}
