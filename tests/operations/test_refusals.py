"""Refusals worth keeping are kept in a transaction of their own, and nobody can flood the trail with them."""

from __future__ import annotations

from accessrequests.domain.events import Actor, Event, Via
from accessrequests.models import AuditEvent
from accessrequests.operations.refusals import RECORDED_A_MINUTE, NotYours, Refused, record_refusal
from accessrequests.queries import people
from tests import make
from tests.make import Cast
from tests.traces import Traces, leaves_nothing

WORTH = Refused("Not yours.", event=Event.GRANT_REFUSED, subject="grant/1")


class TestRecordRefusal:
    def test_keeps_what_is_worth_keeping(self, cast: Cast) -> None:
        traces = Traces()

        record_refusal(refused=WORTH, actor=people.actor_of(cast.mallory, Via.API))

        assert traces.events() == [("grant.refused", "mallory", "grant/1")]
        assert traces.facts("grant.refused") == {"why": "Not yours."}

    def test_leaves_the_others_alone(self, cast: Cast) -> None:
        with leaves_nothing():
            record_refusal(refused=Refused("Too long.", rule="r"), actor=people.actor_of(cast.mallory, Via.API))

    def test_stops_at_so_many_a_minute_and_person(self, cast: Cast) -> None:
        for _ in range(RECORDED_A_MINUTE + 5):
            record_refusal(refused=WORTH, actor=people.actor_of(cast.mallory, Via.API))
        record_refusal(refused=WORTH, actor=Actor(name="os:root", via=Via.COMMAND))

        refused = AuditEvent.objects.filter(event="grant.refused")
        assert refused.filter(actor="mallory").count() == RECORDED_A_MINUTE
        assert refused.filter(actor="os:root").count() == 1


class TestNotYours:
    def test_is_kept_as_a_refusal_of_what_is_there(self, cast: Cast) -> None:
        asked, grant = make.submit(cast.alice), make.approved_grant(cast.alice, cast.bob)

        refused = [NotYours(asked).refused, NotYours(grant, "Somebody reached for it.").refused]

        assert [(one.event, one.subject) for one in refused] == [
            ("access_request.refused", str(asked)),
            ("grant.refused", str(grant)),
        ]
        assert str(refused[1]) == "Somebody reached for it."
