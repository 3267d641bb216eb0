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
from django.template import Template
from django.test.client import ClientHandler
from psycopg import sql
from pytest_django import DjangoDbBlocker
from whitenoise.middleware import WhiteNoiseMiddleware

from accessrequests.queries import clock as real_clock
from sandbox.servers import scratch_directory
from tests.kept import Kept
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind
from tests.servers import APPLICATION, DATABASE, OWNER

_ADDRESS = f"{os.environ['ACCESS_TEST_POSTGRES'].rpartition('/')[0]}/{DATABASE}"


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


@pytest.fixture(scope="session")
def kept_cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Kept:
    """The rows of the cast, room for those of others, and the way back to none."""
    with django_db_blocker.unblock():
        return Kept(_ADDRESS, role=APPLICATION)


@pytest.fixture(scope="session", autouse=True)
def middleware_is_loaded() -> None:
    """As a server does before its threads begin: two that are the first at once would both register its counters."""
    ClientHandler().load_middleware()


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


@pytest.fixture(scope="session", autouse=True)
def templates_are_rendered_as_they_are(django_test_environment: None) -> Iterator[None]:
    """For tests that look into a page's context, Django copies it at each template and tells of it. Ours read the page."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Template, "_render", lambda template, context: template.nodelist.render(context))
        yield


@pytest.fixture
def db(kept_cast: Kept, db: None) -> None:
    """A transaction around the whole test, so that it is idle for as long as the test thinks. The product's never are."""
    with connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")


@pytest.fixture
def owner_connection() -> Iterator[psycopg.Connection]:
    """The test database as a superuser: what a thief with every right could do."""
    with psycopg.connect(_ADDRESS, autocommit=True) as connection:
        yield connection


@pytest.fixture
def planner(owner_connection: psycopg.Connection) -> Iterator[None]:
    """May be told how much there is. The application owns no table, so that its ANALYZE is passed over with a warning;
    plans would come of what autovacuum saw last, which is empty tables.
    """
    role = sql.Identifier(APPLICATION)
    owner_connection.execute(sql.SQL("GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {}").format(role))
    yield
    owner_connection.execute(sql.SQL("REVOKE MAINTAIN ON ALL TABLES IN SCHEMA public FROM {}").format(role))


@pytest.fixture
def committed(
    kept_cast: Kept, django_db_blocker: DjangoDbBlocker, owner_connection: psycopg.Connection
) -> Iterator[None]:
    """A database in which commits are real, for threads, processes and locks. It is emptied afterwards."""
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            connections.close_all()
            owner_connection.execute(kept_cast.clear)


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
def cast(kept_cast: Kept, db: None) -> Cast:
    """Alice and the others, the three shops, their inventory and the policy, inside the test's transaction."""
    return kept_cast.cast.give()


@pytest.fixture
def committed_cast(kept_cast: Kept, committed: None) -> Cast:
    """The same, committed."""
    return kept_cast.cast.give()


@pytest.fixture(scope="session")
def behind() -> Iterator[Behind]:
    """Real clusters that all tests of the stand-in share, in whatever room; they start for whoever asks first."""
    with scratch_directory() as directory:
        made = Behind(directory)
        yield made
        made.remove()
