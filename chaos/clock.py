"""Clocks that are an hour off: the workers', and the database's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg
from psycopg import sql

from chaos.marked import AHEAD
from chaos.world import ChaosWorld
from sandbox.commands import WORKER, WORKER_URGENT
from sandbox.environment import APPLICATION, DATABASE

_HOUR = 3600
# Found before the real one on the application's search path.
_MAKE = """
CREATE SCHEMA moved;
CREATE FUNCTION moved.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS $$ SELECT pg_catalog.clock_timestamp() - interval '1 hour' $$;
GRANT USAGE ON SCHEMA moved TO PUBLIC;
"""
_LOGGED_IN = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = %s"


@contextlib.contextmanager
def of_workers_ahead(world: ChaosWorld) -> Iterator[None]:
    """Both workers are others meanwhile, on a machine whose clock is an hour ahead."""
    with _ahead(world, WORKER), _ahead(world, WORKER_URGENT):
        yield


@contextlib.contextmanager
def _ahead(world: ChaosWorld, part: str) -> Iterator[None]:
    world.units[part].stop()
    other = world.marked(part, log=f"{part}_ahead", more={AHEAD: str(_HOUR)})
    other.start()
    try:
        yield
    finally:
        other.finish()
        world.units[part].start()


@contextlib.contextmanager
def of_the_database_behind(world: ChaosWorld) -> Iterator[None]:
    """Whoever is logged in has to log in again, and then sees the other clock."""
    names = {"role": sql.Identifier(APPLICATION), "database": sql.Identifier(DATABASE)}
    moved = sql.SQL("ALTER ROLE {role} IN DATABASE {database} SET search_path = moved, pg_catalog, public")
    back = sql.SQL("ALTER ROLE {role} IN DATABASE {database} RESET search_path")
    with psycopg.connect(world.postgres.uri(database=DATABASE), autocommit=True) as connection:
        connection.execute(_MAKE)
        connection.execute(moved.format(**names))
        connection.execute(_LOGGED_IN, [APPLICATION])
        try:
            yield
        finally:
            connection.execute(back.format(**names))
            connection.execute(_LOGGED_IN, [APPLICATION])
            connection.execute("DROP SCHEMA moved CASCADE")
