"""What an operation left behind: its audit events, its outbox messages, or nothing at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar

import pytest
from django.db import connection
from psycopg import sql

from accessrequests.models import AuditEvent, OutboxMessage
from accessrequests.queries import audit

Failure = TypeVar("Failure", bound=BaseException)


@cache
def _question() -> str:
    """One for all tables, since it is asked very often."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        tables = [table for (table,) in cursor.fetchall()]
        parts = [
            sql.SQL("SELECT {}, t::text FROM public.{} AS t").format(sql.Literal(table), sql.Identifier(table))
            for table in tables
        ]
        return (sql.SQL(" UNION ALL ").join(parts) + sql.SQL(" ORDER BY 1, 2")).as_string(cursor.cursor)


def everything() -> list[tuple[str, str]]:
    """Every row of every table, as text."""
    with connection.cursor() as cursor:
        cursor.execute(_question())
        return [(table, row) for table, row in cursor.fetchall()]


@contextmanager
def leaves_nothing() -> Iterator[None]:
    """What happens inside changes no row of any table."""
    before = everything()
    yield
    assert everything() == before


@contextmanager
def refuses(failure: type[Failure], *, match: str | None = None) -> Iterator[pytest.ExceptionInfo[Failure]]:
    """What happens inside raises, and changes no row of any table."""
    with leaves_nothing(), pytest.raises(failure, match=match) as caught:
        yield caught


class Traces:
    """What was recorded since this was made."""

    def __init__(self) -> None:
        self.sequence = audit.head_sequence()
        self.message_ids = set(OutboxMessage.objects.values_list("pk", flat=True))

    def events(self) -> list[tuple[str, str, str]]:
        """Event, actor and subject of each."""
        later = AuditEvent.objects.filter(sequence__gt=self.sequence).order_by("sequence")
        return list(later.values_list("event", "actor", "subject"))

    def facts(self, event: str) -> dict[str, object]:
        """The facts of the one event of this kind."""
        found: dict[str, object] = AuditEvent.objects.get(sequence__gt=self.sequence, event=event).facts
        return found

    def jobs(self) -> list[tuple[str, str]]:
        """Job and subject of each message."""
        messages = OutboxMessage.objects.exclude(pk__in=self.message_ids).order_by("pk")
        return list(messages.values_list("job", "subject"))
