"""The life of a grant: each step recorded whole or not at all, and nothing given after its time or its right is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import EndReason, UnknownMove
from accessrequests.models import Credential, Gate, Grant, OutboxMessage
from accessrequests.operations import grants
from accessrequests.operations.grants import LONGEST_CALL, Attempt, TooEarly
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import grants as grant_queries
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, leaves_nothing, refuses

PROOF = {"user": {"proof": "login"}, "roles": {"proof": "read-back"}}


@pytest.fixture
def grant(cast: Cast) -> Grant:
    return make.approved_grant(cast.alice, cast.bob)


@pytest.fixture
def active(cast: Cast) -> Grant:
    return make.active_grant(cast.alice, cast.bob)


def started(grant: Grant) -> Attempt:
    attempt = grants.start_provisioning(grant_id=grant.pk)
    assert attempt is not None
    return attempt


def fails(grant: Grant, attempt: Attempt, *, permanent: bool = False, unreachable: bool = False) -> bool:
    return grants.note_failure(
        grant_id=grant.pk, attempt=attempt.number, sentence="No.", permanent=permanent, unreachable=unreachable
    )


def ended_for(grant: Grant) -> tuple[str, str]:
    grant.refresh_from_db()
    return grant.state, grant.end_reason


class TestStartProvisioning:
    def test_fixes_the_end_and_seals_the_password_before_any_call(self, grant: Grant) -> None:
        traces = Traces()

        attempt = started(grant)

        grant.refresh_from_db()
        assert grant.starts_at is not None
        assert grant.expires_at == grant.starts_at + timedelta(hours=2)
        assert (grant.attempt, grant.provisioning_attempt, grant.attempt_ended_at) == (1, 1, None)
        assert Credential.objects.get().state == "none"
        assert len(attempt.password) >= 32
        assert attempt.password not in repr(attempt)
        assert traces.events() == [("grant.provisioning_started", "access-requests", str(grant))]
        assert traces.jobs() == []

    def test_again_keeps_the_end_and_the_password(self, grant: Grant, clock: MovableClock) -> None:
        first = started(grant)
        assert fails(grant, first)
        clock.advance(timedelta(minutes=5))

        second = started(grant)

        assert (second.number, second.password) == (2, first.password)
        assert second.grant.expires_at == first.grant.expires_at

    def test_does_nothing_before_the_start_and_after_the_end(self, cast: Cast, grant: Grant) -> None:
        scheduled = make.approved_grant(cast.alice, cast.bob, starts_at=make.now() + timedelta(hours=5))
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)

        with leaves_nothing():
            assert grants.start_provisioning(grant_id=scheduled.pk) is None
            assert grants.start_provisioning(grant_id=grant.pk) is None

    def test_gives_up_after_the_activation_window(self, grant: Grant, clock: MovableClock) -> None:
        clock.advance(timedelta(hours=1))
        traces = Traces()

        assert grants.start_provisioning(grant_id=grant.pk) is None

        assert ended_for(grant) == ("revoking", "provisioning_failed")
        assert traces.events() == [
            ("grant.provisioning_failed", "access-requests", str(grant)),
            ("grant.revocation_started", "access-requests", str(grant)),
        ]
        assert traces.jobs() == [("notify", str(grant)), ("revoke", str(grant))]

    def test_never_outlives_a_time_box_shorter_than_the_window(self, cast: Cast, clock: MovableClock) -> None:
        grant = make.approved_grant(cast.alice, cast.bob, duration=timedelta(seconds=10))
        started(grant)
        clock.advance(timedelta(seconds=10))

        assert grants.start_provisioning(grant_id=grant.pk) is None
        assert ended_for(grant) == ("revoking", "provisioning_failed")


def _disable(_cast: Cast) -> None:
    make.apply("alice", active=False)


def _leave(_cast: Cast) -> None:
    make.apply("alice", groups=[])


def _deny(_cast: Cast) -> None:
    make.publish_rules(make.rule("no", deny=True))


def _ask_more(_cast: Cast) -> None:
    make.publish_rules(make.rule("more", approvals=[{"group": "security", "people": 1}]))


def _shorter(_cast: Cast) -> None:
    make.publish_rules(make.rule("shorter", maximum="PT1H"))


def _retire(_cast: Cast) -> None:
    make.make_targets(retired=True)


def _widen(_cast: Cast) -> None:
    make.read_inventories(read_at_shop=make.ROLES["readWrite@shop"])


def _drop_role(_cast: Cast) -> None:
    make.read_inventories(read_at_shop=None)


TODAY_SAYS_NO = [
    (_disable, "person_disabled", "may no longer sign in"),
    (_leave, "eligibility_lost", "is for people of engineering"),
    (_deny, "eligibility_lost", "denies"),
    (_ask_more, "eligibility_lost", "1 of security"),
    (_shorter, "eligibility_lost", "at most 1 hour"),
    (_retire, "target_retired", "retired"),
    (_widen, "provisioning_failed", "more than when it was asked for"),
    (_drop_role, "provisioning_failed", "read@shop"),
]


class TestJudgedAgain:
    """The verdict that counts is the one at the moment of opening, not only the one at the click."""

    @pytest.mark.parametrize(("change", "reason", "sentence"), TODAY_SAYS_NO)
    def test_at_the_start(
        self, cast: Cast, grant: Grant, change: Callable[[Cast], None], reason: str, sentence: str
    ) -> None:
        change(cast)

        assert grants.start_provisioning(grant_id=grant.pk) is None
        assert ended_for(grant) == ("revoking", reason)
        assert sentence in grant.note
        assert not Credential.objects.exists()

    @pytest.mark.parametrize(("change", "reason", "sentence"), TODAY_SAYS_NO)
    def test_right_before_power_is_given(
        self, cast: Cast, grant: Grant, change: Callable[[Cast], None], reason: str, sentence: str
    ) -> None:
        attempt = started(grant)
        change(cast)

        assert not grants.may_open(grant_id=grant.pk, attempt=attempt.number)
        assert ended_for(grant) == ("revoking", reason)
        assert sentence in grant.note
        assert Credential.objects.get().state == "erased"
        assert not grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates=PROOF)

    def test_holds_what_was_said_although_the_policy_of_today_is_looser(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish_rules(make.rule("loose", approvals=[], eligible=["engineering", "auditors"]))
        make.apply("alice", groups=["auditors"])

        with refuses(Refused, match="is for people of engineering"):
            make.approve(access_request, cast.bob)

    def test_asks_of_an_automatic_grant_what_the_policy_asks_by_now(self, cast: Cast) -> None:
        grant = Grant.objects.get(access_request=make.submit(cast.alice, target="shop-dev"))
        make.publish_rules(make.rule("dev", match={"environments": ["development"]}))

        assert grants.start_provisioning(grant_id=grant.pk) is None
        assert ended_for(grant) == ("revoking", "eligibility_lost")

    def test_of_one_who_asked_for_another_who_left(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob, grantee="frank")
        make.apply("alice", active=False)

        assert grants.start_provisioning(grant_id=grant.pk) is None
        assert ended_for(grant) == ("revoking", "person_disabled")


class TestMayOpen:
    def test_is_a_look_that_changes_nothing(self, grant: Grant) -> None:
        attempt = started(grant)

        with leaves_nothing():
            assert grants.may_open(grant_id=grant.pk, attempt=attempt.number)
            assert not grants.may_open(grant_id=grant.pk, attempt=attempt.number - 1)

    def test_only_for_the_newest_attempt(self, grant: Grant) -> None:
        old, new = started(grant), started(grant)

        assert not grants.may_open(grant_id=grant.pk, attempt=old.number)
        assert grants.may_open(grant_id=grant.pk, attempt=new.number)


class TestMarkActive:
    def test_opens_the_gates_and_makes_the_password_ready(self, grant: Grant) -> None:
        attempt = started(grant)
        traces = Traces()

        assert grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates=PROOF)

        grant.refresh_from_db()
        assert grant.state == "active"
        assert grant.activated_at is not None
        assert grant.activated_at == grant.attempt_ended_at
        assert {gate.gate: gate.evidence for gate in Gate.objects.filter(state="open")} == {
            "user": {"open": {"proof": "login"}},
            "roles": {"open": {"proof": "read-back"}},
        }
        assert Credential.objects.get().state == "ready"
        assert traces.events() == [("grant.activated", "access-requests", str(grant))]
        assert traces.jobs() == [("erase_credential", str(grant)), ("notify", str(grant))]
        erase = OutboxMessage.objects.get(job="erase_credential")
        assert erase.ready_at == grant.activated_at + timedelta(minutes=15)

    def test_of_an_old_attempt_changes_nothing(self, grant: Grant) -> None:
        old = started(grant)
        started(grant)

        with leaves_nothing():
            assert not grants.mark_active(grant_id=grant.pk, attempt=old.number, gates=PROOF)

    @pytest.mark.parametrize("duration", [timedelta(seconds=10), timedelta(hours=2)])
    def test_too_late_ends_it_instead(self, cast: Cast, clock: MovableClock, duration: timedelta) -> None:
        grant = make.approved_grant(cast.alice, cast.bob, duration=duration)
        attempt = started(grant)
        clock.advance(min(duration, timedelta(hours=1)))

        assert not grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates=PROOF)

        assert ended_for(grant) == ("revoking", "provisioning_failed")
        assert grant.attempt_ended_at is not None
        assert Credential.objects.get().state == "erased"


class TestNoteFailure:
    def test_leaves_it_to_the_next_attempt(self, grant: Grant) -> None:
        attempt = started(grant)
        traces = Traces()

        assert fails(grant, attempt)

        grant.refresh_from_db()
        assert (grant.state, grant.failures, grant.last_error) == ("pending", 1, "No.")
        assert grant.attempt_ended_at is not None
        assert traces.events() == [("grant.attempt_failed", "access-requests", str(grant))]

    def test_does_not_count_a_target_that_is_away_nor_believe_that_its_call_has_ended(self, grant: Grant) -> None:
        for _ in range(grants.ATTEMPTS_TO_PROVISION + 1):
            assert fails(grant, started(grant), unreachable=True)

        grant.refresh_from_db()
        assert (grant.failures, grant.attempt_ended_at) == (0, None)

    def test_gives_up_after_enough_of_them(self, grant: Grant) -> None:
        for _ in range(grants.ATTEMPTS_TO_PROVISION - 1):
            assert fails(grant, started(grant))
        traces = Traces()
        assert not fails(grant, started(grant))

        assert ended_for(grant) == ("revoking", "provisioning_failed")
        assert [event for event, _, _ in traces.events()][1:] == [
            "grant.attempt_failed",
            "grant.provisioning_failed",
            "grant.revocation_started",
            "credential.erased",
        ]

    def test_gives_up_at_once_when_it_is_permanent_or_too_late(self, cast: Cast, clock: MovableClock) -> None:
        hopeless, late = (make.approved_grant(cast.alice, cast.bob) for _ in range(2))
        assert not fails(hopeless, started(hopeless), permanent=True)
        attempt = started(late)
        clock.advance(timedelta(hours=1))
        assert not fails(late, attempt)

        assert ended_for(hopeless) == ended_for(late) == ("revoking", "provisioning_failed")

    def test_of_an_old_attempt_changes_nothing(self, grant: Grant) -> None:
        old = started(grant)
        started(grant)

        with leaves_nothing():
            assert not fails(grant, old)


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

        grants.mark_cut(grant_id=active.pk, evidence={"sessions": 0})
        with leaves_nothing():
            grants.mark_cut(grant_id=active.pk, evidence={"sessions": 5})
        grants.mark_revoked(grant_id=active.pk, evidence={"users": 0}, looked_at=make.now())
        with leaves_nothing():
            grants.mark_revoked(grant_id=active.pk, evidence={}, looked_at=make.now())
            grants.mark_cut(grant_id=active.pk, evidence={})
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

    def test_wait_until_a_call_without_an_end_must_have_ended(self, cast: Cast, grant: Grant) -> None:
        attempt = started(grant)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        grants.mark_cut(grant_id=grant.pk, evidence={})
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
        grants.mark_cut(grant_id=grant.pk, evidence={})

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
        with refuses(Refused):
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
