"""What there is before somebody tries something, and that it can be taken back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import apps
from django.db import connection, transaction

from accessrequests.models import AuditEvent, CallBucket


def rows_of_everything() -> list[tuple[str, str]]:
    """Every row of ours. Recorded refusals, who signed in when and who presses how often are no product state."""
    tables = [model._meta.db_table for model in apps.get_app_config("accessrequests").get_models()]
    parts = [
        f"SELECT '{table}', (to_jsonb(t) - 'last_login')::text FROM {table} t"
        for table in tables
        if table not in {AuditEvent._meta.db_table, CallBucket._meta.db_table}
    ]
    parts.append(f"SELECT 'events', count(*)::text FROM {AuditEvent._meta.db_table} WHERE event NOT LIKE '%.refused'")
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts) + " ORDER BY 1, 2")
        return [(table, row) for table, row in cursor.fetchall()]


@contextmanager
def taken_back() -> Iterator[None]:
    """Whatever happens inside leaves nothing, so that the next person finds the world untouched."""
    atomic = transaction.atomic()
    atomic._from_testcase = True  # type: ignore[attr-defined]  # operations insist on the outermost transaction
    with atomic:
        yield
        transaction.set_rollback(True)
