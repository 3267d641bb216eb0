"""Guards the comparison of clocks: an alarm when they differ, and nothing new is opened meanwhile."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.models import AuditEvent, Grant, OutboxMessage
from accessrequests.operations import _ending, grants, outbox
from accessrequests.queries import audit
from tests.fixtures import MovableClock
from tests.workers.conftest import Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.processes import eventually, running
from tests.workers.rows import carry, events_of, facts_of, fresh
from workers import clocks, provision
from workers.clocks import Latest, Watch
from workers.expiry import Deadlines

HOUR = timedelta(hours=1)
A_BIT = timedelta(seconds=2)


@pytest.fixture(autouse=True)
def fresh_watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(provision, "WATCH", watch)
    return watch


def alarms() -> list[dict[str, object]]:
    return list(AuditEvent.objects.filter(event="clock.skewed").order_by("sequence").values_list("facts", flat=True))


class TestWatch:
    def test_raises_the_alarm_once_and_again_after_they_agreed(
        self, committed: None, clock: MovableClock, fresh_watch: Watch
    ) -> None:
        assert fresh_watch.compare(who="relay")
        assert alarms() == []

        for _ in range(3):
            clock.offset = -timedelta(hours=1)
            assert not fresh_watch.compare(who="relay")
        clock.offset = timedelta()
        assert fresh_watch.compare(who="relay")
        clock.offset = timedelta(seconds=5)
        assert not fresh_watch.compare(who="relay")

        behind, ahead = alarms()
        assert behind["who"] == "relay"
        assert -3_601_000 < int(str(behind["milliseconds"])) < -3_599_000
        assert 3_000 < int(str(ahead["milliseconds"])) < 6_000

    def test_raises_an_alarm_that_could_not_be_recorded_again(
        self, committed: None, clock: MovableClock, fresh_watch: Watch, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        clock.offset = -HOUR
        with monkeypatch.context() as away:
            away.setattr("accessrequests.operations.clocks.record", None)
            with pytest.raises(TypeError):
                fresh_watch.compare(who="relay")
        assert alarms() == []

        assert not fresh_watch.compare(who="relay")

        assert len(alarms()) == 1

    def test_opens_nothing_new_while_the_clocks_differ(self, work: Work, clock: MovableClock) -> None:
        grant = work.approved()
        clock.offset = timedelta(seconds=10)

        drain()

        grant.refresh_from_db()
        assert (grant.state, grant.provisioning_attempt, work.users_named(grant.username)) == ("pending", 0, [])
        clock.offset = timedelta()
        OutboxMessage.objects.filter(subject=str(grant), done_at=None).update(ready_at=grant.created_at)
        drain()
        grant.refresh_from_db()
        assert grant.state == "active"


@pytest.fixture
def own(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    """Move this process's own clock. Targets are not told."""
    movable = MovableClock()
    monkeypatch.setattr(clocks, "wall", lambda: datetime.now(UTC) + movable.offset)
    return movable


@pytest.fixture
def latest(work: Work, fresh_watch: Watch, monkeypatch: pytest.MonkeyPatch) -> Latest:
    monkeypatch.setattr(clocks, "ASK_AGAIN_SECONDS", 0.3)
    found = Latest(fresh_watch)
    assert abs(taken(found) - datetime.now(UTC)) < A_BIT
    return found


def taken(latest: Latest) -> datetime:
    return latest.of(clocks.look(), who="relay")


def answered(latest: Latest) -> bool:
    """Whether every target has said what time it is, and that was looked at."""
    taken(latest)
    return bool(latest._heard) and not latest._open


