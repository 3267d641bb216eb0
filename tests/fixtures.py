"""The fixtures that every test may ask for: a database, the cast of the sandbox, and a clock that can be moved."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connections
from psycopg import sql
from pytest_django import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware

from accessrequests.queries import clock as real_clock
from tests.make import Cast, make_cast
from tests.servers import APPLICATION, DATABASE, OWNER


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A fresh database of this test process, made as an operator makes one: by `manage.py bootstrap`."""
    password = os.environ["DATABASE_OWNER_URL"].partition("//")[2].partition(":")[2].partition("@")[0]
    with psycopg.connect(os.environ["ACCESS_TEST_POSTGRES"], autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(DATABASE)))
        for role in (APPLICATION, OWNER):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))
        connection.execute(
            sql.SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD {}").format(sql.Identifier(OWNER), sql.Literal(password))
        )
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(DATABASE), sql.Identifier(OWNER))
        )
    with django_db_blocker.unblock():
        call_command("bootstrap", stdout=io.StringIO())
        connections["owner"].close()
    yield
    connections.close_all()


@pytest.fixture(scope="session", autouse=True)
def static_files_are_listed_once() -> Iterator[None]:
    """Every client of Django's tests loads the middlewares anew, and WhiteNoise looks for all files when it is made."""
    files: dict[str, Any] = {}
    look_for_all = WhiteNoiseMiddleware.add_files_from_finders

    def look(middleware: WhiteNoiseMiddleware) -> None:
        if not files:
            look_for_all(middleware)
            files.update(middleware.files)
        middleware.files.update(files)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look)
        yield


@pytest.fixture
def db(db: None) -> None:
    """A transaction around the whole test, so that it is idle for as long as the test thinks. The product's never are."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


@pytest.fixture
def owner_connection() -> Iterator[psycopg.Connection]:
    """The test database as a superuser: what a thief with every right could do."""
    address = os.environ["ACCESS_TEST_POSTGRES"].rpartition("/")[0]
    with psycopg.connect(f"{address}/{DATABASE}", autocommit=True) as connection:
        yield connection


def empty_database(connection: psycopg.Connection) -> None:
    """Remove every row, facts included, which only a superuser with the triggers off can do."""
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    tables = [name for (name,) in rows if name not in {"django_migrations", "django_content_type"}]
    connection.execute("SET session_replication_role = replica")
    connection.execute(
        sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(map(sql.Identifier, tables)))
    )


@pytest.fixture
def committed(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, owner_connection: psycopg.Connection
) -> Iterator[None]:
    """A database in which commits are real, for threads, processes and locks. It is emptied afterwards."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            connections.close_all()
            empty_database(owner_connection)


class MovableClock:
    """The database's clock, with an offset that a test chooses."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def advance(self, by: timedelta) -> None:
        self.offset += by


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> MovableClock:
    """Move the one place from which operations read the time."""
    movable, true_now = MovableClock(), real_clock.now

    def now() -> datetime:
        return true_now() + movable.offset

    monkeypatch.setattr(real_clock, "now", now)
    return movable


@pytest.fixture
def cast(db: None) -> Cast:
    """Alice and the others, the three shops, their inventory and the policy, inside the test's transaction."""
    return make_cast()


@pytest.fixture
def committed_cast(committed: None) -> Cast:
    """The same, committed."""
    return make_cast()
