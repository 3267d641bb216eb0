"""Who is on call gets at once what a rule names, now and at no other time; by a schedule that is too old, nobody does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.shifts import Shift
from accessrequests.models import AccessRequest, AuditEvent, Grant, Person, Schedule
from accessrequests.operations import extensions, grants, schedules
from accessrequests.queries import asks, on_call
from accessrequests.queries import extensions as extension_queries
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, leaves_nothing

HOUR = timedelta(hours=1)
GOOD_FOR = timedelta(minutes=15)


@pytest.fixture(autouse=True)
def policy(cast: Cast) -> None:
    waived = {"schedule": "primary", "roles": ["read@shop.orders"], "maximum": "PT2H"}
    make.publish_rules(make.rule("production", on_call=waived))


def shift(person: str = "frank", *, begins: timedelta = -HOUR, length: timedelta = 9 * HOUR) -> Shift:
    at: datetime = make.now() + begins
    return Shift(person, at, at + length)


def read(*shifts: Shift) -> None:
    schedules.record_shifts(name="primary", shifts=shifts, good_for=GOOD_FOR)


def state_of(person: Person, **changes: Any) -> str:
    return str(make.submit(person, **changes).state)


def said(person: Person) -> str:
    return " ".join(asks.consider(requester=person, asked=make.asked(), at=make.now()).verdict.sentences)


def test_the_person_on_call_waits_for_nobody_and_the_trail_says_by_what(cast: Cast) -> None:
    read(shift())
    traces = Traces()

    request = make.submit(cast.frank)

    assert (request.state, request.decided_by) == ("approved", "policy")
    assert ("access_request.approved", "access-requests", str(request)) in traces.events()
    assert traces.facts("access_request.approved")["on_call"] == "primary"
    assert request.verdict["on_call"] == ["primary"]
    assert "On call now (primary)" in said(cast.frank)


def test_nobody_else_and_nothing_else(cast: Cast) -> None:
    """Not those of the same group, nor who comes next, nor another role, nor longer, nor for somebody else."""
    read(shift(), shift("bob", begins=HOUR), shift("grace", begins=-10 * HOUR))

    assert [state_of(one) for one in (cast.alice, cast.bob, cast.grace)] == ["pending"] * 3
    assert state_of(cast.frank, roles=("read@shop.orders", "read@shop.customers")) == "pending"
    assert state_of(cast.frank, roles=("readWrite@shop.orders",)) == "pending"
    assert state_of(cast.frank, duration=3 * HOUR) == "pending"
    assert state_of(cast.frank, grantee="alice") == "pending"
    assert state_of(cast.alice, grantee="frank") == "pending"


def test_by_a_schedule_that_is_too_old_nobody_is_on_call(cast: Cast, clock: MovableClock) -> None:
    assert "No worker has read the on-call schedule primary" in said(cast.frank)
    read(shift())
    assert state_of(cast.frank) == "approved"
    clock.advance(GOOD_FOR)

    assert state_of(cast.frank) == "pending"
    assert "was last read at" in said(cast.frank)
    assert "counts for 15 minutes only: nobody is on call by it." in said(cast.frank)
    read(shift())
    assert state_of(cast.frank) == "approved"


def test_it_is_looked_at_again_before_the_access_opens(cast: Cast, clock: MovableClock) -> None:
    read(shift(length=HOUR + timedelta(minutes=1)))
    grant = Grant.objects.get(access_request=make.submit(cast.frank))
    clock.advance(timedelta(minutes=2))

    assert grants.start_provisioning(grant_id=grant.pk) is None

    grant.refresh_from_db()
    assert (grant.state, grant.end_reason) == ("revoking", "eligibility_lost")
    assert "1 of data-owners" in grant.note


def test_an_extension_counts_with_the_time_that_was_had_without_asking(cast: Cast) -> None:
    read(shift())
    grant = make.activated(Grant.objects.get(access_request=make.submit(cast.frank, duration=HOUR)))

    for length, state in ((HOUR, "approved"), (timedelta(minutes=1), "pending")):
        extensions.ask(grant_id=grant.pk, holder=cast.frank, via=Via.API, duration=length, reason="It takes longer.")
        request = AccessRequest.objects.latest("pk")
        assert request.state == state, length
        if state == "approved":
            assert extensions.mark_extended(extension_id=request.extension.pk)


def test_what_cannot_be_read_is_told_once_and_changes_nothing(cast: Cast) -> None:
    read(shift())
    traces = Traces()

    for _ in range(2):
        schedules.note_unreadable(name="primary", why="It is no JSON.", good_for=GOOD_FOR)

    assert traces.events() == [("schedule.unreadable", "access-requests", "schedule/primary")]
    assert state_of(cast.frank) == "approved"
    (shown,) = on_call.everything(make.now())
    assert (shown.people, shown.why_not, shown.last_error) == (["frank"], "", "It is no JSON.")


def test_the_trail_keeps_who_came_and_went(cast: Cast) -> None:
    first = shift()
    read(first)
    with leaves_nothing():
        assert AuditEvent.objects.latest("sequence").facts["shifts"] == 1
    traces = Traces()
    read(first)
    assert traces.events() == []
    read(shift("grace"))
    facts = traces.facts("schedule.changed")
    assert [[one["person"] for one in facts[key]] for key in ("added", "removed")] == [["grace"], ["frank"]]  # type: ignore[attr-defined]


def test_the_trail_keeps_counts_and_the_first_few_of_many(cast: Cast) -> None:
    traces = Traces()
    many = [shift("grace", begins=HOUR * number, length=HOUR) for number in range(100)]
    read(*many)
    facts = traces.facts("schedule.changed")
    assert (facts["shifts"], facts["added_count"], facts["removed_count"]) == (100, 100, 0)
    assert (len(facts["added"]), facts["removed"]) == (5, [])  # type: ignore[arg-type]
    traces = Traces()
    schedules.keep_only(names=[])
    facts = traces.facts("schedule.changed")
    assert (facts["shifts"], facts["removed_count"], len(facts["removed"])) == (0, 100, 5)  # type: ignore[arg-type]


def test_a_schedule_that_is_configured_no_more_counts_no_more(cast: Cast) -> None:
    read(shift())

    schedules.keep_only(names=["primary"])
    assert state_of(cast.frank) == "approved"
    schedules.keep_only(names=[])

    assert not Schedule.objects.exists()
    assert state_of(cast.frank) == "pending"
    assert AccessRequest.objects.count() == 2


def test_more_time_says_who_is_asked_about_more_than_the_schedule_waives(cast: Cast) -> None:
    read(shift())
    grant = make.activated(Grant.objects.get(access_request=make.submit(cast.frank, duration=HOUR)))

    longer = extension_queries.longer(grant, at=make.now())

    assert longer.longest == 7 * HOUR
    assert longer.verdict is not None
    assert [step.group for step in longer.verdict.steps] == ["data-owners"]