class TestLatest:
    def test_is_a_targets_and_ours_while_the_database_runs_behind(self, latest: Latest, clock: MovableClock) -> None:
        clock.offset = -HOUR
        assert taken(latest) < datetime.now(UTC) - HOUR + A_BIT, "Our own clock alone may be the wrong one."
        assert latest.is_suspect

        assert eventually(lambda: abs(taken(latest) - datetime.now(UTC)) < A_BIT)

        assert [-3_601_000 < int(str(alarm["milliseconds"])) < -3_599_000 for alarm in alarms()] == [True]
        clock.offset = timedelta()
        assert abs(taken(latest) - datetime.now(UTC)) < A_BIT
        assert latest._heard == {}

    def test_outlasts_the_target_that_confirmed_it(self, work: Work, latest: Latest, clock: MovableClock) -> None:
        clock.offset = -HOUR
        assert eventually(lambda: answered(latest))
        work.way.shut()
        for _ in range(3):
            assert eventually(lambda: not latest._open)
            assert abs(taken(latest) - datetime.now(UTC)) < A_BIT

    def test_waits_for_a_target_that_is_away(self, work: Work, latest: Latest, clock: MovableClock) -> None:
        work.way.shut()
        clock.offset = -HOUR
        taken(latest)
        assert eventually(lambda: not latest._open)
        assert taken(latest) < datetime.now(UTC) - HOUR + A_BIT
        work.way.open()
        assert eventually(lambda: abs(taken(latest) - datetime.now(UTC)) < A_BIT)

    @pytest.mark.parametrize("wrong", [HOUR, -HOUR, timedelta(days=400)])
    def test_never_is_our_own_clock_alone(
        self, work: Work, latest: Latest, own: MovableClock, wrong: timedelta
    ) -> None:
        grant = work.active(duration=timedelta(minutes=30))
        own.offset = wrong
        taken(latest)
        assert wrong < timedelta() or eventually(lambda: answered(latest))
        for _ in range(3):
            at = taken(latest)
            assert abs(at - datetime.now(UTC)) < A_BIT
            assert Deadlines().end_what_is_due(at) == 0
        assert fresh(grant).state == "active"
        assert len(alarms()) == 1
        own.offset = timedelta()
        assert abs(taken(latest) - datetime.now(UTC)) < A_BIT
        assert not latest.is_suspect

    def test_sees_that_the_databases_machine_and_ours_were_set_back_together(
        self, latest: Latest, clock: MovableClock, own: MovableClock
    ) -> None:
        clock.offset = own.offset = -HOUR
        assert eventually(lambda: abs(taken(latest) - datetime.now(UTC)) < A_BIT)
        assert len(alarms()) == 1

    def test_believes_the_targets_when_both_were_set_right(
        self, latest: Latest, clock: MovableClock, own: MovableClock
    ) -> None:
        clock.offset = own.offset = HOUR
        assert abs(taken(latest) - HOUR - datetime.now(UTC)) < A_BIT
        clock.offset = own.offset = timedelta()
        assert abs(taken(latest) - datetime.now(UTC)) < A_BIT
        assert latest.is_suspect
        assert eventually(lambda: (abs(taken(latest) - datetime.now(UTC)) < A_BIT) and not latest.is_suspect)

    def test_notices_that_the_databases_clock_went_back_to_what_is_right(
        self, latest: Latest, clock: MovableClock
    ) -> None:
        """What it stamped until then lies in its future."""
        clock.offset = HOUR
        taken(latest)
        clock.offset = timedelta()
        taken(latest)
        suspected = latest.is_suspect
        taken(latest)
        assert (suspected, latest.is_suspect) == (True, False)


class TestADatabaseThatWasSetBack:
    def test_ends_access_at_its_true_end(
        self, work: Work, database_clock: DatabaseClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By a real relay, without a broker and without a worker; and nothing new is opened meanwhile."""
        log = tmp_path / "relay.log"
        changes = {**work.environment(), "REDIS_URL": "redis://127.0.0.1:1/0", "ACCESS_ROLE": "relay"}
        with running("relay", log, **changes):
            assert eventually(lambda: OutboxMessage.objects.filter(job="prove_alive", claim__gte=1).exists()), (
                log.read_text()
            )
            another, grant = work.approved(), work.approved(duration=timedelta(seconds=12))
            carry(Job.PROVISION, grant)
            ends = fresh(grant).expires_at
            assert ends is not None
            assert fresh(grant).state == "active", fresh(grant).last_error

            database_clock.advance(-HOUR)
            monkeypatch.setattr(clocks, "ALARM", timedelta(seconds=2))
            carry(Job.PROVISION, another)
            assert eventually(lambda: not work.users_named(grant.username)), log.read_text()
            gone_at = datetime.now(UTC)
            assert eventually(lambda: fresh(grant).state == "revoked"), log.read_text()

        assert timedelta() <= gone_at - ends < timedelta(seconds=6), log.read_text()
        (started,) = facts_of(grant, "grant.revocation_started")
        assert (started["reason"], started["note"]) == ("expiry", _ending.DATABASE_BEHIND)
        assert [alarm for alarm in alarms() if alarm["who"] == "relay"] == [
            {"who": "relay", "milliseconds": pytest.approx(-3_600_000, abs=3_000)}
        ]
        assert (fresh(another).state, work.users_named(another.username)) == ("pending", [])
        assert audit.verify().ok

    @pytest.mark.parametrize("was_made", [True, False])
    def test_finishes_promptly_what_was_being_ended(
        self, work: Work, database_clock: DatabaseClock, was_made: bool
    ) -> None:
        grant = work.active() if was_made else work.approved()
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        Grant.objects.filter(pk=grant.pk).update(attempt_ended_at=None)
        database_clock.advance(-HOUR)
        assert drain() == 0
        assert outbox.mend_times(latest=datetime.now(UTC)) >= 1
        began = time.monotonic()

        def is_revoked() -> bool:
            drain()
            return fresh(grant).state == "revoked"

        assert eventually(is_revoked, seconds=25)

        assert time.monotonic() - began < 20
        assert work.users_named(grant.username) == []
        assert events_of(grant)[-1] == "grant.revoked"
        assert audit.verify().ok
