"""Guards reconcile: it suspects, looks twice, ends only what is proven, and is not confused by the living."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from accessrequests.domain.events import Job, Via
from accessrequests.models import AuditEvent, Grant, OutboxMessage, Suspicion
from accessrequests.operations import grants
from accessrequests.queries import audit, clock
from tests.workers.conftest import SHOP, WORKER, Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.processes import eventually
from tests.workers.rows import carry, compare, events_of, fresh
from workers.connections import provisioner_for
from workers.provision import spec_of

TARGET = "target/shop-prod"


def reconcile() -> OutboxMessage:
    return compare("shop-prod")


def lose(grant: Grant) -> None:
    """Its row says that it is gone. The target knows nothing of that: a row was lost, or a call came very late."""
    Grant.objects.filter(pk=grant.pk).update(
        state="revoked",
        end_reason="released",
        revocation_started_at=grant.created_at,
        cut_at=grant.created_at,
        revoked_at=grant.created_at,
    )


class TestAnOrphan:
    def test_of_ours_is_ended_at_the_second_look_and_not_at_the_first(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        grant = work.active()
        lose(grant)

        assert reconcile().done_at is not None
        assert len(work.users_named(grant.username)) == 1
        assert reconcile().done_at is not None
        assert len(work.users_named(grant.username)) == 1, "the second look came too soon"
        database_clock.advance(timedelta(seconds=7))
        reconcile()

        assert work.users_named(grant.username) == []
        assert work.roles_of(grant.username) == []
        assert events_of(TARGET).count("target.orphan_ended") == 1
        database_clock.advance(timedelta(seconds=7))
        reconcile()
        assert events_of(TARGET).count("target.orphan_ended") == 1
        assert not Suspicion.objects.exists()

    def test_whose_row_never_was_is_ended_by_what_its_tag_proves(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        """As after the restore of an older database: nothing here knows of the grant."""
        grant = work.active()
        elsewhere = grant.username.rpartition("-")[0] + "-999"
        spec = spec_of(fresh(grant), password=24 * "x")
        stray = replace(spec, grant_id=999, username=elsewhere)
        provisioner = provisioner_for("shop-prod")
        provisioner.prepare(stray)
        provisioner.open(stray)

        reconcile()
        database_clock.advance(timedelta(seconds=7))
        reconcile()

        assert work.users_named(elsewhere) == []
        assert len(work.users_named(grant.username)) == 1
        assert fresh(grant).state == "active"

    @pytest.mark.parametrize("damage", ["foreign", "forged", "erased", "copied"])
    def test_whose_tag_proves_nothing_is_not_touched(
        self, work: Work, database_clock: DatabaseClock, damage: str
    ) -> None:
        grant = work.active()
        name = grant.username.rpartition("-")[0] + "-77777"
        (real,) = work.owner.admin["system.users"].find({"user": grant.username})
        tag = real["customData"]["accessRequests"]
        data = {
            "foreign": {"accessRequests": {**tag, "installation": "someoneelse"}},
            "forged": {"accessRequests": {**tag, "grant": "77777"}},
            "erased": {},
            "copied": real["customData"],
        }[damage]
        work.owner.admin.command("createUser", name, pwd="theirs", roles=[], customData=data)

        for _ in range(3):
            reconcile()
            database_clock.advance(timedelta(seconds=7))

        assert len(work.users_named(name)) == 1
        assert fresh(grant).state == "active"
        work.owner.admin.command("dropUser", name)

    def test_whose_tag_was_erased_by_its_holder_is_ended_by_the_grant_that_it_was_confirmed_for(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        grant = work.active()
        lose(grant)
        work.owner.admin.command("updateUser", grant.username, customData={})

        for _ in range(2):
            assert reconcile().done_at is not None
            database_clock.advance(timedelta(seconds=7))

        assert work.users_named(grant.username) == []
        assert events_of(TARGET).count("target.orphan_ended") == 1


class TestDrift:
    def test_of_roles_ends_the_grant(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active()
        work.owner.admin.command("grantRolesToUser", grant.username, roles=[{"role": "readWrite", "db": SHOP}])

        reconcile()
        assert fresh(grant).state == "active"
        database_clock.advance(timedelta(seconds=7))
        reconcile()
        drain()

        ended = fresh(grant)
        assert (ended.state, ended.end_reason) == ("revoked", "drift")
        assert "other than what was approved" in ended.note
        assert events_of(grant)[2:] == [
            "grant.drift_found",
            "grant.revocation_started",
            "credential.erased",
            "grant.cut",
            "grant.revoked",
        ]
        assert work.users_named(grant.username) == []
        assert audit.verify().ok

    def test_that_was_put_right_before_the_second_look_ends_nothing(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        grant = work.active()
        more = [{"role": "readWrite", "db": SHOP}]
        work.owner.admin.command("grantRolesToUser", grant.username, roles=more)
        reconcile()
        work.owner.admin.command("revokeRolesFromUser", grant.username, roles=more)
        database_clock.advance(timedelta(seconds=7))
        reconcile()
        work.owner.admin.command("grantRolesToUser", grant.username, roles=more)
        reconcile()
        assert fresh(grant).state == "active", "what was seen before has been put right since"

    def test_a_user_that_is_missing_ends_the_grant(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active()
        work.owner.admin.command("dropUser", grant.username)

        reconcile()
        database_clock.advance(timedelta(seconds=7))
        reconcile()
        drain()

        ended = fresh(grant)
        assert (ended.state, ended.end_reason) == ("revoked", "drift")
        assert ended.note == "The target no longer has the user as we made it."

    def test_is_not_read_out_of_a_refusal(self, work: Work, database_clock: DatabaseClock) -> None:
        """The worker's account may see no users for a while. That says nothing about the access."""
        grant = work.active()
        work.owner.admin.command("updateUser", WORKER, roles=["clusterMonitor"])
        try:
            for _ in range(3):
                reconcile()
                database_clock.advance(timedelta(seconds=40))
        finally:
            work.owner.admin.command("updateUser", WORKER, roles=["root"])

        assert fresh(grant).state == "active"
        assert reconcile().done_at is not None
        assert fresh(grant).state == "active"


