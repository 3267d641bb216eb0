"""The caller's own key for a POST: a repeat finds the object that the first one made or moved."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Idempotency:
    """Whose key, and for what: the same key with another path or body is a mistake of the caller."""

    person_id: int
    key: str
    path: str
    body_hash: str
