"""Guards the lease: kept alive while the work goes on, lost when the worker stops, and never beaten for others."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import connection

from accessrequests.domain.events import Job
from accessrequests.models import OutboxMessage
from accessrequests.operations import outbox
from accessrequests.operations.outbox import LEASE, Claim
from accessrequests.queries import clock
from workers import heart
from workers.heart import BEAT_SECONDS, Heart

pytestmark = pytest.mark.usefixtures("committed")


def claimed(name: str = "worker") -> tuple[OutboxMessage, Claim]:
    outbox.file_periodic(job=Job.PROVE_ALIVE, subject=f"consumer/{name}")
    message = OutboxMessage.objects.get(subject=f"consumer/{name}", done_at=None)
    claim = outbox.claim(message_id=message.pk, owner="this test")
    assert claim is not None
    return message, claim


def wait_until(happens: object, *, seconds: float) -> bool:
    assert callable(happens)
    pause, deadline = threading.Event(), clock.now() + timedelta(seconds=seconds)
    while clock.now() < deadline:
        if happens():
            return True
        pause.wait(0.05)
    return False


def is_beaten(message: OutboxMessage) -> bool:
    before = message.claimed_until
    message.refresh_from_db()
    return message.claimed_until != before


class TestHeart:
    def test_keeps_a_claim_alive_for_longer_than_its_lease(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=1))
        monkeypatch.setattr(heart, "BEAT_SECONDS", 0.3)
        message, claim = claimed()
        with Heart().beating(claim):
            threading.Event().wait(2)
            assert outbox.claim(message_id=message.pk, owner="a thief") is None
        assert outbox.finish(claim=claim)

    def test_beats_three_times_a_lease(self) -> None:
        assert timedelta(seconds=3 * BEAT_SECONDS) <= LEASE

    def test_lets_a_claim_lapse_when_the_work_has_stopped(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=0.5))
        monkeypatch.setattr(heart, "BEAT_SECONDS", 0.1)
        message, claim = claimed()
        with Heart().beating(claim):
            pass
        taken: list[Claim] = []

        def take() -> bool:
            found = outbox.claim(message_id=message.pk, owner="the next one")
            taken.extend([found] if found else [])
            return bool(taken)

        assert wait_until(take, seconds=5)
        assert taken[0].number == claim.number + 1
        assert not outbox.finish(claim=claim), "what was lost is not finished by the one who lost it"
        assert not outbox.postpone(claim=claim, delay=timedelta(), why="late", failed=True)
        assert outbox.finish(claim=taken[0])

    def test_beats_nothing_that_has_passed_on(self) -> None:
        message, claim = claimed()
        OutboxMessage.objects.filter(pk=message.pk).update(claimed_until=clock.now() - timedelta(seconds=1))
        assert outbox.claim(message_id=message.pk, owner="the next one") is not None
        message.refresh_from_db()

        outbox.beat(claims=[claim])

        assert not is_beaten(message)

    def test_takes_up_again_after_a_rest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(heart, "BEAT_SECONDS", 0.1)
        one = Heart()
        for name in ("worker", "worker_urgent"):
            message, claim = claimed(name)
            message.refresh_from_db()
            with one.beating(claim):
                assert wait_until(lambda message=message: is_beaten(message), seconds=5)
            threading.Event().wait(0.25)
            assert one._claims == {}

    def test_survives_a_database_that_goes_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(heart, "BEAT_SECONDS", 0.1)
        message, claim = claimed()
        message.refresh_from_db()
        with Heart().beating(claim):
            assert wait_until(lambda: is_beaten(message), seconds=5)
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND datname = current_database() AND usename = current_user"
                )
            is_beaten(message)
            assert wait_until(lambda: is_beaten(message), seconds=5)