def is_carried(job: Job, grant: Grant) -> bool:
    return carry(job, grant).done_at is not None


class TestTheLiving:
    def test_grants_that_start_and_end_meanwhile_confuse_nobody(self, work: Work) -> None:
        """Two people come and go while reconcile looks again and again; nothing waits between its looks."""
        over = threading.Event()
        failures: list[BaseException] = []

        def come_and_go() -> None:
            try:
                for _ in range(4):
                    grant = work.approved()
                    carry(Job.PROVISION, grant)
                    assert fresh(grant).state == "active"
                    grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
                    # The other one may be cutting it together with their own just now.
                    assert eventually(partial(is_carried, Job.REVOKE, grant))
                    assert fresh(grant).end_reason == "released"
                    assert fresh(grant).state == "revoked"
            except BaseException as error:  # noqa: BLE001 - told to the test
                failures.append(error)
            finally:
                connection.close()

        def look() -> None:
            while not over.is_set():
                Suspicion.objects.update(first_seen_at="2020-01-01T00:00:00Z")
                reconcile()
            connection.close()

        looking = threading.Thread(target=look)
        people = [threading.Thread(target=come_and_go) for _ in range(2)]
        for thread in (looking, *people):
            thread.start()
        for thread in people:
            thread.join(60)
        over.set()
        looking.join(20)

        assert failures == []
        assert Grant.objects.filter(state="revoked", end_reason="released").count() == 8
        unwanted = ["grant.drift_found", "target.orphan_ended", "grant.attempt_failed"]
        assert not AuditEvent.objects.filter(event__in=unwanted).exists()
        assert audit.verify().ok


class TestTheCheck:
    def test_stores_how_far_the_target_s_clock_is(self, work: Work) -> None:
        reconcile()
        target = fresh(work.active()).target
        assert target.checked_at is not None
        assert target.clock_skew is not None
        assert abs(target.clock_skew) < 2

    def test_a_target_that_is_away_waits_to_be_woken(self, work: Work) -> None:
        work.way.shut()
        waiting = reconcile()
        assert waiting.done_at is None
        assert events_of(TARGET)[-1] == "target.unreachable"
        assert waiting.ready_at > clock.now() + timedelta(seconds=20)
