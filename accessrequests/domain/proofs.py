"""That somebody gave their second factor, in which way, and until when that counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

FRESH_FOR = timedelta(minutes=5)
APP, RECOVERY_CODE = "an authenticator app", "a recovery code"


@dataclass(frozen=True, slots=True)
class Proof:
    """A second factor that was given. Whoever makes one has seen the code, or the session that keeps that it was seen."""

    person_id: int
    way: str
    at: datetime

    def is_fresh(self, person_id: int, at: datetime) -> bool:
        """A clock that is a moment ahead of ours makes nothing old."""
        return self.person_id == person_id and abs(at - self.at) < FRESH_FOR
