"""Guards the relay: what is due is carried, urgent things without any worker, and no single trouble stops its turns."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accessrequests.domain.events import Job
from accessrequests.models import Grant, OutboxMessage
from accessrequests.operations import grants, quarantine
from accessrequests.queries import audit, clock, health, metrics
from accessrequests.queries import work as due
from accessrequests.queries.quarantine import Anchored
from tests import make
from tests.workers.conftest import READ_ORDERS, Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.processes import eventually, running
from tests.workers.rows import carry, events_of, fresh, message
from workers import anchor, expiry
from workers import relay as relaying
from workers.children import Children
from workers.listener import Listener
from workers.publisher import Publisher
from workers.relay import LONGEST_SLEEP, SHORTEST_SLEEP, Periodic, Relay


@pytest.fixture
def relay(work: Work, monkeypatch: pytest.MonkeyPatch) -> Relay:
    """Without children: `turn` is looked at, not what they do."""
    monkeypatch.setattr(Children, "_born", lambda _self: _Nobody())
    monkeypatch.setattr(Publisher, "offer", lambda _self, _ready: None)
    return Relay()


class _Nobody:
    """A child that is busy for ever."""

    message_id = 0
    since = float("inf")

    class process:  # noqa: N801
        @staticmethod
        def is_alive() -> bool:
            return True

    class pipe:  # noqa: N801
        @staticmethod
        def poll() -> bool:
            return False


class TestTurn:
    def test_ends_what_is_due_and_sleeps_until_the_next_deadline(
        self, work: Work, relay: Relay, database_clock: DatabaseClock
    ) -> None:
        grant = work.active(duration=timedelta(minutes=1))
        relay.turn()
        assert fresh(grant).state == "active"
        OutboxMessage.objects.update(done_at=clock.now())
        database_clock.advance(timedelta(seconds=59.5) - (clock.now() - _start(grant)))

        sleep = relay.turn()

        assert fresh(grant).state == "active"
        assert 0 < sleep <= 0.5
        database_clock.advance(timedelta(seconds=1))
        relay.turn()
        assert fresh(grant).state == "revoking"

    def test_sleeps_a_second_at_most_and_is_not_kept_awake_by_what_it_could_not_end(
        self, work: Work, relay: Relay, database_clock: DatabaseClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        work.active(duration=timedelta(minutes=1))
        OutboxMessage.objects.update(done_at=clock.now())
        relay.turn()
        OutboxMessage.objects.update(done_at=clock.now())
        assert relay.turn() == LONGEST_SLEEP
        database_clock.advance(timedelta(minutes=2))

        def broken(**_anything: object) -> None:
            raise RuntimeError("Nobody foresaw this.")

        monkeypatch.setattr(grants, "expire", broken)
        assert relay.turn() == LONGEST_SLEEP

    def test_wakes_a_second_after_a_revocation_that_nobody_claims(self, work: Work, relay: Relay) -> None:
        grant = work.active()
        OutboxMessage.objects.update(done_at=clock.now())
        relay.turn()
        OutboxMessage.objects.update(done_at=clock.now())
        now = clock.now()
        OutboxMessage.objects.filter(subject=str(grant), job=Job.PROVISION.value).update(
            job=Job.REVOKE.value, queue="revoke", done_at=None, ready_at=now, claimed_until=None
        )
        at = due.next_deadline(clock.now())
        assert at is not None
        assert timedelta(seconds=0.9) < at - now <= timedelta(seconds=1)
        assert due.unclaimed_urgent(now + timedelta(seconds=0.5), limit=9) == []
        assert due.unclaimed_urgent(now + timedelta(seconds=1), limit=9) == [message(Job.REVOKE, grant).pk]

    def test_asks_little_after_a_commit_that_made_nothing_due(
        self, work: Work, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("workers.relay.LONGEST_SLEEP", 3600.0)
        monkeypatch.setattr(Children, "pipes", lambda _self: [])
        work.active()
        relay.turn()
        OutboxMessage.objects.update(done_at=clock.now())
        relay.turn()
        with CaptureQueriesContext(connection) as asked:
            relay.turn()
        assert len(asked) <= 5, [one["sql"] for one in asked.captured_queries]

    def test_ends_what_was_seen_ahead_though_its_second_is_not_over(
        self, work: Work, relay: Relay, database_clock: DatabaseClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("workers.relay.LONGEST_SLEEP", 3600.0)
        grant = work.active(duration=timedelta(minutes=1))
        relay.turn()
        OutboxMessage.objects.update(done_at=clock.now())
        database_clock.advance(timedelta(minutes=1))
        relay.turn()
        assert fresh(grant).state == "revoking"

    @pytest.mark.parametrize("is_time_for_all_else", [False, True])
    def test_ends_all_that_is_due_turn_by_turn_and_looks_at_all_else_twice_a_second(
        self,
        work: Work,
        relay: Relay,
        database_clock: DatabaseClock,
        monkeypatch: pytest.MonkeyPatch,
        is_time_for_all_else: bool,
    ) -> None:
        """In a storm each look costs what ten ends cost; what began by the clock must not wait for its next second."""
        granted = [work.active(duration=timedelta(minutes=1)) for _ in range(7)]
        looks = list[int]()
        monkeypatch.setattr(Publisher, "offer", lambda _self, ready: looks.append(len(ready)))
        monkeypatch.setattr(Children, "offer", lambda _self, _ids: None)
        monkeypatch.setattr(expiry, "AT_ONCE", 2)
        monkeypatch.setattr(relaying, "ENDED_AT_ONCE", 2)
        monkeypatch.setattr(relaying, "STORM_SECONDS", 0.0 if is_time_for_all_else else 60.0)
        relay.turn()
        database_clock.advance(timedelta(minutes=2))
        relay._due_at = None
        relay._periodic._last.pop("deadlines")
        looks.clear()

        sleeps = [relay.turn() for _ in range(4)]

        assert {fresh(grant).state for grant in granted} == {"revoking"}
        assert sleeps[:3] == [SHORTEST_SLEEP] * 3
        assert len(looks) == (4 if is_time_for_all_else else 2), (
            "The first turn of a storm looks, and the one after it."
        )

    def test_tells_of_many_that_end_together_once_they_have_ended_or_after_half_a_minute(
        self, work: Work, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever reads pages and whoever cuts want the processors first: nobody looks at targets then, either. What tells
        of requests waits for nothing.
        """
        granted = [work.active() for _ in range(3)]
        asked = make.submit(work.cast.alice, roles=(READ_ORDERS,))
        offered = set[int]()
        monkeypatch.setattr(Publisher, "offer", lambda _self, ready: offered.update(one.message_id for one in ready))
        monkeypatch.setattr(Children, "offer", lambda _self, _ids: None)
        monkeypatch.setattr(expiry, "CROWD", 2)
        monkeypatch.setattr(expiry, "CROWD_OVER_SECONDS", 60.0)
        untold = message(Job.NOTIFY, granted[0])
        OutboxMessage.objects.exclude(subject=str(asked)).update(done_at=clock.now())
        OutboxMessage.objects.filter(pk=untold.pk).update(done_at=None, sent_at=None)
        Grant.objects.update(expires_at=clock.now())

        relay.turn()
        relay.turn()

        assert {fresh(grant).state for grant in granted} == {"revoking"}
        of_jobs = OutboxMessage.objects.filter(pk__in=offered).values_list("job", "subject")
        assert sorted(one for one in of_jobs if one[0] in {"notify", "revoke", *due.LOOKING}) == sorted(
            [("notify", str(asked)), *(("revoke", str(grant)) for grant in granted)]
        )
        with monkeypatch.context() as later:
            later.setattr(expiry, "CROWD_OVER_SECONDS", -1.0)
            relay.turn()
            look = message(Job.RECONCILE, "target/shop-prod")
            assert {untold.pk, look.pk} <= offered
        offered.clear()
        long_ago = clock.now() - due.LONGEST_PUT_OFF
        OutboxMessage.objects.filter(pk__in=[untold.pk, look.pk]).update(created_at=long_ago, ready_at=long_ago)
        assert relay._deadlines.is_crowd()
        relay.turn()
        assert {untold.pk, look.pk} <= offered, "Nobody waits for longer than half a minute."

    def test_is_not_stopped_by_an_anchor_that_cannot_be_written(
        self, work: Work, relay: Relay, settings: Settings, tmp_path: Path
    ) -> None:
        settings.ACCESS_ANCHOR_FILE = str(tmp_path)
        grant = work.active()
        Grant.objects.filter(pk=grant.pk).update(expires_at=clock.now())
        relay.turn()
        assert fresh(grant).state == "revoking"

    def test_waits_for_nobody_who_is_frozen_inside_a_transaction(self, work: Work, relay: Relay) -> None:
        assert "-c idle_in_transaction_session_timeout=5s" in connection.settings_dict["OPTIONS"]["options"]


