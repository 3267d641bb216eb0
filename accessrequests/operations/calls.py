"""How often one person calls or presses. The count is a row, so that Redis holds nothing that matters."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from accessrequests.models import Person

_COUNT = """
INSERT INTO accessrequests_callbucket AS bucket (person_id, second, calls)
VALUES (%s, extract(epoch FROM clock_timestamp())::bigint, 1)
ON CONFLICT (person_id) DO UPDATE SET
    calls = CASE WHEN bucket.second = EXCLUDED.second THEN bucket.calls + 1 ELSE 1 END,
    second = EXCLUDED.second
RETURNING calls
"""


def may_call(*, person: Person) -> bool:
    """Counts this one, too, in one statement: `ACCESS_CALLS_PER_SECOND` per person and second, through REST and portal."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [person.pk])
        (calls,) = cursor.fetchone()
    return bool(calls <= settings.ACCESS_CALLS_PER_SECOND)
