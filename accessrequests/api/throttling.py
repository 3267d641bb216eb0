"""How often one person may call. The count is a row, so that Redis holds nothing that matters."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import connection
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from accessrequests.models import Person

_COUNT = """
INSERT INTO accessrequests_callbucket AS bucket (person_id, second, calls)
VALUES (%s, extract(epoch FROM clock_timestamp())::bigint, 1)
ON CONFLICT (person_id) DO UPDATE SET
    calls = CASE WHEN bucket.second = EXCLUDED.second THEN bucket.calls + 1 ELSE 1 END,
    second = EXCLUDED.second
RETURNING calls
"""


class CallsPerSecond(BaseThrottle):
    """`ACCESS_CALLS_PER_SECOND` calls per person and second, counted in one statement."""

    def allow_request(self, request: Request, view: Any) -> bool:
        if not isinstance(request.user, Person):
            return True
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [request.user.pk])
            (calls,) = cursor.fetchone()
        return bool(calls <= settings.ACCESS_CALLS_PER_SECOND)

    def wait(self) -> float:
        return 1
