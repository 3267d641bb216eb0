"""The alarm of clocks that differ. The database's clock decides, so it must be right."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accessrequests.domain.events import Event
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.queries import clock


@transaction.atomic(durable=True)
def record_skew(*, who: str, ahead: timedelta) -> None:
    """The database's clock is `ahead` of that of a part of the product (behind it: negative)."""
    facts = {"who": who, "milliseconds": round(ahead.total_seconds() * 1000)}
    record(Fact(Event.CLOCK_SKEWED, "clock/database", facts), actor=CLOCKWORK, at=clock.now())
