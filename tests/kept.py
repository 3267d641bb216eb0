"""What is dear to make, made once for each test process by the product's own operations, and given to each test as a copy of
its rows: the cast, and whatever else a room of tests begins with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import psycopg
from django.db import connections
from psycopg import sql

from accessrequests.models import AuditEvent, Person
from tests.make import Cast, make_cast

# What migrations fill, and what never changes afterwards.
_STAYS = {"django_migrations", "django_content_type"}
# The moments in the audit trail are sealed into its chain. All others are told as if the rows had just been made.
_SEALED = AuditEvent._meta.db_table
_COLUMNS = """
    SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position),
        coalesce(array_agg(column_name::text) FILTER (WHERE data_type = 'timestamp with time zone'), '{}')
    FROM information_schema.columns
    WHERE table_schema = 'public' AND is_generated = 'NEVER' GROUP BY 1 ORDER BY 1
"""


Made = TypeVar("Made")


@dataclass(frozen=True)
class Copy(Generic[Made]):
    """Some rows that were put aside, and what was answered when they were made."""

    statement: str  # Say it as anybody, to empty tables.
    made: Made

    def give(self) -> Cast:
        """The rows, in the transaction of whoever asks."""
        with connections["default"].cursor() as cursor:
            cursor.execute(self.statement)
        return Cast(**{person.username: person for person in Person.objects.order_by("pk")})


class Kept:
    """A database of this process, the copies that were made in it, and the way back to none."""

    def __init__(self, address: str, *, role: str) -> None:
        self._address = address
        self._role = role
        self.clear = ""  # Say it as a superuser: facts stay, for everybody else.
        self.cast = self.keep("cast", make_cast)

    def keep(self, name: str, make: Callable[[], Made]) -> Copy[Made]:
        """Make something in an empty database, put its rows aside where `role` can read them, and leave it empty."""
        try:
            with psycopg.connect(self._address, autocommit=True) as owner:
                columns, moments = _tables(owner)
                owner.execute(_said(owner, *_emptying(columns)))
                made = make()
                rows = _putting_aside(owner, f"kept_{name}", columns, moments, role=self._role)
                # Nothing that a test makes takes an id of what is kept.
                self.clear = _said(owner, *_emptying(columns), *_counting(owner))
                owner.execute(self.clear)
                return Copy(_said(owner, *rows), made)
        finally:
            connections.close_all()


Names = dict[str, list[str]]


def _tables(owner: psycopg.Connection) -> tuple[Names, Names]:
    """The columns of every table, and those of them that hold a moment."""
    found = [row for row in owner.execute(_COLUMNS).fetchall() if row[0] not in _STAYS]
    return {table: names for table, names, _ in found}, {table: moments for table, _, moments in found}


def _putting_aside(
    owner: psycopg.Connection, schema: str, columns: Names, moments: Names, *, role: str
) -> list[sql.Composable]:
    """Do it, and say what brings the rows back."""
    used = [
        table for table in columns if owner.execute(sql.SQL("TABLE {} LIMIT 1").format(sql.Identifier(table))).rowcount
    ]
    owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(schema)))
    for table in used:
        aside = sql.Identifier(schema, table)
        owner.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(aside, sql.Identifier(table)))
    for right in ("USAGE ON", "SELECT ON ALL TABLES IN"):
        statement = "GRANT {} SCHEMA {} TO {}"
        owner.execute(sql.SQL(statement).format(sql.SQL(right), sql.Identifier(schema), sql.Identifier(role)))
    [(now,)] = owner.execute("SELECT clock_timestamp()").fetchall()
    # All that is sent in one message has one such moment.
    since = sql.SQL("(statement_timestamp() - {})").format(sql.Literal(now))
    return [
        _copying(sql.Identifier(schema, table), table, columns[table], set(moments[table]), since=since)
        for table in used
    ]


def _copying(
    aside: sql.Identifier, table: str, columns: list[str], moments: set[str], *, since: sql.Composable
) -> sql.Composable:
    values = [
        sql.SQL("{} + {}").format(sql.Identifier(name), since)
        if name in moments and table != _SEALED
        else sql.Identifier(name)
        for name in columns
    ]
    names, given = sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join(values)
    return sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(sql.Identifier(table), names, given, aside)


def _emptying(columns: Names) -> list[sql.Composable]:
    """To delete a few rows is thirty times cheaper than to truncate. As that does, the lock waits for late processes."""
    tables = [sql.Identifier(table) for table in columns]
    return [
        sql.SQL("SET LOCAL session_replication_role = replica"),
        sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(tables)),
        *(sql.SQL("DELETE FROM {}").format(table) for table in tables),
    ]


def _counting(owner: psycopg.Connection) -> list[sql.Composable]:
    """The ids of what a test makes begin after those of what is kept, in every test alike."""
    found = owner.execute("SELECT sequencename, last_value FROM pg_sequences WHERE schemaname = 'public'").fetchall()
    return [
        sql.SQL("SELECT setval({}, {}, {})").format(
            sql.Literal(name), sql.Literal(last or 1), sql.Literal(last is not None)
        )
        for name, last in found
    ]


def _said(owner: psycopg.Connection, *statements: sql.Composable) -> str:
    """In one message, which PostgreSQL carries in one transaction."""
    return sql.SQL("; ").join(statements).as_string(owner)
