"""What Slack tells without anybody having pressed: its events, and what to do at each.

docs.slack.dev, apis/events-api: answered with 200, told again up to three times with the same `event_id`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accessrequests.slack import comments, homes
from accessrequests.slack.arrival import Arrival


def happened(arrival: Arrival) -> None:
    """What we did not ask to be told of is heard, and nothing follows."""
    hear = _EVENTS.get(arrival.text("event", "type"))
    if hear is not None:
        hear(arrival)


_EVENTS: Mapping[str, Callable[[Arrival], None]] = {
    "app_home_opened": homes.opened,
    "message": comments.written,
}