class TestPace:
    def test_rests_as_long_as_it_has_worked_when_commits_never_stop(
        self, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who commits needs the processor, too. Nothing is lost: what comes meanwhile is carried by the next turn."""
        began = list[float]()
        monkeypatch.setattr(relaying, "LONGEST_REST", 0.05)

        def turn(_self: Relay) -> float:
            began.append(time.monotonic())
            time.sleep(0.02 if len(began) < 3 else 0.15)
            if len(began) == 5:
                relay.stop()
            return LONGEST_SLEEP

        monkeypatch.setattr(Relay, "turn", turn)
        with closing(_Always()) as listener:
            relay._serve(listener)  # type: ignore[arg-type]

        assert len(began) == 5
        gaps = [later - earlier for earlier, later in pairwise(began)]
        assert min(gaps[:2]) >= 0.04
        assert min(gaps[2:]) >= 0.2, "Nor does it rest longer than it may."

    def test_rests_longer_while_many_end_unless_more_are_due_than_one_turn_can_end(
        self, relay: Relay, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert relay._pause(0.02) == 0.02
        monkeypatch.setattr(expiry.Deadlines, "is_crowd", lambda _self: True)
        assert relay._pause(0.02) == relaying.CROWD_REST
        with monkeypatch.context() as at_work:
            at_work.setattr(Children, "pipes", lambda _self: [object()])
            assert relay._pause(0.02) == 0.02, "Its children get their next message in a turn."
        relay._is_storm = True
        assert relay._pause(0.02) == 0.0


class _Always:
    """A listener for whom there is always a commit."""

    def __init__(self) -> None:
        self._ours, self._theirs = socket.socketpair()
        self._theirs.send(b"commit")

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()

    def fileno(self) -> int:
        return self._ours.fileno()

    def check_round_trip(self) -> None:
        pass

    def drain(self) -> None:
        pass


class TestPeriodic:
    def test_files_each_once_and_again_when_its_time_has_come(self, work: Work) -> None:
        OutboxMessage.objects.all().delete()
        periodic = Periodic()
        periodic.file()
        periodic.file()

        filed = sorted(OutboxMessage.objects.values_list("job", "subject"))
        targets = [f"target/{slug}" for slug in due.catalogue()]
        assert filed == sorted(
            [
                *(("reconcile", target) for target in targets),
                *(("read_inventory", target) for target in targets),
                *(("read_changes", target) for target in targets),
                ("prune", "database/product"),
                ("watch_break_glass", "break_glass/all"),
                *(("prove_alive", f"consumer/{name}") for name in ("relay", "worker", "worker_urgent")),
            ]
        )

    def test_writes_an_anchor_early_only_for_many_events(self, work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[int] = []
        monkeypatch.setattr(anchor, "write_anchor", lambda *, at_least: asked.append(at_least))
        monkeypatch.setattr("workers.relay.LONGEST_SLEEP", 0.0)
        periodic = Periodic()
        for _ in range(3):
            periodic.file()
        assert asked == [1, anchor.EVENTS_BETWEEN, anchor.EVENTS_BETWEEN]


class TestARealRelay:
    def test_ends_access_on_time_with_no_broker_and_no_worker(
        self, work: Work, tmp_path: Path, owner_connection: psycopg.Connection
    ) -> None:
        log = tmp_path / "relay.log"
        changes = {**work.environment(), "REDIS_URL": "redis://127.0.0.1:1/0", "ACCESS_ROLE": "relay"}
        with running("relay", log, **changes):
            assert eventually(lambda: OutboxMessage.objects.filter(job="prove_alive", claim__gte=1).exists()), (
                log.read_text()
            )
            grant = work.approved(duration=timedelta(seconds=10))
            carry(Job.PROVISION, grant)
            assert fresh(grant).state == "active", fresh(grant).last_error
            # Deaf for a moment, as after a failover: it comes back and goes on.
            owner_connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE application_name = 'access-relay' AND datname = current_database()"
            )
            Grant.objects.filter(pk=grant.pk).update(expires_at=clock.now() + timedelta(seconds=2.5))
            assert eventually(lambda: fresh(grant).state == "revoked"), log.read_text()

        ended = fresh(grant)
        assert ended.expires_at is not None
        assert ended.cut_at is not None
        assert timedelta() <= ended.cut_at - ended.expires_at < timedelta(seconds=8)
        assert work.users_named(grant.username) == []
        assert events_of(grant).count("grant.revoked") == 1
        assert audit.verify().ok

    def test_hears_of_a_commit_at_once(self, work: Work) -> None:
        with Listener() as listener:
            listener.drain()
            began = time.monotonic()
            work.approved()
            assert eventually(lambda: bool(list(listener._connection.notifies(timeout=0))))
            assert time.monotonic() - began < 2


def _start(grant: Grant) -> datetime:
    started = fresh(grant).starts_at
    assert started is not None
    return started


class TestQuarantined:
    def test_ends_and_carries_nothing_until_a_person_accepts(
        self, work: Work, relay: Relay, database_clock: DatabaseClock
    ) -> None:
        grant = work.active(duration=timedelta(minutes=1))
        quarantine.look(anchored=None)
        quarantine.look(anchored=Anchored(audit.head_sequence() + 1, "of an event that is not here"))
        database_clock.advance(timedelta(minutes=2))

        assert relay.turn() == LONGEST_SLEEP

        assert fresh(grant).state == "active"
        assert len(work.users_named(grant.username)) == 1
        assert "quarantined" in (health.obstacle() or "")
        assert [one.value for one in metrics.readings() if one.name == "access_quarantined"] == [1.0]

        quarantine.accept(actor=make.OPERATOR, anchored=None, is_complete=False, keeps_tokens=False)
        Relay().turn()
        drain()

        assert (fresh(grant).state, fresh(grant).end_reason) == ("revoked", "revoked")
        assert work.users_named(grant.username) == []
        assert health.obstacle() is None
