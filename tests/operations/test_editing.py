"""Changing a request: what it becomes, whose answers are void, and who is asked again."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.operations import access_requests
from accessrequests.operations.refusals import IllegalMove, Refused, StaleRevision
from accessrequests.queries.access_requests import waiting_for
from accessrequests.queries.asks import Invalid
from accessrequests.queries.belonging import belonging_of
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses

WRITE = {"roles": ("readWrite@shop",), "duration": timedelta(hours=2)}


def edit(access_request: AccessRequest, requester: Person, **changes: Any) -> AccessRequest:
    return access_requests.edit(
        access_request_id=access_request.pk,
        requester=requester,
        via=Via.API,
        revision=access_request.revision,
        changes=changes,
    )


class TestEdit:
    def test_puts_another_ask_in_the_place_of_the_first_and_makes_answers_void(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, **WRITE)
        make.approve(access_request, cast.bob, duration=timedelta(hours=1))
        traces = Traces()

        edited = edit(access_request, cast.alice, roles=("readWrite@shop.orders",), reason="Only orders are needed.")

        edited.refresh_from_db()
        assert (edited.revision, edited.roles, edited.approved_duration) == (2, ["readWrite@shop.orders"], None)
        assert edited.wanted_groups == ["data-owners", "security"]
        assert edited.lapses_at == access_request.lapses_at
        assert list(edited.privileges) == ["readWrite@shop.orders"]
        assert traces.events() == [("access_request.edited", "alice", str(edited))]
        assert traces.facts("access_request.edited")["changed"] == {
            "roles": {"from": ["readWrite@shop"], "to": ["readWrite@shop.orders"]},
            "reason": {"from": access_request.reason, "to": "Only orders are needed."},
        }
        assert traces.jobs() == [("notify", str(edited))]

    def test_asks_those_again_who_answered_before_and_counts_nobody_twice(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, **WRITE)
        make.approve(access_request, cast.bob)
        assert not waiting_for(belonging_of(cast.bob)).exists()

        edited = edit(access_request, cast.alice, reason="Only orders are needed.")

        assert waiting_for(belonging_of(cast.bob)).get() == edited
        make.approve(edited, cast.carol)
        assert AccessRequest.objects.get().state == "pending"
        make.approve(edited, cast.bob)
        assert AccessRequest.objects.get().state == "approved"

    def test_refuses_an_answer_to_what_was_asked_before(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        edit(access_request, cast.alice, duration=timedelta(hours=8))

        with refuses(StaleRevision, match="Read revision 2"):
            make.approve(access_request, cast.bob)

    def test_is_approved_at_once_where_the_policy_asks_nobody_about_less(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, target="shop-staging", **WRITE)
        traces = Traces()

        edit(access_request, cast.alice, roles=("read@shop",))

        assert Grant.objects.get().access_request == access_request
        assert [event for event, _, _ in traces.events()] == ["access_request.edited", "access_request.approved"]
        assert traces.facts("access_request.approved")["by"] == "policy"

    def test_starts_at_once_when_its_start_has_passed(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice, starts_at=make.now() + timedelta(hours=1))
        clock.advance(timedelta(hours=2))

        edited = edit(access_request, cast.alice, reason="It can be done now.")

        assert edited.starts_at is None

    def test_is_for_the_requester_alone(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, grantee="frank")

        for person in (cast.bob, cast.erin, cast.frank):
            with refuses(Refused, match="Only the person who asked"):
                edit(access_request, person, reason="Somebody else's words.")

    def test_keeps_to_the_policy_and_to_what_is_there(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        with refuses(Refused, match="at most 8 hours"):
            edit(access_request, cast.alice, duration=timedelta(hours=9))
        with refuses(Invalid, match="nothing"):
            edit(access_request, cast.alice, roles=("read@shop.nothing",))
        with refuses(Invalid, match="Nothing would be different"):
            edit(access_request, cast.alice, reason=access_request.reason)

    def test_is_over_with_the_decision(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        access_requests.deny(
            access_request_id=access_request.pk, approver=cast.bob, via=Via.API, revision=1, reason="Use the replica."
        )

        with refuses(IllegalMove, match="bob was faster"):
            edit(access_request, cast.alice, reason="A better reason than before.")
