"""The clock that decides: the database's. Operations read it after they hold the row."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db import connection


def now() -> datetime:
    """`clock_timestamp()`, not `now()`: the latter is as old as the transaction (PostgreSQL manual, 9.9.5)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment.astimezone(UTC)
