"""Keys that callers gave to their POSTs."""

from __future__ import annotations

from accessrequests.models import IdempotencyKey


def first_use(*, person_id: int, key: str) -> IdempotencyKey | None:
    """What this person has already had done under this key."""
    return IdempotencyKey.objects.filter(person_id=person_id, key=key).first()
