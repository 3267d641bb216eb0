"""Runs calls at the same moment, each in a thread with a connection of its own, or while a row is held locked."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import psycopg
from django.db import connection


def at_once(calls: Sequence[Callable[[], object]]) -> list[object]:
    """What each call returned, or the exception that it raised."""
    barrier = threading.Barrier(len(calls))
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result(timeout=60) for future in [pool.submit(_outcome, call, barrier) for call in calls]]


def _outcome(call: Callable[[], object], barrier: threading.Barrier) -> object:
    try:
        connection.ensure_connection()
        barrier.wait(timeout=30)
        return call()
    except Exception as error:  # noqa: BLE001 - the test looks at it
        return error
    finally:
        connection.close()


def kinds(outcomes: Sequence[object]) -> dict[str, int]:
    """How many of each kind of outcome, by the name of its class."""
    names = [type(outcome).__name__ for outcome in outcomes]
    return {name: names.count(name) for name in sorted(set(names))}


@contextmanager
def holding(owner: psycopg.Connection, table: str, pk: int) -> Iterator[None]:
    """Hold one row locked, as a slow transaction would, while the block runs."""
    with owner.transaction():
        owner.execute(f"SELECT 1 FROM accessrequests_{table} WHERE id = %s FOR UPDATE", [pk])
        yield


class Waiting:
    """One call that waits for a row which is held locked: `release` lets it go on and gives its outcome."""

    def __init__(self, owner: psycopg.Connection, table: str, pk: int, call: Callable[[], object]) -> None:
        self._held = holding(owner, table, pk)
        self._held.__enter__()
        self._pool = ThreadPoolExecutor(1)
        self._future: Future[object] = self._pool.submit(_outcome, call, threading.Barrier(1))
        self._until_it_waits()

    def _until_it_waits(self) -> None:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
                )
                if cursor.fetchone()[0]:
                    return
            time.sleep(0.01)
        raise AssertionError("The call never waited for the row.")

    def release(self) -> object:
        self._held.__exit__(None, None, None)
        outcome = self._future.result(timeout=30)
        self._pool.shutdown()
        return outcome
