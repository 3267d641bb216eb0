"""Whether this process can serve, and which ends are late."""

from __future__ import annotations

import functools
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Func, IntegerField, Q, QuerySet
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import Grant
from accessrequests.queries import quarantine
from accessrequests.queries.grants import CUT_BOUND

MOST_COUNTED = 1_000
# The owner of a table may give every right on it back to itself, so not being (in) the owner counts too.
_CAN_CHANGE_AUDIT = """
SELECT has_table_privilege(oid, 'UPDATE') OR has_table_privilege(oid, 'DELETE')
    OR has_table_privilege(oid, 'TRUNCATE') OR pg_has_role(relowner, 'MEMBER')
  FROM pg_class WHERE oid = 'accessrequests_auditevent'::regclass
"""


def obstacle() -> str | None:
    """What is in the way of serving people, or None."""
    try:
        missing = _needed_migrations() - set(MigrationRecorder(connection).applied_migrations())
        if missing:
            app, name = min(missing)
            return f"The database lacks the migration {app}.{name}. Run `manage.py bootstrap`."
        with connection.cursor() as cursor:
            cursor.execute(_CAN_CHANGE_AUDIT)
            (can_change,) = cursor.fetchone()
        quarantined = quarantine.why()
    except DatabaseError:
        return "The database does not answer. Look at PostgreSQL and DATABASE_URL."
    if quarantined:
        return f"This database is quarantined. {quarantined} An operator accepts it with `manage.py quarantine accept`."
    if can_change:
        return "The application's role can change the audit trail. Run `manage.py bootstrap`, and connect as that role."
    return None


@functools.cache
def _needed_migrations() -> frozenset[tuple[str, str]]:
    """What this version of the product comes with, read from its files once."""
    return frozenset(MigrationLoader(None, ignore_no_migrations=True).disk_migrations or ())


def overdue(now: datetime | Now) -> QuerySet[Grant]:
    """Grants that should have been cut off and may still work."""
    ending, alive = _late(now)
    return Grant.objects.filter(ending | alive, cut_at=None)


def overdue_number() -> Combinable:
    """How many now, up to `MOST_COUNTED` that end and as many that live, for a question on every page of administrators.

    Each in the order of its index and bounded: else PostgreSQL takes a tenth of all that live to be late, and starts
    helpers to count what is not there.
    """
    ending, alive = _late(Now())
    return _number(ending, "revocation_started_at") + _number(alive, "expires_at")


def _number(late: Q, order: str) -> Func:
    found = Grant.objects.filter(late, cut_at=None).order_by(order).values("pk")[:MOST_COUNTED]
    return Func(ArraySubquery(found), function="cardinality", output_field=IntegerField())


def _late(now: datetime | Now) -> tuple[Q, Q]:
    alive = [GrantState.PENDING.value, GrantState.ACTIVE.value]
    return (
        Q(state=GrantState.REVOKING.value, revocation_started_at__lt=now - CUT_BOUND),
        Q(state__in=alive, expires_at__lt=now - CUT_BOUND),
    )
