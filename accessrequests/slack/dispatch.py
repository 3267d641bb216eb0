"""What to do with each kind of arrival, whatever way it came."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from accessrequests.slack import asking, clicks, commands, submissions
from accessrequests.slack.arrival import Arrival

Answer = dict[str, Any] | None


def carry_out(arrival: Arrival) -> Answer:
    """What Slack is answered; nothing says enough for most."""
    handle = _HANDLERS.get(arrival.kind)
    return handle(arrival) if handle is not None else None


_HANDLERS: Mapping[str, Callable[[Arrival], Answer]] = {
    "block_actions": clicks.pressed,
    "view_submission": submissions.submitted,
    "block_suggestion": asking.suggest,
    "shortcut": asking.shortcut,
    "command": commands.command,
}
