"""How often one person calls or presses. The count is a row, so that Redis holds nothing that matters."""

from __future__ import annotations

from django.conf import settings
from django.db import connection

from accessrequests.models import Person, PersonalToken

BY_HAND = 0  # what is pressed, in place of a token
_COUNT = """
INSERT INTO accessrequests_callbucket AS bucket (person_id, token, second, calls)
VALUES (%s, %s, extract(epoch FROM clock_timestamp())::bigint, 1)
ON CONFLICT (person_id, token) DO UPDATE SET
    calls = CASE WHEN bucket.second = EXCLUDED.second THEN bucket.calls + 1 ELSE 1 END,
    second = EXCLUDED.second
RETURNING calls
"""


def may_call(*, person: Person, token: PersonalToken | None = None) -> bool:
    """Counts this one, too, in one statement: `ACCESS_CALLS_PER_SECOND` a second, by each token or a person's own hand.

    They are apart, so that whoever has a token of somebody cannot keep them from pressing its end.
    """
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [person.pk, token.pk if token is not None else BY_HAND])
        (calls,) = cursor.fetchone()
    return bool(calls <= settings.ACCESS_CALLS_PER_SECOND)
