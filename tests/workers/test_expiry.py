"""Guards deadlines: each is ended on its own, on time, and never held up by another."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connection, connections, transaction

from accessrequests.models import AccessRequest, CustomRoleChange, Grant, OutboxMessage
from accessrequests.operations import grants
from accessrequests.queries import audit, clock, work
from tests import make, roles
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.workers.rows import events_of, fresh
from workers import expiry
from workers.expiry import Deadlines

TRAIL = 7241960113  # the advisory lock that access_seal takes


def active(cast: Cast, **changes: object) -> Grant:
    grant = make.approved_grant(cast.alice, cast.bob, **changes)
    attempt = grants.start_provisioning(grant_id=grant.pk)
    assert attempt is not None
    assert grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates={})
    return fresh(grant)


@contextmanager
def the_trail_held(*, seconds: float) -> Iterator[None]:
    """Somebody has the one lock that every event needs, for so long or until the block is over."""
    is_held, is_over = threading.Event(), threading.Event()

    def hold() -> None:
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TRAIL])
                is_held.set()
                is_over.wait(seconds)
        finally:
            connection.close()

    with ThreadPoolExecutor(max_workers=1) as pool:
        holding = pool.submit(hold)
        is_held.wait(10)
        try:
            yield
        finally:
            is_over.set()
            holding.result()


def end() -> int:
    return Deadlines().end_what_is_due(clock.now())


class TestEndWhatIsDue:
    def test_ends_an_active_grant_at_its_end_and_not_before(self, committed_cast: Cast, clock: MovableClock) -> None:
        grant = active(committed_cast)
        clock.advance(timedelta(hours=2) - timedelta(seconds=2))
        assert end() == 0
        assert fresh(grant).state == "active"

        clock.advance(timedelta(seconds=2))
        assert end() == 1

        ended = fresh(grant)
        assert (ended.state, ended.end_reason) == ("revoking", "expiry")
        assert ended.revocation_started_at is not None
        assert ended.expires_at is not None
        assert ended.revocation_started_at >= ended.expires_at
        assert end() == 0

    def test_gives_up_on_what_was_not_active_within_its_window(self, committed_cast: Cast, clock: MovableClock) -> None:
        grant = make.approved_grant(committed_cast.alice, committed_cast.bob)
        clock.advance(timedelta(minutes=59))
        assert end() == 0

        clock.advance(timedelta(minutes=1))
        end()

        ended = fresh(grant)
        assert (ended.state, ended.end_reason) == ("revoking", "provisioning_failed")
        assert events_of(grant) == ["grant.provisioning_failed", "grant.revocation_started"]

    def test_gives_up_at_the_end_of_the_time_box_when_that_comes_first(
        self, committed_cast: Cast, clock: MovableClock
    ) -> None:
        grant = make.approved_grant(committed_cast.alice, committed_cast.bob, duration=timedelta(minutes=10))
        grants.start_provisioning(grant_id=grant.pk)
        clock.advance(timedelta(minutes=10))

        end()

        assert (fresh(grant).state, fresh(grant).end_reason) == ("revoking", "provisioning_failed")

    def test_counts_the_window_of_a_scheduled_grant_from_its_start(
        self, committed_cast: Cast, clock: MovableClock
    ) -> None:
        in_three_hours = clock_now() + timedelta(hours=3)
        grant = make.approved_grant(committed_cast.alice, committed_cast.bob, starts_at=in_three_hours)
        clock.advance(timedelta(hours=3, minutes=59))
        assert end() == 0
        clock.advance(timedelta(minutes=1, seconds=1))
        assert end() == 1
        assert fresh(grant).state == "revoking"

    def test_lapses_a_request_that_nobody_answered(self, committed_cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(committed_cast.alice)
        clock.advance(timedelta(hours=8))

        assert end() == 1

        assert AccessRequest.objects.get(pk=access_request.pk).state == "expired"
        assert events_of(access_request)[-1] == "access_request.expired"

    def test_lapses_a_change_of_a_custom_role_that_nobody_answered(
        self, committed_cast: Cast, clock: MovableClock
    ) -> None:
        roles.project()
        change = roles.propose(committed_cast.alice)
        assert work.next_deadline(clock_now()) == change.lapses_at
        clock.advance(timedelta(hours=8))

        assert (end(), end()) == (1, 0)

        assert CustomRoleChange.objects.get(pk=change.pk).state == "expired"
        assert events_of(change) == ["custom_role.proposed", "custom_role.expired"]

    def test_ends_many_in_one_commit_each_as_if_it_were_alone(self, committed_cast: Cast, clock: MovableClock) -> None:
        due = [active(committed_cast) for _ in range(3)]
        later = active(committed_cast, duration=timedelta(hours=3))
        never = make.approved_grant(committed_cast.alice, committed_cast.bob)
        clock.advance(timedelta(hours=2))

        assert end() == 4

        assert [fresh(grant).end_reason for grant in (*due, never)] == ["expiry"] * 3 + ["provisioning_failed"]
        assert fresh(later).state == "active"
        moments = {fresh(grant).revocation_started_at for grant in due}
        assert len(moments) == 1, "They ended in one transaction."
        assert all(events_of(grant)[-2:] == ["grant.revocation_started", "credential.erased"] for grant in due)
        assert OutboxMessage.objects.filter(job="revoke", done_at=None).count() == 4
        assert audit.verify().ok

    def test_lets_what_waits_for_an_answer_wait_until_the_last_of_many_has_ended(
        self, committed_cast: Cast, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        due = [active(committed_cast) for _ in range(3)]
        waiting = make.submit(committed_cast.alice)
        monkeypatch.setattr(expiry, "AT_ONCE", 2)
        clock.advance(timedelta(hours=9))

        assert end() == 2
        assert AccessRequest.objects.get(pk=waiting.pk).state == "pending"
        assert end() == 2

        assert {fresh(grant).state for grant in due} == {"revoking"}
        assert AccessRequest.objects.get(pk=waiting.pk).state == "expired"

    def test_one_bad_row_holds_up_no_other(
        self, committed_cast: Cast, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken, sound = active(committed_cast), active(committed_cast)
        lapsing = make.submit(committed_cast.alice)
        Grant.objects.filter(pk=broken.pk).update(state="active")
        clock.advance(timedelta(hours=8))
        truly = grants.expire

        def expire(*, grant_id: int, latest: datetime) -> bool:
            if grant_id == broken.pk:
                raise RuntimeError("Nobody foresaw this.")
            return truly(grant_id=grant_id, latest=latest)

        def together(*, grant_ids: Collection[int], latest: datetime) -> set[int]:
            assert broken.pk in grant_ids
            raise RuntimeError("Nobody foresaw this.")

        monkeypatch.setattr(grants, "expire", expire)
        monkeypatch.setattr(grants, "expire_together", together)

        assert end() == 3

        assert fresh(broken).state == "active"
        assert fresh(sound).state == "revoking"
        assert AccessRequest.objects.get(pk=lapsing.pk).state == "expired"

    def test_a_row_that_somebody_holds_holds_up_no_other(self, committed_cast: Cast, clock: MovableClock) -> None:
        """A process frozen inside a transaction keeps its row; the relay must not wait for it."""
        held, free = active(committed_cast), active(committed_cast)
        clock.advance(timedelta(hours=2))
        other = connections["default"].copy()
        other.set_autocommit(False)
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT 1 FROM accessrequests_grant WHERE id = %s FOR UPDATE", [held.pk])
            began = clock_now()
            end()
            assert clock_now() - began < timedelta(seconds=4)
            other.rollback()
        finally:
            other.close()

        assert (fresh(held).state, fresh(free).state) == ("active", "revoking")
        end()
        assert fresh(held).state == "revoking"

    def test_a_queue_for_the_trail_does_not_part_those_that_end_together(
        self, committed_cast: Cast, clock: MovableClock
    ) -> None:
        """In a storm everybody queues for the trail, and to begin anew would be to queue once more for each."""
        due = [active(committed_cast) for _ in range(3)]
        clock.advance(timedelta(hours=2))
        with the_trail_held(seconds=1.0):
            end()

        assert len({fresh(grant).revocation_started_at for grant in due} - {None}) == 1
        assert {fresh(grant).state for grant in due} == {"revoking"}

    def test_a_trail_that_is_held_for_long_does_not_keep_the_relay(
        self, committed_cast: Cast, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A process frozen at the wrong moment: the next turn tries again, and this one goes on to its other work."""
        monkeypatch.setattr(expiry, "TOGETHER_PATIENCE", "300ms")
        due = [active(committed_cast) for _ in range(4)]
        clock.advance(timedelta(hours=2))
        with the_trail_held(seconds=4.0):
            began = time.monotonic()
            end()
            assert time.monotonic() - began < 2.5
            assert {fresh(grant).state for grant in due} == {"active"}

        end()
        assert {fresh(grant).state for grant in due} == {"revoking"}

    def test_those_that_keep_failing_starve_nobody(
        self, committed_cast: Cast, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """However many there are, and although they are the oldest; and none of them is forgotten."""
        monkeypatch.setattr(expiry, "AT_ONCE", 2)
        broken = [active(committed_cast) for _ in range(5)]
        sound = [active(committed_cast) for _ in range(3)]
        clock.advance(timedelta(hours=2))
        truly, tried, mended = grants.expire, list[int](), list[int]()

        def expire(*, grant_id: int, latest: datetime) -> bool:
            tried.append(grant_id)
            if grant_id in {grant.pk for grant in broken} - set(mended):
                raise RuntimeError("Nobody foresaw this.")
            return truly(grant_id=grant_id, latest=latest)

        def together(*, grant_ids: Collection[int], latest: datetime) -> set[int]:
            raise RuntimeError("Nobody foresaw this.")

        monkeypatch.setattr(grants, "expire", expire)
        monkeypatch.setattr(grants, "expire_together", together)
        deadlines = Deadlines()
        for _ in range(5):
            deadlines.end_what_is_due(clock_now())

        assert [fresh(grant).state for grant in sound] == ["revoking"] * 3
        assert tried == [grant.pk for grant in (*broken, *sound)]
        monkeypatch.setattr(expiry, "TRY_AGAIN_SECONDS", 0.0)
        monkeypatch.setattr(expiry, "LONGEST_SECONDS", -1.0)
        mended.extend(grant.pk for grant in broken)
        for ended in range(5):
            assert [fresh(grant).state for grant in broken].count("revoking") == ended
            assert deadlines.end_what_is_due(clock_now()) == 0
        assert [fresh(grant).state for grant in broken] == ["revoking"] * 5

    def test_says_so_when_the_database_itself_is_away(
        self, committed_cast: Cast, clock: MovableClock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        active(committed_cast)
        clock.advance(timedelta(hours=2))
        now = clock_now()
        grant_ids = work.ended_grants(now, limit=10)
        assert grant_ids

        def gone(*, grant_id: int, latest: datetime) -> bool:
            connections["default"].connection.close()
            raise OperationalError("the server closed the connection unexpectedly")

        monkeypatch.setattr(grants, "expire", gone)
        with pytest.raises(OperationalError):
            Deadlines().end_what_is_due(now)


def clock_now() -> datetime:
    return clock.now()
