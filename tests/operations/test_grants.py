"""The beginning of a grant: each step recorded whole or not at all, and nothing given after its time or its right is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AuditEvent, Credential, Gate, Grant, OutboxMessage
from accessrequests.operations import grants
from accessrequests.operations.refusals import IllegalMove
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.operations.attempts import PROOF, ended_for, fails, started
from tests.traces import Traces, leaves_nothing, refuses


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

        with refuses(IllegalMove):
            make.approve(access_request, cast.bob)
        access_request.refresh_from_db()
        assert access_request.state == "cancelled"
        assert "is for people of engineering" in AuditEvent.objects.get(event="access_request.cancelled").facts["why"]

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


class TestNoteOpened:
    """A target that has taken everything is looked at until it says that it is ready; nothing is made twice."""

    def test_goes_on_with_the_same_attempt(self, grant: Grant) -> None:
        attempt = started(grant)
        assert grants.note_opened(grant_id=grant.pk, attempt=attempt.number)
        grant.refresh_from_db()
        opened_at = grant.opened_at
        traces = Traces()

        again = started(grant)

        assert (again.number, again.is_opened, again.password) == (attempt.number, True, attempt.password)
        assert grants.note_opened(grant_id=grant.pk, attempt=again.number)
        grant.refresh_from_db()
        assert (grant.opened_at, grant.attempt_ended_at) == (opened_at, opened_at)
        assert traces.events() == []
        assert grants.mark_active(grant_id=grant.pk, attempt=again.number, gates=PROOF)
        assert Credential.objects.get().state == "ready"

    def test_of_a_void_attempt_says_so(self, grant: Grant) -> None:
        old = started(grant)
        started(grant)

        with leaves_nothing():
            assert not grants.note_opened(grant_id=grant.pk, attempt=old.number)

    def test_a_look_without_an_answer_goes_on_looking(self, grant: Grant) -> None:
        attempt = started(grant)
        grants.note_opened(grant_id=grant.pk, attempt=attempt.number)

        assert fails(grant, attempt, unreachable=True)

        assert started(grant).is_opened
        grant.refresh_from_db()
        assert grant.attempt_ended_at == grant.opened_at

    def test_a_look_that_fails_begins_anew(self, grant: Grant) -> None:
        attempt = started(grant)
        grants.note_opened(grant_id=grant.pk, attempt=attempt.number)

        assert fails(grant, attempt)

        again = started(grant)
        assert (again.number, again.is_opened) == (attempt.number + 1, False)
        assert again.password == attempt.password

    def test_waits_no_longer_than_its_window(self, grant: Grant, clock: MovableClock) -> None:
        attempt = started(grant)
        grants.note_opened(grant_id=grant.pk, attempt=attempt.number)
        clock.advance(timedelta(hours=1))

        assert grants.start_provisioning(grant_id=grant.pk) is None

        assert ended_for(grant) == ("revoking", "provisioning_failed")


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

    def test_counts_an_answer_that_says_nothing_and_does_not_believe_that_the_call_has_ended(
        self, grant: Grant
    ) -> None:
        assert fails(grant, started(grant), outcome_unknown=True)

        grant.refresh_from_db()
        assert (grant.failures, grant.attempt_ended_at) == (1, None)
        started(grant)
        grant.refresh_from_db()
        assert grant.stray_calls_until is not None, "it may still be carried out during the next attempt"

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
