"""Holds people still while an operation judges them: nobody is disabled or moved between the look and the commit.

Lock order: the request or the grant that is operated on, then people in order of id, then the room on a target, then
the audit trail.
`_leaving.py` takes people first and their grants afterwards, which is why nothing that holds a grant may come here.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

POLICY_LOCK = 7_241_960_114
NEWCOMERS_LOCK = 7_241_960_115
_ALONE = "SELECT pg_advisory_xact_lock(%s)"
_HOLD_PEOPLE = """
SELECT id FROM accessrequests_person WHERE id = ANY(%s::bigint[] || ARRAY(
    SELECT giver_id FROM accessrequests_delegation
     WHERE stand_in_id = %s AND ended_at IS NULL AND starts_at <= clock_timestamp() AND ends_at > clock_timestamp()
)) ORDER BY id FOR SHARE
"""
_TOGETHER = "SELECT pg_advisory_xact_lock_shared(%s)"


def hold_people(person_ids: Iterable[int], *, stand_in: int | None = None) -> None:
    """Share-lock these people until the transaction ends, and those in whose place `stand_in` answers now. What is read
    of them afterwards is as of now.
    """
    with connection.cursor() as cursor:
        cursor.execute(_HOLD_PEOPLE, [sorted(set(person_ids)), stand_in])


def hold_room(slug: str) -> None:
    """One at a time where a target limits how much it holds, so that its last place is promised once."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT target.id FROM accessrequests_target AS target"
            " JOIN accessrequests_inventory AS inventory ON inventory.target_id = target.id"
            " WHERE target.slug = %s AND inventory.quotas <> '{}'::jsonb FOR NO KEY UPDATE OF target",
            [slug],
        )


def hold_policy(*, alone: bool) -> None:
    """Whoever files a request holds the policy still together with others; whoever publishes one does so alone.

    Taken before any row, so that the two can never wait for each other.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ALONE if alone else _TOGETHER, [POLICY_LOCK])


def hold_newcomers() -> None:
    """One newcomer at a time, so that two sign-ins of the same person make one person."""
    with connection.cursor() as cursor:
        cursor.execute(_ALONE, [NEWCOMERS_LOCK])
