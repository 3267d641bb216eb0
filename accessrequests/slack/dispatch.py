"""What to do with each kind of arrival, whatever way it came, and only once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from accessrequests.operations import slack_arrivals
from accessrequests.slack import asking, clicks, commands, happenings, submissions
from accessrequests.slack.arrival import Arrival

Answer = dict[str, Any] | None
_EVENT = "event_callback"


def once(arrival: Arrival, *, call: str) -> Answer:
    """What Slack is answered; nothing says enough for most. The same call again is answered as it was, and no more.

    `call` is what no other call has. An event that is told again comes in another call, so it counts by its own id.
    """
    event_id = arrival.text("event_id")
    name = f"event/{event_id}" if arrival.kind == _EVENT and event_id else call
    digest = hashlib.sha256(name.encode()).hexdigest()
    taken = slack_arrivals.take(digest=digest)
    answer: Answer = taken.answer
    if not taken.is_first:
        return answer
    try:
        answer = _carry_out(arrival)
    except Exception:
        slack_arrivals.let_go(digest=digest)
        raise
    if answer is not None:
        slack_arrivals.keep(digest=digest, answer=answer)
    return answer


def _carry_out(arrival: Arrival) -> Answer:
    handle = _HANDLERS.get(arrival.kind)
    return handle(arrival) if handle is not None else None


_HANDLERS: Mapping[str, Callable[[Arrival], Answer]] = {
    "block_actions": clicks.pressed,
    "view_submission": submissions.submitted,
    "block_suggestion": asking.suggest,
    "shortcut": asking.shortcut,
    "command": commands.command,
    _EVENT: happenings.happened,
}
