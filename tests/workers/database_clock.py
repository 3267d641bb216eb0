"""The database's own clock, moved: every process that logs in as the application sees it, claims and leases too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
from django.db import connections
from psycopg import sql

from tests.servers import APPLICATION, DATABASE

_MAKE = """
CREATE SCHEMA moved;
CREATE TABLE moved.clock (ahead interval NOT NULL);
INSERT INTO moved.clock VALUES ('0');
CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT pg_catalog.clock_timestamp() + (SELECT ahead FROM moved.clock)';
GRANT USAGE ON SCHEMA moved TO PUBLIC;
GRANT SELECT ON moved.clock TO PUBLIC;
"""


class DatabaseClock:
    """Found before the real one on the application's search path."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def advance(self, by: timedelta) -> None:
        self._connection.execute("UPDATE moved.clock SET ahead = ahead + %s", [by])


@contextmanager
def movable(connection: psycopg.Connection) -> Iterator[DatabaseClock]:
    """`connection` is a superuser's. Whoever is logged in already has to log in again, and does."""
    names = {"role": sql.Identifier(APPLICATION), "database": sql.Identifier(DATABASE)}
    connection.execute("DROP SCHEMA IF EXISTS moved CASCADE")
    connection.execute(_MAKE)
    path = sql.SQL("ALTER ROLE {role} IN DATABASE {database} SET search_path = moved, pg_catalog, public")
    connection.execute(path.format(**names))
    connections.close_all()
    try:
        yield DatabaseClock(connection)
    finally:
        connection.execute(sql.SQL("ALTER ROLE {role} IN DATABASE {database} RESET search_path").format(**names))
        connections.close_all()
        connection.execute("DROP SCHEMA moved CASCADE")
