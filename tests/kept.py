"""The cast, made once for each test process by the product's own operations, and given to each test as a copy of its rows."""

from __future__ import annotations

from dataclasses import dataclass

import psycopg
from django.db import connections
from psycopg import sql

from accessrequests.models import Person
from tests.make import Cast, make_cast

_SCHEMA = "kept"
# What migrations fill, and what never changes afterwards.
_STAYS = {"django_migrations", "django_content_type"}
_COLUMNS = """
    SELECT table_name, array_agg(column_name::text ORDER BY ordinal_position) FROM information_schema.columns
    WHERE table_schema = 'public' AND is_generated = 'NEVER' GROUP BY 1 ORDER BY 1
"""


@dataclass(frozen=True)
class Kept:
    """What to say to a database of this process, each in one round trip."""

    copy: str  # Say it as anybody, to empty tables.
    clear: str  # Say it as a superuser: facts stay, for everybody else.

    def give(self) -> Cast:
        """The cast, as `make_cast` leaves it, in the transaction of whoever asks."""
        with connections["default"].cursor() as cursor:
            cursor.execute(self.copy)
        return Cast(**{person.username: person for person in Person.objects.order_by("pk")})


def keep(owner: psycopg.Connection, *, role: str) -> Kept:
    """Make the cast, put its rows aside where `role` can read them, and leave the database empty."""
    columns = {table: names for table, names in owner.execute(_COLUMNS).fetchall() if table not in _STAYS}
    owner.execute(_said(owner, *_emptying(columns)))
    make_cast()
    used = [
        table for table in columns if owner.execute(sql.SQL("TABLE {} LIMIT 1").format(sql.Identifier(table))).rowcount
    ]
    owner.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_SCHEMA)))
    for table in used:
        owner.execute(sql.SQL("CREATE TABLE {} AS TABLE {}").format(_aside(table), sql.Identifier(table)))
    for right in ("USAGE ON", "SELECT ON ALL TABLES IN"):
        statement = "GRANT {} SCHEMA {} TO {}"
        owner.execute(sql.SQL(statement).format(sql.SQL(right), sql.Identifier(_SCHEMA), sql.Identifier(role)))
    kept = Kept(
        copy=_said(owner, *(_copying(table, columns[table]) for table in used)),
        clear=_said(owner, *_emptying(columns), *_counting(owner)),
    )
    owner.execute(kept.clear)
    return kept


def _aside(table: str) -> sql.Composable:
    return sql.Identifier(_SCHEMA, table)


def _copying(table: str, columns: list[str]) -> sql.Composable:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(sql.Identifier(table), names, names, _aside(table))


def _emptying(columns: dict[str, list[str]]) -> list[sql.Composable]:
    """To delete a few rows is thirty times cheaper than to truncate. As that does, the lock waits for late processes."""
    tables = [sql.Identifier(table) for table in columns]
    return [
        sql.SQL("SET LOCAL session_replication_role = replica"),
        sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(tables)),
        *(sql.SQL("DELETE FROM {}").format(table) for table in tables),
    ]


def _counting(owner: psycopg.Connection) -> list[sql.Composable]:
    """The ids of what a test makes begin after those of the cast, in every test alike."""
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
