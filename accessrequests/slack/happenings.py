"""What Slack tells without anybody having pressed: its events, and what to do at each.

docs.slack.dev, apis/events-api: answered with 200, told again up to three times with the same `event_id`; what each
carries: docs.slack.dev, reference/events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from accessrequests.domain.slack_places import ChannelState
from accessrequests.operations import slack_places
from accessrequests.operations.slack_arrivals import SOMEBODY
from accessrequests.queries import slack_places as place_queries
from accessrequests.slack import comments, homes
from accessrequests.slack.arrival import Arrival


def happened(arrival: Arrival) -> None:
    """What we did not ask to be told of is heard, and nothing follows."""
    hear = _EVENTS.get(arrival.text("event", "type"))
    if hear is not None:
        hear(arrival)


def _uninstalled(_arrival: Arrival) -> None:
    slack_places.stop(why="The app was uninstalled from the workspace.", by=SOMEBODY)


def _revoked(arrival: Arrival) -> None:
    """Only the app's own token matters: we have none of anybody's."""
    if arrival.part("event", "tokens", "bot"):
        slack_places.stop(why="Slack has revoked the app's token.", by=SOMEBODY)


def _shared(arrival: Arrival) -> None:
    _note(arrival, ChannelState.SHARED)


def _archived(arrival: Arrival) -> None:
    _note(arrival, ChannelState.ARCHIVED)


def _note(arrival: Arrival, state: ChannelState) -> None:
    """That it is well again is believed only when we looked."""
    channel = arrival.text("event", "channel")
    if place_queries.is_known(channel):
        slack_places.note_channel(channel=channel, state=state, by=SOMEBODY)


def _moved(arrival: Arrival) -> None:
    channel, to = arrival.text("event", "old_channel_id"), arrival.text("event", "new_channel_id")
    if to and len(to) <= _LONGEST_ID and place_queries.is_known(channel):
        slack_places.move_channel(channel=channel, to=to, by=SOMEBODY)


_LONGEST_ID = 32
_EVENTS: Mapping[str, Callable[[Arrival], None]] = {
    "app_home_opened": homes.opened,
    "message": comments.written,
    "app_uninstalled": _uninstalled,
    "tokens_revoked": _revoked,
    "channel_shared": _shared,
    "channel_archive": _archived,
    "group_archive": _archived,
    "channel_id_changed": _moved,
}
