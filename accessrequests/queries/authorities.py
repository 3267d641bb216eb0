"""Until when our certificate authorities are good, and where one is missing, as the trail has it: a warning is an event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from accessrequests.domain.events import Event
from accessrequests.domain.window import parse_moment
from accessrequests.models import AuditEvent

# As Atlas itself warns of the end of a customer's authority ("Configure Alert Settings", X.509 alerts).
NOTICE = timedelta(days=30)
BETWEEN_WARNINGS = timedelta(hours=24)
_ENDING = Event.TARGET_AUTHORITY_ENDING.value
_WARNINGS = (_ENDING, Event.TARGET_METHOD_MISSING.value)
_A_LITTLE_LATE = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Ending:
    """That an authority nears its end, and when that was said."""

    ends_at: datetime
    warned_at: datetime


def last_warning(slug: str) -> Ending | None:
    event = AuditEvent.objects.filter(subject=f"target/{slug}", event=_ENDING).order_by("-sequence").first()
    if event is None:
        return None
    return Ending(parse_moment(event.facts["expires_at"]), parse_moment(event.facts["warned_at"]))


def is_due(slug: str, *, event: Event, at: datetime) -> bool:
    """Whether a warning of this kind was not given for the target today."""
    last = AuditEvent.objects.filter(subject=f"target/{slug}", event=event.value).order_by("-sequence").first()
    return last is None or at >= parse_moment(last.facts["warned_at"]) + BETWEEN_WARNINGS


def warned_of(at: datetime) -> list[AuditEvent]:
    """The newest warnings of each target, until the next ones are due: where they do not come, all is well again."""
    since = at - BETWEEN_WARNINGS - _A_LITTLE_LATE
    found = AuditEvent.objects.filter(event__in=_WARNINGS, at__gt=since).order_by("sequence")
    return list({(event.subject, event.event): event for event in found}.values())
