"""What happened, as an event for other programs: CloudEvents 1.0 in JSON, and which receiver wants which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

CONTENT_TYPE = "application/cloudevents+json"  # CloudEvents, JSON Event Format 1.0.2, section 3


def cloud_event(
    *, number: int, installation: str, source: str, event: str, subject: str, at: datetime, data: Mapping[str, Any]
) -> dict[str, Any]:
    """The attributes of CloudEvents 1.0.2, section 3.1, around our data. `number` makes it the same when sent again."""
    return {
        "specversion": "1.0",
        "id": f"{installation}-{number}",
        "source": source,
        "type": event,
        "subject": subject,
        "time": at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "data": dict(data),
    }


def is_wanted(event: str, types: Iterable[str]) -> bool:
    """Whether one of `types`, which may end in a star, names the event. No types at all want every event."""
    wanted = list(types)
    return not wanted or any(fnmatchcase(event, pattern) for pattern in wanted)
