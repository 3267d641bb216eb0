"""What to do with each kind of arrival, whatever way it came."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from accessrequests.operations import slack_arrivals
from accessrequests.slack import clicks, submissions
from accessrequests.slack.arrival import Arrival

Answer = dict[str, Any] | None


def carry_out(arrival: Arrival) -> Answer:
    """What Slack is answered; nothing says enough for most."""
    handle = _HANDLERS.get(arrival.kind)
    return handle(arrival) if handle is not None else None


def _event(arrival: Arrival) -> Answer:
    """Slack delivers an event again when an answer was late, by a call with a signature of its own."""
    event = _EVENTS.get(arrival.text("event", "type"))
    if event is None:
        return None
    digest = hashlib.sha256(f"event/{arrival.text('event_id')}".encode()).hexdigest()
    if not slack_arrivals.take(digest=digest).is_first:
        return None
    try:
        return event(arrival)
    except Exception:
        slack_arrivals.let_go(digest=digest)
        raise


_EVENTS: Mapping[str, Callable[[Arrival], Answer]] = {}
_HANDLERS: Mapping[str, Callable[[Arrival], Answer]] = {
    "block_actions": clicks.pressed,
    "view_submission": submissions.submitted,
    "event_callback": _event,
}
