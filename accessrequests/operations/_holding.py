"""Holds people still while an operation judges them: nobody is disabled or moved between the look and the commit.

Lock order: the request or the grant that is operated on, then people in order of id, then the audit trail.
`apply_people` takes people first and their grants afterwards, which is why nothing that holds a grant may come here.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection


def hold_people(person_ids: Iterable[int]) -> None:
    """Share-lock these people until the transaction ends. What is read of them afterwards is as of now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM accessrequests_person WHERE id = ANY(%s) ORDER BY id FOR SHARE", [sorted(set(person_ids))]
        )
