"""Guards the relay's ear: what is committed wakes it, and a deaf or broken line is noticed."""

from __future__ import annotations

import time
from multiprocessing.connection import wait

import psycopg
import pytest
from django.db import connection

from accessrequests.domain.events import Job
from accessrequests.operations import outbox
from workers import listener as listening
from workers.listener import DeafError, Listener

pytestmark = pytest.mark.usefixtures("committed")


def hears(listener: Listener, *, within: float) -> bool:
    return bool(wait([listener.fileno()], timeout=within))


class TestListener:
    def test_is_woken_by_a_commit_to_the_outbox(self) -> None:
        with Listener() as listener:
            assert not hears(listener, within=0.05)
            outbox.file_periodic(job=Job.PROVE_ALIVE, subject="consumer/worker")
            assert hears(listener, within=5)
            listener.drain()
            assert not hears(listener, within=0.05)

    def test_hears_itself_when_nobody_else_speaks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listening, "CHECK_SECONDS", 0.05)
        with Listener() as listener:
            for _ in range(3):
                time.sleep(0.06)
                listener.check_round_trip()
                assert hears(listener, within=5)
                listener.drain()

    def test_notices_that_it_is_deaf(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listening, "CHECK_SECONDS", 0.05)
        with Listener() as listener:
            listener._connection.execute("UNLISTEN *")
            time.sleep(0.06)
            listener.check_round_trip()
            time.sleep(0.06)
            with pytest.raises(DeafError):
                listener.check_round_trip()

    def test_wakes_and_fails_when_its_line_is_cut(self, owner_connection: psycopg.Connection) -> None:
        with Listener() as listener:
            pid = listener._connection.info.backend_pid
            owner_connection.execute("SELECT pg_terminate_backend(%s)", [pid])
            assert hears(listener, within=5)
            # The server's farewell may be read first, and only then the end of the line.
            with pytest.raises(psycopg.OperationalError):
                _drain_twice(listener)

    def test_lets_go_of_its_line_at_the_end(self) -> None:
        with Listener() as listener:
            pid = listener._connection.info.backend_pid
        with connection.cursor() as cursor:
            for _ in range(100):
                cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
                if cursor.fetchone() == (0,):
                    return
                time.sleep(0.02)
        pytest.fail("The line is still open.")


def _drain_twice(listener: Listener) -> None:
    for _ in range(2):
        listener.drain()
        assert hears(listener, within=5)
