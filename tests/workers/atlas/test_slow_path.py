"""Guards that a slow Atlas is looked at less and less often and what it still does is said, and that one bad call is no outage."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant
from accessrequests.operations import grants
from accessrequests.queries import clock, standing, watch
from tests.web.browser import signed_in, text_of
from tests.workers.atlas.path import Way
from tests.workers.atlas.stand_in import StandIn
from tests.workers.rows import carry, due_now, events_of, facts_of, fresh, message


def waits(job: Job, grant: Grant) -> tuple[timedelta, timedelta]:
    """How long it is put off, at least and at most: carrying it takes some time itself."""
    due_now(job, grant)
    before = clock.now()
    ready_at = carry(job, grant).ready_at
    return ready_at - clock.now(), ready_at - before


def test_what_takes_long_is_said_and_looked_at_less_often(stand_in_way: Way, stand_in: StandIn) -> None:
    grant = stand_in_way.approved()
    least, most = waits(Job.PROVISION, grant)
    assert (most >= timedelta(seconds=1), least < timedelta(seconds=4)) == (True, True), (least, most)
    assert "grant.waiting" not in events_of(grant)
    Grant.objects.filter(pk=grant.pk).update(opened_at=clock.now() - timedelta(seconds=61))

    assert waits(Job.PROVISION, grant)[1] >= timedelta(seconds=5)
    waits(Job.PROVISION, grant)

    (facts,) = facts_of(grant, "grant.waiting")
    assert "main has not carried it out yet" in str(facts["why"])
    assert "127.0.0.1/32" in str(facts["why"])
    told = standing.situation_of(fresh(grant), at=clock.now(), is_mine=True)
    assert any(line.startswith("It takes longer than usual: ") for line in told.lines)
    stand_in.carry_out()
    assert stand_in_way.provision(grant).waits_for == ""

    grants.release(grant_id=grant.pk, holder=stand_in_way.cast.alice, via=Via.API)
    carry(Job.REVOKE, grant)
    Grant.objects.filter(pk=grant.pk).update(revocation_started_at=clock.now() - timedelta(seconds=61))
    assert waits(Job.REVOKE, grant)[1] >= timedelta(seconds=5)
    assert "it may still work there" in fresh(grant).waits_for
    assert [late.pk for late in watch.overdue(clock.now())] == [grant.pk]
    health = text_of(signed_in(stand_in_way.cast.erin).get("/health/"))
    assert "Past their end, and may still work" in health
    assert grant.username in health
    late = standing.situation_of(fresh(grant), at=clock.now(), is_mine=True)
    assert (late.tone, late.heading) == ("bad", "This access may still work.")


def test_one_call_that_always_fails_is_no_outage(stand_in_way: Way, stand_in: StandIn) -> None:
    grant = stand_in_way.approved()
    stand_in.served.order("error_before", method="GET", path=r".*/accessList/.*", times=1000)

    for _ in range(3):
        due_now(Job.PROVISION, grant)
        carry(Job.PROVISION, grant)

    assert fresh(grant).target.unreachable_since is None
    assert message(Job.PROVISION, grant).failures == 3
    assert (fresh(grant).state, fresh(grant).failures) == ("pending", 0)
    stand_in.served.control("DELETE", "faults")
    stand_in.served.order("error_before", times=1000, path=r".*/groups/.*")
    due_now(Job.PROVISION, grant)
    carry(Job.PROVISION, grant)
    assert fresh(grant).target.unreachable_since is not None, "no call is answered"
