"""Channels of Slack in which people may be asked, and why they may not be in others."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class ChannelState(StrEnum):
    """How a channel was at the last look. Only in `ours` does nobody of another company read along, and the app is there."""

    OURS = "ours"
    ABSENT = "absent"
    SHARED = "shared"
    ARCHIVED = "archived"


# Nobody is asked there, and nothing that stood there counts any more.
LEFT = frozenset({ChannelState.SHARED, ChannelState.ARCHIVED})
WHY: Mapping[ChannelState, str] = {
    ChannelState.ABSENT: "The app has not been invited into the channel, or there is no such channel.",
    ChannelState.SHARED: "The channel is shared with another company, or is about to be, so nobody is asked there.",
    ChannelState.ARCHIVED: "The channel is archived, so nobody is asked there.",
}


def id_now(channel: str, moved: Mapping[str, str]) -> str:
    """Where a channel is, by what is known of each id that has another by now. Nothing is followed twice."""
    seen = {channel}
    while (to := moved.get(channel, "")) and to not in seen:
        seen.add(to)
        channel = to
    return channel


def state_of(*, is_shared: bool, is_archived: bool, is_member: bool) -> ChannelState:
    """The worst that is true of it."""
    if is_shared:
        return ChannelState.SHARED
    if is_archived:
        return ChannelState.ARCHIVED
    return ChannelState.OURS if is_member else ChannelState.ABSENT
