"""Who is asked, and when again: in turn, in somebody's place, and after a while once more."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accessrequests.domain import policy
from accessrequests.models import AccessRequest, Grant
from accessrequests.operations import reminders
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries.access_requests import waiting_for
from accessrequests.queries.belonging import belonging_of
from accessrequests.queries.deciding import why_not_decide
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses

QUARTER = timedelta(minutes=15)
TWO_STEPS = [{"group": "data-owners", "people": 1}, {"group": "security", "people": 1}]


def publish(**changes: Any) -> None:
    make.publish_rules(make.rule("asked", **changes))


def look_again(access_request: AccessRequest) -> AccessRequest:
    return reminders.look_again(access_request_id=access_request.pk)


class TestInTurn:
    def test_asks_the_next_group_once_the_first_has_answered(self, cast: Cast) -> None:
        publish(approvals=TWO_STEPS, in_sequence=True)
        access_request = make.submit(cast.alice)
        assert (access_request.step_groups, access_request.wanted_groups) == (
            ["data-owners", "security"],
            ["data-owners"],
        )
        assert not waiting_for(belonging_of(cast.carol)).exists()
        traces = Traces()

        make.approve(access_request, cast.bob)

        assert waiting_for(belonging_of(cast.carol)).get() == access_request
        assert traces.facts("access_request.asked") == {"groups": ["security"], "why": "it is their turn"}
        make.approve(access_request, cast.carol)
        assert Grant.objects.exists()

    def test_a_new_version_asks_nobody_before_their_turn(self, cast: Cast) -> None:
        publish(approvals=TWO_STEPS, in_sequence=True)
        access_request = make.submit(cast.alice)
        more = [*TWO_STEPS, {"group": "administrators", "people": 1}]
        publish(approvals=more, in_sequence=True)

        access_request.refresh_from_db()
        assert access_request.step_groups == ["administrators", "data-owners", "security"]
        assert access_request.wanted_groups == ["data-owners"]
        make.approve(access_request, cast.bob)
        publish(approvals=TWO_STEPS, in_sequence=True)
        access_request.refresh_from_db()
        assert access_request.wanted_groups == ["security"], "what was given counts on"

    def test_refuses_who_comes_too_early_and_says_who_is_first(self, cast: Cast) -> None:
        publish(approvals=TWO_STEPS, in_sequence=True)
        access_request = make.submit(cast.alice)

        with refuses(Refused, match="It is not your turn yet. It waits for 1 person of data-owners first."):
            make.approve(access_request, cast.carol)
        verdict = policy.from_json(access_request.verdict)
        told = why_not_decide(belonging_of(cast.carol), access_request, verdict, at=make.now())
        assert told.startswith("It is not your turn yet.")


class TestFallback:
    def test_asks_another_group_where_nobody_of_the_first_could_answer(self, cast: Cast) -> None:
        publish(approvals=[{"group": "data-owners", "people": 2}], fallback="security")

        access_request = make.submit(cast.bob)

        assert (access_request.stand_ins, access_request.wanted_groups) == (["security"], ["data-owners", "security"])
        make.approve(access_request, cast.carol)
        assert not Grant.objects.exists()
        make.approve(access_request, cast.grace)
        assert Grant.objects.get().access_request == access_request

    def test_asks_nobody_else_where_there_are_people_enough(self, cast: Cast) -> None:
        publish(fallback="security")
        access_request = make.submit(cast.alice)

        assert access_request.stand_ins == []
        with refuses(Refused, match="decided by data-owners"):
            make.approve(access_request, cast.carol)

    def test_counts_whoever_answered_and_left_since(self, cast: Cast, clock: MovableClock) -> None:
        publish(approvals=[{"group": "data-owners", "people": 2}], fallback="security")
        access_request = make.submit(cast.alice)
        make.approve(access_request, cast.bob)
        make.apply("bob", groups=["engineering"])
        clock.advance(QUARTER)

        assert look_again(access_request).stand_ins == [], "grace can still give the other one"

    def test_ends_with_a_policy_that_no_longer_says_so(self, cast: Cast) -> None:
        publish(approvals=[{"group": "data-owners", "people": 2}], fallback="security")
        access_request = make.submit(cast.bob)
        publish(approvals=[{"group": "data-owners", "people": 2}])

        with refuses(Refused):
            make.approve(access_request, cast.carol)


class TestReminders:
    def test_come_after_a_quarter_and_then_after_twice_as_long_each_time(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        found = []

        for _ in range(3):
            due_at = access_request.look_again_at
            assert due_at is not None
            found.append(due_at - access_request.filed_at)
            clock.advance(due_at - make.now())
            access_request = look_again(access_request)

        assert found == [QUARTER, QUARTER * 3, QUARTER * 7]
        assert access_request.reminders == 3

    def test_ask_those_who_have_not_answered(self, cast: Cast, clock: MovableClock) -> None:
        publish(approvals=TWO_STEPS)
        access_request = make.submit(cast.alice)
        make.approve(access_request, cast.bob)
        clock.advance(QUARTER)
        traces = Traces()

        look_again(access_request)

        assert traces.events() == [("access_request.asked", "access-requests", str(access_request))]
        assert traces.facts("access_request.asked") == {"groups": ["security"], "why": "nobody has answered yet"}
        assert traces.jobs() == [("notify", str(access_request))]

    def test_are_for_what_waits_and_when_it_is_time(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        with refuses(IllegalMove):
            look_again(access_request)
        make.approve(access_request, cast.bob)
        clock.advance(QUARTER)

        with refuses(IllegalMove):
            look_again(access_request)

    def test_wait_while_nobody_could_approve_it_and_go_on_when_somebody_can(
        self, cast: Cast, clock: MovableClock
    ) -> None:
        access_request = make.submit(cast.alice)
        publish(maximum="PT1M")
        clock.advance(QUARTER)
        traces = Traces()

        waiting = look_again(access_request)

        assert traces.events() == []
        assert waiting.look_again_at is not None
        assert QUARTER * 2 <= waiting.look_again_at - access_request.filed_at < QUARTER * 3
        publish()
        clock.advance(QUARTER + timedelta(seconds=1))
        assert look_again(access_request).reminders == 1
        assert traces.facts("access_request.asked")["why"] == "nobody has answered yet"

    def test_that_were_missed_are_not_made_up_for(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        clock.advance(QUARTER * 8)

        reminded = look_again(access_request)

        assert reminded.reminders == 3
        assert reminded.look_again_at == access_request.filed_at + QUARTER * 15

    def test_find_out_that_nobody_is_left_who_could_answer(self, cast: Cast, clock: MovableClock) -> None:
        publish(fallback="security")
        access_request = make.submit(cast.alice)
        make.apply("bob", groups=["engineering"])
        make.apply("grace", groups=["engineering"])
        clock.advance(QUARTER)
        traces = Traces()

        look_again(access_request)

        assert traces.facts("access_request.asked")["why"] == "nobody else can answer"
        make.approve(access_request, cast.carol)
        assert Grant.objects.exists()


class TestEscalation:
    ESCALATE = {"after": "PT1H", "to": "security"}

    def test_lets_one_group_more_answer_after_its_time(self, cast: Cast, clock: MovableClock) -> None:
        publish(escalate=self.ESCALATE, remind_after="PT4H")
        access_request = make.submit(cast.alice)
        with pytest.raises(Refused):
            make.approve(access_request, cast.carol)
        clock.advance(timedelta(hours=1))
        traces = Traces()

        escalated = look_again(access_request)

        assert (escalated.stand_ins, escalated.reminders) == (["security"], 0)
        assert traces.facts("access_request.asked") == {
            "groups": ["data-owners", "security"],
            "why": "nobody answered in time",
        }
        assert waiting_for(belonging_of(cast.carol)).get() == escalated
        make.approve(escalated, cast.carol)
        assert Grant.objects.get().access_request == escalated

    def test_goes_on_reminding_meanwhile(self, cast: Cast, clock: MovableClock) -> None:
        publish(escalate=self.ESCALATE)
        access_request = make.submit(cast.alice)
        clock.advance(QUARTER)

        reminded = look_again(access_request)

        assert (reminded.stand_ins, reminded.reminders) == ([], 1)

    def test_gives_nobody_a_voice_in_their_own(self, cast: Cast, clock: MovableClock) -> None:
        publish(escalate={"after": "PT1H", "to": "engineering"}, remind_after="PT4H")
        access_request = make.submit(cast.alice, grantee="frank")
        clock.advance(timedelta(hours=1))
        look_again(access_request)

        for person in (cast.alice, cast.frank):
            with refuses(Refused, match="Nobody decides on access that they ask for"):
                make.approve(access_request, person)
