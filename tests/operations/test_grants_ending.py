"""The end of a grant: who may ask for it, what leads to it, and when it may be called confirmed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import EndReason, UnknownMove
from accessrequests.models import Gate, Grant
from accessrequests.operations import _ending, credentials, grants
from accessrequests.operations.grants import LONGEST_CALL, TooEarly
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import grants as grant_queries
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.operations.attempts import PROOF, ended_for, fails, started
from tests.traces import Traces, leaves_nothing, refuses


class TestRelease:
    def test_ends_it_at_once_and_forgets_the_password(self, cast: Cast, active: Grant) -> None:
        traces = Traces()

        released = grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)

        assert (released.state, released.end_reason, released.ended_by) == ("revoking", "released", "alice")
        assert released.attempt == 2
        assert traces.events() == [
            ("grant.revocation_started", "alice", str(active)),
            ("credential.erased", "alice", str(active)),
        ]
        assert traces.jobs() == [("revoke", str(active))]

    def test_is_the_holders_alone(self, cast: Cast, active: Grant) -> None:
        with refuses(Refused):
            grants.release(grant_id=active.pk, holder=cast.bob, via=Via.API)

    def test_comes_second_to_whoever_was_faster(self, cast: Cast, active: Grant) -> None:
        grants.revoke(grant_id=active.pk, person=cast.erin, via=Via.API, reason="Enough.")

        with refuses(IllegalMove, match="erin was faster") as caught:
            grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)
        assert (caught.value.person, caught.value.what) == ("erin", "revoked")

    def test_comes_after_the_end_of_its_time(self, cast: Cast, active: Grant, clock: MovableClock) -> None:
        clock.advance(timedelta(days=1))
        grants.expire(grant_id=active.pk)

        with refuses(IllegalMove, match=r"^It had ended already, at .+ UTC\.$") as caught:
            grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)
        assert (caught.value.person, caught.value.what) == ("access-requests", "expiry")


class TestTogether:
    def test_those_whose_time_is_over_end_and_the_others_live_on(
        self, cast: Cast, active: Grant, clock: MovableClock
    ) -> None:
        later = make.active_grant(cast.alice, cast.bob, duration=timedelta(hours=8))
        both = [active.pk, later.pk]
        with leaves_nothing():
            assert grants.expire_together(grant_ids=both) == set(both)
        clock.advance(timedelta(hours=2))
        traces = Traces()

        assert grants.expire_together(grant_ids=both) == set(both)

        assert [Grant.objects.get(pk=pk).state for pk in both] == ["revoking", "active"]
        assert traces.jobs() == [("revoke", str(active))]

    def test_only_a_password_that_nobody_has_read_is_forgotten(
        self, cast: Cast, active: Grant, clock: MovableClock
    ) -> None:
        credentials.reveal(grant_id=active.pk, person=cast.alice, via=Via.API)
        unread = make.active_grant(cast.alice, cast.bob)
        clock.advance(timedelta(hours=2))
        traces = Traces()

        for one in (active, unread):
            grants.expire_together(grant_ids=[one.pk])

        assert [(event, subject) for event, _, subject in traces.events()] == [
            ("grant.revocation_started", str(active)),
            ("grant.revocation_started", str(unread)),
            ("credential.erased", str(unread)),
        ]

    def test_of_a_grant_that_is_not_there_is_no_end(self, cast: Cast) -> None:
        with pytest.raises(Grant.DoesNotExist):
            grants.expire(grant_id=0)


class TestRevoke:
    @pytest.mark.parametrize("name", ["bob", "grace", "erin"])
    def test_by_those_who_may(self, cast: Cast, active: Grant, name: str) -> None:
        traces = Traces()

        grants.revoke(grant_id=active.pk, person=getattr(cast, name), via=Via.API, reason="Enough.")

        assert ended_for(active) == ("revoking", "revoked")
        assert (active.ended_by, active.note) == (name, "Enough.")
        assert traces.events()[0] == ("grant.revocation_started", name, str(active))
        assert traces.facts("grant.revocation_started")["was"] == "active"

    @pytest.mark.parametrize("name", ["alice", "carol", "dave", "frank", "mallory"])
    def test_refuses_the_others(self, cast: Cast, active: Grant, name: str) -> None:
        with refuses(Refused) as caught:
            grants.revoke(grant_id=active.pk, person=getattr(cast, name), via=Via.API, reason="Enough.")
        assert (caught.value.event, caught.value.subject) == ("grant.refused", str(active))

    def test_stops_what_is_still_being_made(self, cast: Cast, grant: Grant) -> None:
        attempt = started(grant)
        grants.revoke(grant_id=grant.pk, person=cast.bob, via=Via.API, reason="Enough.")

        with leaves_nothing():
            assert not grants.may_open(grant_id=grant.pk, attempt=attempt.number)
            assert not grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates=PROOF)
            assert not fails(grant, attempt)
            assert grants.start_provisioning(grant_id=grant.pk) is None


class TestEnd:
    def test_for_drift_says_what_was_found(self, active: Grant) -> None:
        traces = Traces()

        assert grants.end(grant_id=active.pk, reason=EndReason.DRIFT, note="The user is gone.")

        assert ended_for(active) == ("revoking", "drift")
        assert [event for event, _, _ in traces.events()][:2] == ["grant.drift_found", "grant.revocation_started"]

    def test_by_an_operator_is_in_their_name(self, active: Grant) -> None:
        traces = Traces()

        assert grants.end(grant_id=active.pk, reason=EndReason.REVOKED, note="All.", actor=make.OPERATOR)

        assert traces.events()[0] == ("grant.revocation_started", "os:tests", str(active))

    def test_of_what_ends_already_changes_nothing(self, cast: Cast, active: Grant) -> None:
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)

        with leaves_nothing():
            assert not grants.end(grant_id=active.pk, reason=EndReason.DRIFT, note="")


class TestExpire:
    def test_ends_an_active_grant_at_its_end_and_not_before(self, active: Grant, clock: MovableClock) -> None:
        clock.advance(timedelta(hours=1, minutes=59))
        with leaves_nothing():
            assert not grants.expire(grant_id=active.pk)
        clock.advance(timedelta(minutes=1))
        traces = Traces()

        assert grants.expire(grant_id=active.pk)

        assert ended_for(active) == ("revoking", "expiry")
        assert traces.jobs() == [("revoke", str(active))]
        with leaves_nothing():
            assert not grants.expire(grant_id=active.pk)

    def test_takes_the_latest_clock_while_the_database_runs_behind(self, active: Grant, clock: MovableClock) -> None:
        ends = active.expires_at
        assert ends is not None
        with leaves_nothing():
            assert not grants.expire(grant_id=active.pk, latest=ends - timedelta(microseconds=1))
        traces = Traces()

        assert grants.expire(grant_id=active.pk, latest=ends)

        assert ended_for(active) == ("revoking", "expiry")
        assert active.note == traces.facts("grant.revocation_started")["note"] == _ending.DATABASE_BEHIND
        assert active.revocation_started_at is not None
        assert active.revocation_started_at <= make.now(), "What follows reads the database's clock."

    def test_gives_up_a_pending_one_by_the_latest_clock(self, grant: Grant) -> None:
        assert not grants.expire(grant_id=grant.pk, latest=make.now() + timedelta(minutes=59))
        assert grants.expire(grant_id=grant.pk, latest=make.now() + timedelta(hours=1))
        assert ended_for(grant) == ("revoking", "provisioning_failed")

    def test_gives_up_a_pending_one_at_the_end_of_its_window(self, grant: Grant, clock: MovableClock) -> None:
        assert not grants.expire(grant_id=grant.pk)
        fails(grant, started(grant))
        clock.advance(timedelta(hours=1))

        assert grants.expire(grant_id=grant.pk)

        assert ended_for(grant) == ("revoking", "provisioning_failed")
        assert grant.note == "No."


class TestEndings:
    """Cut, then clean, and revoked only by a look that no late call can make untrue."""

    def test_are_recorded_with_their_evidence(self, cast: Cast, active: Grant) -> None:
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)
        traces = Traces()

        grants.mark_cut(cuts=[grants.Cut(active.pk, {"sessions": 0})])
        with leaves_nothing():
            grants.mark_cut(cuts=[grants.Cut(active.pk, {"sessions": 5})])
        grants.mark_revoked(grant_id=active.pk, evidence={"users": 0}, looked_at=make.now())
        with leaves_nothing():
            grants.mark_revoked(grant_id=active.pk, evidence={}, looked_at=make.now())
            grants.mark_cut(cuts=[grants.Cut(active.pk, {})])
            grants.note_revocation_failure(grant_id=active.pk, sentence="Too late.")

        assert ended_for(active) == ("revoked", "released")
        assert active.cut_at is not None
        assert active.revoked_at is not None
        assert set(Gate.objects.values_list("state", flat=True)) == {"clean"}
        assert Gate.objects.get(gate="user").evidence == {
            "open": {"proof": "login"},
            "cut": {"sessions": 0},
            "clean": {"users": 0},
        }
        assert [event for event, _, _ in traces.events()] == ["grant.cut", "grant.revoked"]
        assert traces.jobs() == [("notify", str(active))]

    def test_are_as_early_as_the_sweep_made_them(self, cast: Cast, active: Grant) -> None:
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)
        traces, swept_at = Traces(), make.now() - timedelta(minutes=20)

        grants.mark_cut(cuts=[grants.Cut(active.pk, {}, swept_at=swept_at)])

        active.refresh_from_db()
        assert active.cut_at == swept_at
        assert [event for event, _, _ in traces.events()] == ["grant.swept", "grant.cut"]

    def test_wait_until_a_call_without_an_end_must_have_ended(self, cast: Cast, grant: Grant) -> None:
        attempt = started(grant)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        grants.mark_cut(cuts=[grants.Cut(grant.pk, {})])
        grant.refresh_from_db()
        assert grant.revocation_started_at is not None
        safe_from = grant.revocation_started_at + LONGEST_CALL

        with refuses(TooEarly) as caught:
            grants.mark_revoked(grant_id=grant.pk, evidence={}, looked_at=safe_from - timedelta(milliseconds=1))
        assert caught.value.until == safe_from

        grants.note_undone(grant_id=grant.pk, attempt=attempt.number + 1)
        with refuses(TooEarly):
            grants.mark_revoked(grant_id=grant.pk, evidence={}, looked_at=make.now())
        grants.note_undone(grant_id=grant.pk, attempt=attempt.number)
        grants.mark_revoked(grant_id=grant.pk, evidence={}, looked_at=make.now())
        assert ended_for(grant) == ("revoked", "released")

    def test_wait_for_calls_of_an_attempt_before_the_last_too(self, cast: Cast, grant: Grant) -> None:
        started(grant)  # its worker is stopped, and its claim passes to another
        assert fails(grant, started(grant))
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        grants.mark_cut(cuts=[grants.Cut(grant.pk, {})])

        with refuses(TooEarly):
            grants.mark_revoked(grant_id=grant.pk, evidence={}, looked_at=make.now())

    def test_need_the_cut_before_the_clean(self, cast: Cast, grant: Grant) -> None:
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)

        with refuses(UnknownMove):
            grants.mark_revoked(grant_id=grant.pk, evidence={}, looked_at=make.now())

    def test_that_fail_are_news_once(self, cast: Cast, active: Grant) -> None:
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)
        traces = Traces()

        for _ in range(3):
            grants.note_revocation_failure(grant_id=active.pk, sentence="The target does not answer.")

        active.refresh_from_db()
        assert (active.state, active.failures) == ("revoking", 3)
        assert traces.events() == [("grant.attempt_failed", "access-requests", str(active))]


class TestWhoLeaves:
    def test_loses_every_grant_and_nobody_can_approve_another(self, cast: Cast, active: Grant) -> None:
        waiting, asked = make.approved_grant(cast.alice, cast.bob), make.submit(cast.alice)
        traces = Traces()

        make.apply("alice", active=False)

        assert ended_for(active) == ended_for(waiting) == ("revoking", "person_disabled")
        assert ("revoke", str(active)) in traces.jobs()
        assert ("revoke", str(waiting)) in traces.jobs()
        with refuses(IllegalMove, match="cancelled"):
            make.approve(asked, cast.bob)


class TestWhoChangesGroups:
    """Access that a person could not ask for any more ends, whether they hold it or asked for it."""

    def test_loses_what_the_old_group_gave(self, cast: Cast, active: Grant) -> None:
        for_another = make.active_grant(cast.alice, cast.bob, grantee="frank")
        of_another = make.active_grant(cast.frank, cast.bob)

        make.apply("alice", groups=["security"])

        assert ended_for(active) == ended_for(for_another) == ("revoking", "eligibility_lost")
        assert "is for people of engineering" in active.note
        assert ended_for(of_another) == ("active", "")

    def test_keeps_what_another_group_does_not_matter_for(self, cast: Cast) -> None:
        grant = make.active_grant(cast.frank, cast.bob)

        make.apply("frank", groups=["engineering"])

        assert ended_for(grant) == ("active", "")


class TestTargetRetired:
    def test_ends_what_lives_on_it_and_nothing_more_is_approved(self, cast: Cast, active: Grant) -> None:
        asked, elsewhere = make.submit(cast.alice), make.submit(cast.alice, target="shop-dev")

        make.make_targets(retired=True)

        assert ended_for(active) == ("revoking", "target_retired")
        assert elsewhere.grant.state == "pending"
        with refuses(Refused, match="retired"):
            make.approve(asked, cast.bob)


class TestSafeLook:
    def test_is_at_once_where_nothing_was_ever_tried(self, cast: Cast, grant: Grant) -> None:
        released = grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)

        assert grant_queries.safe_look(released, longest_call=LONGEST_CALL) == released.revocation_started_at

    def test_a_clock_that_went_back_holds_nothing_up(self, active: Grant, clock: MovableClock) -> None:
        grants.end(grant_id=active.pk, reason=EndReason.RELEASED, note="")
        stray = make.now() + timedelta(minutes=5)
        Grant.objects.filter(pk=active.pk).update(stray_calls_until=stray)
        clock.advance(-timedelta(hours=1))

        grants.note_revocation_failure(grant_id=active.pk, sentence="It went back.")

        active.refresh_from_db()
        assert active.revocation_started_at is not None
        assert active.revocation_started_at <= make.now()
        assert active.stray_calls_until is not None
        assert timedelta(seconds=9) < active.stray_calls_until - make.now() <= LONGEST_CALL
