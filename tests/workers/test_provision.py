"""From approved to usable, on a real mongod: what the target itself says, also when something goes wrong on the way."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from pymongo.errors import OperationFailure

from accessrequests.domain.events import Job, Via
from accessrequests.models import AuditEvent, Credential, Inventory, OutboxMessage
from accessrequests.operations import grants, targets
from accessrequests.queries import audit, clock
from tests import make
from tests.workers.conftest import SHOP, WORKER, Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.gatekeeper import GATEKEEPER
from tests.workers.rows import carry, due_now, events_of, facts_of, fresh, lapse_claim, message
from workers import handlers

FAILS = ["grant.attempt_failed", "grant.provisioning_failed", "grant.revocation_started"]


def in_thread(message_id: int) -> threading.Thread:
    def run() -> None:
        handlers.carry(message_id=message_id, owner="the late one")
        connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@contextmanager
def worker_without_rights(work: Work) -> Iterator[None]:
    work.owner.admin.command("updateUser", WORKER, roles=["read"])
    try:
        yield
    finally:
        work.owner.admin.command("updateUser", WORKER, roles=["root"])


class TestProvision:
    def test_lets_the_person_do_what_was_approved_and_nothing_else(self, work: Work) -> None:
        grant = work.approved()
        assert work.users_named(grant.username) == []

        drain()

        assert fresh(grant).state == "active"
        with work.login(grant) as client:
            assert client[SHOP].orders.count_documents({}) == 200
            for forbidden in (
                lambda: client[SHOP].orders.insert_one({}),
                client[SHOP].customers.find_one,
                lambda: client["admin"].command("usersInfo", 1),
            ):
                with pytest.raises(OperationFailure) as caught:
                    forbidden()
                assert caught.value.code == 13

    def test_waits_for_a_scheduled_start(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.approved(starts_at=clock.now() + timedelta(hours=3))

        drain()

        assert fresh(grant).state == "pending"
        assert work.users_named(grant.username) == []
        assert "grant.provisioning_started" not in events_of(grant)
        database_clock.advance(timedelta(hours=3, seconds=1))
        drain()
        begun = fresh(grant)
        assert begun.state == "active"
        assert begun.starts_at is not None
        assert begun.starts_at >= grant.not_before
        assert begun.expires_at == begun.starts_at + timedelta(hours=2)

    def test_counts_the_length_from_the_start_of_provisioning(self, work: Work) -> None:
        grant = fresh(work.active())

        assert grant.starts_at is not None
        assert grant.activated_at is not None
        assert grant.expires_at == grant.starts_at + grant.length
        assert grant.starts_at < grant.activated_at


class TestAFailure:
    def test_is_tried_again_ever_later_with_the_same_password(self, work: Work) -> None:
        grant = work.approved()
        sealed: set[bytes] = set()
        delays = []

        with worker_without_rights(work):
            for attempt in range(1, 4):
                due_now(Job.PROVISION, grant)
                tried = carry(Job.PROVISION, grant)
                assert (tried.failures, tried.done_at, tried.claimed_until) == (attempt, None, None)
                failed = AuditEvent.objects.filter(event="grant.attempt_failed").latest("sequence")
                delays.append((tried.ready_at - failed.at).total_seconds())
                sealed.add(bytes(Credential.objects.get(grant=grant).sealed or b""))

        assert len(sealed) == 1
        assert 0.25 <= delays[0] < delays[1] < delays[2] < 5
        assert fresh(grant).state == "pending"
        assert [facts["attempt"] for facts in facts_of(grant, "grant.attempt_failed")] == [1, 2, 3]
        due_now(Job.PROVISION, grant)
        drain()
        assert fresh(grant).state == "active"
        assert fresh(grant).failures == 0

    def test_ends_the_grant_when_it_has_failed_often_enough(self, work: Work) -> None:
        grant = work.approved()

        with worker_without_rights(work):
            for _ in range(grants.ATTEMPTS_TO_PROVISION):
                due_now(Job.PROVISION, grant)
                carry(Job.PROVISION, grant)
        drain()

        ended = fresh(grant)
        assert (ended.state, ended.end_reason) == ("revoked", "provisioning_failed")
        assert events_of(grant).count("grant.provisioning_failed") == 1
        assert work.users_named(grant.username) == []

    def test_that_cannot_be_cured_ends_the_grant_at_once_and_touches_nothing_of_others(self, work: Work) -> None:
        grant = work.approved()
        work.owner.admin.command("createUser", grant.username, pwd="theirs", roles=[])

        carry(Job.PROVISION, grant)

        ended = fresh(grant)
        assert (ended.state, ended.end_reason) == ("revoking", "provisioning_failed")
        assert events_of(grant)[1:4] == FAILS
        assert Credential.objects.get(grant=grant).state == "erased"
        carry(Job.REVOKE, grant)
        assert [user["user"] for user in work.users_named(grant.username)] == [grant.username]
        assert "our tag does not prove" in fresh(grant).last_error
        work.owner.admin.command("dropUser", grant.username)
        due_now(Job.REVOKE, grant)
        drain()
        assert fresh(grant).state == "revoked"

    def test_after_the_power_was_given_takes_it_back(self, work: Work) -> None:
        """The own role is widened in the moment between opening and looking: readiness is not exact."""
        grant = work.approved()
        role = f"{grant.username}-r1"
        with GATEKEEPER.holding("usersInfo") as look:
            late = in_thread(message(Job.PROVISION, grant).pk)
            assert look.has_come.wait(10)
            wide = [{"resource": {"db": SHOP, "collection": ""}, "actions": ["find", "insert"]}]
            work.owner[SHOP].command("updateRole", role, privileges=wide)
            look.may_go.set()
            late.join(20)

        (user,) = work.users_named(grant.username)
        assert user["roles"] == []
        assert fresh(grant).state == "pending"
        assert "other than what was approved" in fresh(grant).last_error
        assert events_of(grant)[-1] == "grant.attempt_failed"

    def test_of_the_targets_own_role_is_refused(self, work: Work) -> None:
        """What was approved is what the role allowed then. Meanwhile it allows more."""
        grant = work.approved(roles=(f"read@{SHOP}",))
        inventory = Inventory.objects.get(target=grant.target)
        wider = make._on(SHOP, [*make.WRITE, "createUser"])
        targets.record_inventory(
            slug="shop-prod",
            roles={**inventory.roles, f"read@{SHOP}": wider},
            databases=inventory.databases,
            clusters={},
            quotas={},
        )

        drain()

        ended = fresh(grant)
        assert (ended.state, ended.end_reason, ended.provisioning_attempt) == ("revoked", "provisioning_failed", 0)
        assert work.users_named(grant.username) == []


class TestATargetThatIsAway:
    def test_is_waited_for_and_wakes_what_waits_at_once(self, work: Work) -> None:
        grant = work.approved()
        work.way.shut()

        waiting = carry(Job.PROVISION, grant)

        assert waiting.ready_at > clock.now() + timedelta(seconds=20)
        assert fresh(grant).target.unreachable_since is not None
        assert fresh(grant).failures == 0, "this counts against the window, not against the attempts"
        assert events_of("target/shop-prod")[-1] == "target.unreachable"
        assert fresh(grant).attempt_ended_at is None, "a call without an answer may still be carried out"
        work.way.open()
        assert targets.mark_reachable(slug="shop-prod")
        woken = message(Job.PROVISION, grant)
        assert woken.ready_at <= clock.now()
        drain()
        assert fresh(grant).state == "active"

    def test_is_not_asked_once_more_by_every_message(self, work: Work) -> None:
        """Two seconds of each would make revocations on other targets stand in line."""
        targets.mark_unreachable(slug="shop-prod", why="A test says so.")
        pending, alive = work.approved(), work.approved()

        began = clock.now()
        for grant in (pending, alive):
            carry(Job.PROVISION, grant)

        assert clock.now() - began < timedelta(seconds=1)
        assert fresh(pending).attempt == 0
        assert message(Job.PROVISION, pending).ready_at > clock.now() + timedelta(seconds=20)


class TestTwoWorkers:
    def test_carry_one_message_once(self, work: Work) -> None:
        grant = work.approved()
        pk = message(Job.PROVISION, grant).pk

        both = [in_thread(pk), in_thread(pk)]
        for worker in both:
            worker.join(20)

        assert fresh(grant).state == "active"
        assert events_of(grant) == ["grant.provisioning_started", "grant.activated"]
        assert OutboxMessage.objects.get(pk=pk).claim == 1

    @pytest.mark.parametrize("command", ["createUser", "createRole", "updateUser", "usersInfo"])
    def test_the_late_one_takes_nothing_from_the_newer(self, work: Work, command: str) -> None:
        grant = work.approved()
        pk = message(Job.PROVISION, grant).pk
        with GATEKEEPER.holding(command) as held:
            late = in_thread(pk)
            assert held.has_come.wait(10)
            lapse_claim(Job.PROVISION, grant)
            handlers.carry(message_id=pk, owner="the newer one")
            assert fresh(grant).state == "active"
            held.may_go.set()
            late.join(20)

        assert fresh(grant).state == "active"
        assert events_of(grant).count("grant.provisioning_started") == 2
        assert events_of(grant).count("grant.activated") == 1
        with work.login(grant) as client:
            assert client[SHOP].orders.count_documents({}) == 200
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        carry(Job.REVOKE, grant)
        assert work.users_named(grant.username) == []

    @pytest.mark.parametrize("command", ["createUser", "createRole", "updateUser", "usersInfo"])
    def test_the_late_one_gives_nothing_back_after_the_end(
        self, work: Work, command: str, database_clock: DatabaseClock
    ) -> None:
        grant = work.approved()
        with GATEKEEPER.holding(command) as held:
            late = in_thread(message(Job.PROVISION, grant).pk)
            assert held.has_come.wait(10)
            grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
            carry(Job.REVOKE, grant)
            assert fresh(grant).state == "revoking", "its last call may still be on its way"
            database_clock.advance(grants.LONGEST_CALL)
            carry(Job.REVOKE, grant)
            assert fresh(grant).state == "revoked"
            held.may_go.set()
            late.join(20)

        assert work.users_named(grant.username) == []
        assert work.roles_of(grant.username) == []
        assert "grant.activated" not in events_of(grant)
        assert audit.verify().ok

    def test_an_attempt_that_was_voided_tells_that_it_has_ended(self, work: Work) -> None:
        grant = work.approved()
        with GATEKEEPER.holding("createUser") as held:
            late = in_thread(message(Job.PROVISION, grant).pk)
            assert held.has_come.wait(10)
            grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
            held.may_go.set()
            late.join(20)

        assert fresh(grant).attempt_ended_at is not None
        drain()
        assert fresh(grant).state == "revoked", "nobody had to wait for the longest call"


class TestRotate:
    def test_gives_the_target_a_new_password_and_cuts_the_old_login(self, work: Work) -> None:
        grant = work.active()
        old = work.reveal(grant)
        work.rotate(grant)

        drain()

        new = work.reveal(grant)
        assert new.password != old.password
        assert work.can_log_in(new.connection_string)
        assert not work.can_log_in(old.connection_string)
        assert events_of(grant)[-3:] == ["credential.rotation_started", "credential.rotated", "credential.revealed"]

    def test_is_tried_again_after_a_failure(self, work: Work) -> None:
        grant = work.active()
        work.rotate(grant)
        with worker_without_rights(work):
            assert carry(Job.ROTATE, grant).failures == 1
        due_now(Job.ROTATE, grant)
        assert carry(Job.ROTATE, grant).done_at is not None
        assert work.can_log_in(work.reveal(grant).connection_string)

    def test_is_pointless_once_the_access_ends(self, work: Work) -> None:
        grant = work.active()
        work.rotate(grant)
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        drain()
        assert fresh(grant).state == "revoked"
        assert message(Job.ROTATE, grant).done_at is not None
        assert "credential.rotated" not in events_of(grant)


class TestEraseUnread:
    def test_forgets_what_nobody_has_read(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active()
        assert Credential.objects.get(grant=grant).state == "ready"
        database_clock.advance(timedelta(minutes=15, seconds=1))

        drain()

        credential = Credential.objects.get(grant=grant)
        assert (credential.state, credential.sealed) == ("erased", None)
        assert events_of(grant)[-1] == "credential.erased"
        assert fresh(grant).state == "active"

    def test_leaves_a_newer_password_its_own_quarter_of_an_hour(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        grant = work.active()
        database_clock.advance(timedelta(minutes=10))
        work.rotate(grant)
        drain()
        database_clock.advance(timedelta(minutes=6))
        drain()
        assert Credential.objects.get(grant=grant).state == "ready"
        database_clock.advance(timedelta(minutes=10))
        drain()
        assert Credential.objects.get(grant=grant).state == "erased"


def test_an_unforeseen_error_is_tried_again_and_its_text_stays_in_the_log(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    grant = work.approved()
    monkeypatch.setattr("accessrequests.operations._credential.PASSWORD_BYTES", "not a number")

    tried = carry(Job.PROVISION, grant)

    assert (tried.failures, tried.done_at) == (1, None)
    assert tried.last_error == "An unforeseen TypeError. The log of the worker has it whole."
