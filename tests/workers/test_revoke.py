"""Guards the end of access: cut, clean, confirmed by the target, and never given up on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from pymongo.errors import OperationFailure

from accessrequests.domain import naming
from accessrequests.domain.events import Job, Via
from accessrequests.models import AccessRequest, Grant, OutboxMessage
from accessrequests.operations import grants, outbox, targets
from accessrequests.queries import audit, clock
from accessrequests.queries import grants as grant_queries
from tests.servers import PROCESS
from tests.workers.conftest import SHOP, Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.rows import carry, due_now, events_of, facts_of, fresh, message
from workers import revoke
from workers.provisioners.base import Evidence, GrantSpec, ProvisionerError
from workers.provisioners.mongodb import provisioner, servers
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner


def release(work: Work, grant: Grant) -> None:
    grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)


class TestRevoke:
    def test_leaves_nothing_on_the_target_and_proves_it(self, work: Work) -> None:
        grant = work.active()
        with work.login(grant) as client:
            client[SHOP].orders.find_one()
            release(work, grant)

            drain()

            with pytest.raises(OperationFailure):
                client[SHOP].orders.find_one()
        assert (fresh(grant).state, fresh(grant).end_reason) == ("revoked", "released")
        assert work.users_named(grant.username) == []
        assert work.roles_of(grant.username) == []
        assert events_of(grant) == [
            "grant.provisioning_started",
            "grant.activated",
            "credential.revealed",
            "grant.revocation_started",
            "grant.cut",
            "grant.revoked",
        ]
        assert audit.verify().ok

    def test_keeps_what_the_target_answered_on_every_gate(self, work: Work) -> None:
        grant = work.active()
        release(work, grant)

        drain()

        (cut,) = facts_of(grant, "grant.cut")
        assert cut["evidence"]["login"] == "refused"  # type: ignore[index]
        for gate in grant.gates.all():
            assert gate.state == "clean"
            assert set(gate.evidence) == {"open", "cut", "clean"}
            assert gate.evidence["cut"]["login"] == "refused"
            assert gate.evidence["clean"]["users"] == 0
            assert gate.evidence["clean"]["roles"] == 0

    def test_of_what_was_never_made_asks_the_target_nothing(self, work: Work) -> None:
        grant = work.approved()
        release(work, grant)
        work.way.shut()

        carry(Job.REVOKE, grant)

        assert fresh(grant).state == "revoked"
        assert facts_of(grant, "grant.cut") == [{"evidence": {"never_made": True}}]
        assert carry(Job.PROVISION, grant).done_at is not None
        assert "grant.provisioning_started" not in events_of(grant)

    def test_of_what_is_gone_already_is_a_success(self, work: Work) -> None:
        grant = work.active()
        work.owner.admin.command("dropUser", grant.username)
        release(work, grant)

        drain()

        assert fresh(grant).state == "revoked"
        assert work.roles_of(grant.username) == []

    def test_looks_again_after_the_longest_call_when_an_attempt_never_ended(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        grant = work.approved()
        attempt = grants.start_provisioning(grant_id=grant.pk)
        assert attempt is not None
        release(work, grant)
        started = fresh(grant).revocation_started_at
        assert started is not None

        first = carry(Job.REVOKE, grant)

        assert (fresh(grant).state, first.done_at, first.failures) == ("revoking", None, 0)
        assert fresh(grant).cut_at is not None, "the promise is measured here, and kept at once"
        assert timedelta() <= first.ready_at - (started + grants.LONGEST_CALL) < timedelta(seconds=1)
        database_clock.advance(grants.LONGEST_CALL + timedelta(seconds=1))
        drain()
        assert fresh(grant).state == "revoked"
        assert events_of(grant).count("grant.cut") == 1
        assert "grant.attempt_failed" not in events_of(grant)


def claims() -> list[tuple[int, int]]:
    """Of each revocation that is not done: how often it was taken, and how often it failed."""
    waiting = OutboxMessage.objects.filter(job=Job.REVOKE.value, done_at=None).order_by("pk")
    assert not waiting.exclude(claimed_until=None).exists(), "Whoever holds one puts it back."
    return list(waiting.values_list("claim", "failures"))


class TestMany:
    def test_that_are_to_be_cut_on_one_target_are_cut_by_whoever_comes_first(self, work: Work) -> None:
        first, *others = (work.active() for _ in range(3))
        strings = [work.reveal(grant).connection_string for grant in others]
        for grant in (first, *others):
            release(work, grant)

        carry(Job.REVOKE, first)

        assert fresh(first).state == "revoked"
        for grant in others:
            assert (fresh(grant).state, events_of(grant)[-1]) == ("revoking", "grant.cut")
            assert facts_of(grant, "grant.cut")[0]["evidence"]["login"] == "refused"  # type: ignore[index]
            assert {gate.state for gate in grant.gates.all()} == {"cut"}
        assert not any(work.can_log_in(string) for string in strings)
        assert claims() == [(1, 0), (1, 0)]
        drain()
        assert [fresh(grant).state for grant in others] == ["revoked", "revoked"]
        assert [events_of(grant).count("grant.cut") for grant in others] == [1, 1]
        assert audit.verify().ok

    def test_leave_what_somebody_else_has_taken_and_what_has_failed_to_themselves(self, work: Work) -> None:
        first, taken, failed = (work.active() for _ in range(3))
        for grant in (first, taken, failed):
            release(work, grant)
        held = outbox.claim(message_id=message(Job.REVOKE, taken).pk, owner="another")
        assert held is not None
        OutboxMessage.objects.filter(pk=message(Job.REVOKE, failed).pk).update(failures=1)

        carry(Job.REVOKE, first)

        assert [fresh(grant).cut_at is not None for grant in (first, taken, failed)] == [True, False, False]
        outbox.put_back(claims=[held])
        drain()
        assert [fresh(grant).state for grant in (taken, failed)] == ["revoked", "revoked"]

    def test_are_each_tried_alone_where_the_target_does_not_take_them_together(
        self, work: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first, other = work.active(), work.active()
        truly = MongoDBProvisioner.cut

        def cut(provisioner: MongoDBProvisioner, specs: Sequence[GrantSpec]) -> list[Evidence]:
            if len(specs) > 1:
                raise ProvisionerError("One of these is more than the server bears.")
            return truly(provisioner, specs)

        monkeypatch.setattr(MongoDBProvisioner, "cut", cut)
        release(work, first)
        release(work, other)

        carry(Job.REVOKE, first)

        assert (fresh(first).state, fresh(other).cut_at) == ("revoked", None)
        assert claims() == [(1, 1)], "Nobody takes it along again."
        drain()
        assert fresh(other).state == "revoked"

    def test_one_that_nobody_can_read_any_more_holds_up_no_other(self, work: Work) -> None:
        first, broken, sound = (work.active() for _ in range(3))
        AccessRequest.objects.filter(grant=broken).update(privileges={})
        for grant in (first, broken, sound):
            release(work, grant)

        carry(Job.REVOKE, first)
        carry(Job.REVOKE, sound)

        assert [fresh(grant).state for grant in (first, broken, sound)] == ["revoked", "revoking", "revoked"]
        assert claims() == [(1, 1)]

    def test_one_whose_row_somebody_holds_holds_up_no_other(self, work: Work) -> None:
        """A process frozen inside a transaction keeps its row for seconds."""
        first, held, free = (work.active() for _ in range(3))
        for grant in (first, held, free):
            release(work, grant)
        other = connections["default"].copy()
        other.set_autocommit(False)
        try:
            with other.cursor() as cursor:
                cursor.execute("SET idle_in_transaction_session_timeout = 0; SET statement_timeout = 0")
                cursor.execute("SELECT 1 FROM accessrequests_grant WHERE id = %s FOR UPDATE", [held.pk])
            with connections["default"].cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            carry(Job.REVOKE, first)
            assert fresh(first).state == "revoked"
            assert [fresh(grant).cut_at is None for grant in (held, free)] == [True, False]
        finally:
            other.close()
            with connections["default"].cursor() as cursor:
                cursor.execute("RESET lock_timeout")

        drain()
        assert [fresh(grant).state for grant in (held, free)] == ["revoked", "revoked"]

    def test_are_as_many_as_a_slow_target_takes_within_one_step(
        self, work: Work, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Fifty orders to a server far away would take longer than a step may, again and again."""
        first, *others = (work.active() for _ in range(4))
        for grant in (first, *others):
            release(work, grant)
        truly = servers.change

        def change(*args: Any, **kwargs: Any) -> None:
            time.sleep(1.3)
            truly(*args, **kwargs)

        with monkeypatch.context() as slow:
            slow.setattr(provisioner, "change", change)
            slow.setattr(provisioner, "_SECONDS_FOR_MANY", 0.5, raising=False)
            carry(Job.REVOKE, first)

        assert fresh(first).cut_at is not None
        assert 0 < sum(fresh(grant).cut_at is not None for grant in others) < len(others)
        assert OutboxMessage.objects.filter(job=Job.REVOKE.value, failures__gt=0).count() == 0
        drain()
        assert {fresh(grant).state for grant in others} == {"revoked"}

    def test_are_all_cut_before_anything_is_cleaned_up(
        self, work: Work, database_clock: DatabaseClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(revoke, "MOST_TOGETHER", 2)
        monkeypatch.setattr(revoke, "CROWD", 2)
        granted = first, second, _, last = [work.active() for _ in range(4)]
        for grant in granted:
            release(work, grant)

        left = carry(Job.REVOKE, first)
        carry(Job.REVOKE, second)

        assert [fresh(grant).cut_at is not None for grant in granted] == [True, True, True, False]
        assert {fresh(grant).state for grant in granted} == {"revoking"}, "To clean up after what is cut can wait."
        assert (left.done_at, left.failures) == (None, 0)
        carry(Job.REVOKE, last)
        assert fresh(last).state == "revoked", "Nothing is left to cut."
        database_clock.advance(revoke.CLEANED_LATER)
        drain()
        assert {fresh(grant).state for grant in granted} == {"revoked"}
        assert [events_of(grant).count("grant.cut") for grant in granted] == [1] * 4

    def test_do_not_put_off_again_what_has_failed_before(self, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(revoke, "CROWD", 1)
        first, *others = [work.active() for _ in range(3)]
        for grant in (first, *others):
            release(work, grant)
        OutboxMessage.objects.filter(pk=message(Job.REVOKE, first).pk).update(failures=1)

        carry(Job.REVOKE, first)

        assert fresh(first).state == "revoked"
        assert all(fresh(grant).cut_at is not None for grant in others)

    def test_do_not_put_off_for_ever_what_is_cut(self, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(revoke, "CROWD", 1)
        granted = [work.active() for _ in range(4)]
        for grant in granted[:2]:
            release(work, grant)
        carry(Job.REVOKE, granted[0])
        Grant.objects.filter(pk=granted[0].pk).update(cut_at=clock.now() - revoke.CLEANED_LATER)
        due_now(Job.REVOKE, granted[0])
        for grant in granted[2:]:
            release(work, grant)

        carry(Job.REVOKE, granted[0])

        assert fresh(granted[0]).state == "revoked"
        assert all(fresh(grant).cut_at is not None for grant in granted)

    def test_that_waited_for_their_target_are_cut_together_when_it_is_back(self, work: Work) -> None:
        first, other = work.active(), work.active()
        targets.mark_unreachable(slug="shop-prod", why="A test says so.")
        for grant in (first, other):
            release(work, grant)
            carry(Job.REVOKE, grant)
        targets.mark_reachable(slug="shop-prod")

        carry(Job.REVOKE, first)

        assert fresh(first).state == "revoked"
        assert fresh(other).cut_at is not None


class TestAnEndThatDoesNotSucceed:
    def test_is_tried_for_ever_at_most_half_a_minute_apart(self, work: Work) -> None:
        grant = work.active()
        friend = f"friend_of_{PROCESS}"
        role = {"role": naming.role_name_for(grant.username, ordinal=1), "db": SHOP}
        work.owner.admin.command("createUser", friend, pwd="a friend", roles=[role])
        release(work, grant)

        for _ in range(12):
            due_now(Job.REVOKE, grant)
            now = clock.now()
            tried = carry(Job.REVOKE, grant)
            assert tried.done_at is None
            assert tried.ready_at - now < timedelta(seconds=33)

        assert (fresh(grant).state, fresh(grant).failures) == ("revoking", 12)
        assert fresh(grant).cut_at is not None
        assert friend in fresh(grant).last_error, "whoever holds what is left is named"
        assert events_of(grant).count("grant.attempt_failed") == 1, "the same sentence is said once"
        work.owner.admin.command("dropUser", friend)
        due_now(Job.REVOKE, grant)
        drain()
        assert fresh(grant).state == "revoked"
        assert fresh(grant).last_error == ""

    def test_is_none_when_the_tag_was_taken_off_a_user_that_the_target_had_confirmed(self, work: Work) -> None:
        grant = work.active()
        work.owner.admin.command("updateUser", grant.username, customData={})
        release(work, grant)

        drain()

        assert fresh(grant).state == "revoked"
        assert work.users_named(grant.username) == []

    def test_on_a_target_that_is_away_is_told_and_is_overdue_until_it_returns(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        grant = work.active()
        release(work, grant)
        work.way.shut()

        carry(Job.REVOKE, grant)

        assert "did not answer" in fresh(grant).last_error
        assert not grant_queries.is_overdue(fresh(grant), at=clock.now())
        database_clock.advance(timedelta(seconds=6))
        assert grant_queries.is_overdue(fresh(grant), at=clock.now())
        work.way.open()
        targets.mark_reachable(slug="shop-prod")
        drain()
        assert fresh(grant).state == "revoked"
        assert not grant_queries.is_overdue(fresh(grant), at=clock.now())

    def test_on_a_target_known_to_be_away_does_not_hold_up_a_worker(self, work: Work) -> None:
        grant = work.active()
        targets.mark_unreachable(slug="shop-prod", why="A test says so.")
        release(work, grant)

        began = clock.now()
        waiting = carry(Job.REVOKE, grant)

        assert clock.now() - began < timedelta(seconds=1)
        assert waiting.ready_at > clock.now() + timedelta(seconds=20)
        assert fresh(grant).last_error
        targets.mark_reachable(slug="shop-prod")
        assert message(Job.REVOKE, grant).ready_at <= clock.now()
        drain()
        assert fresh(grant).state == "revoked"
        assert events_of("target/shop-prod")[-2:] == ["target.unreachable", "target.reachable"]

    def test_while_the_target_hangs_takes_a_bounded_time(self, work: Work) -> None:
        grant = work.active()
        release(work, grant)
        work.way.hang()
        began = clock.now()

        carry(Job.REVOKE, grant)

        assert clock.now() - began < timedelta(seconds=6)
        assert fresh(grant).target.unreachable_since is not None
        assert fresh(grant).state == "revoking"


class TestADeadline:
    def test_comes_on_its_own_and_ends_the_grant_everywhere(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active(duration=timedelta(minutes=30))
        database_clock.advance(timedelta(minutes=30))
        assert grants.expire(grant_id=grant.pk)

        drain()

        assert (fresh(grant).state, fresh(grant).end_reason) == ("revoked", "expiry")
        assert fresh(grant).ended_by == "access-requests"
        assert work.users_named(grant.username) == []
