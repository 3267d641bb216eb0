"""The workspace of Slack and its channels, as those see them who watch over the product."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings

from accessrequests.domain.slack_places import WHY, ChannelState, id_now
from accessrequests.domain.wording import moment
from accessrequests.models import SlackChannel, SlackWorkspace

SOCKET = "socket"
UNHEARD_AFTER = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is wrong, and what to do."""

    title: str
    sentence: str


def channels() -> list[str]:
    """All in which people are asked, by the ids that they have now."""
    moved = dict(SlackChannel.objects.exclude(moved_to="").values_list("channel", "moved_to"))
    return list(dict.fromkeys(id_now(one, moved) for one in settings.ACCESS_SLACK_CHANNELS.values()))


def is_known(channel: str) -> bool:
    """Whether people are or were asked there."""
    return channel in channels() or SlackChannel.objects.filter(channel=channel).exists()


def is_connected(at: datetime) -> bool:
    """Of Socket Mode, whether some process had its connection open lately."""
    workspace = _workspace()
    return workspace is not None and _is_lately(workspace.connected_at, at)


def troubles(at: datetime) -> list[Trouble]:
    """Why something does not arrive in Slack, the worst first; nothing where all is well, or Slack is off."""
    if not settings.ACCESS_SLACK:
        return []
    workspace = _workspace()
    found = [] if workspace is None or workspace.stopped_at is None else [_stopped(workspace.why, workspace.stopped_at)]
    if settings.ACCESS_SLACK_MODE == SOCKET:
        found += _unheard(workspace.connected_at if workspace is not None else None, at)
    return [*found, *_of_channels()]


def _workspace() -> SlackWorkspace | None:
    return SlackWorkspace.objects.filter(team_id=settings.ACCESS_SLACK_TEAM_ID).first()


def _is_lately(connected_at: datetime | None, at: datetime) -> bool:
    return connected_at is not None and at - connected_at < UNHEARD_AFTER


def _stopped(why: str, since: datetime) -> Trouble:
    return Trouble(
        "Slack is stopped",
        f"{why} Nothing is sent there since {moment(since)}; mails and the portal go on, and what is for Slack waits. "
        "Install the app again if it is gone, set ACCESS_SLACK_BOT_TOKEN, and restart: it goes on by itself.",
    )


def _unheard(connected_at: datetime | None, at: datetime) -> Sequence[Trouble]:
    if _is_lately(connected_at, at):
        return []
    since = f"since {moment(connected_at)}" if connected_at is not None else "so far"
    return [
        Trouble(
            "Nothing is heard from Slack",
            f"No `manage.py slack_socket` has had its connection to Slack open {since}, so that no press arrives. "
            "See that it runs, and what its log says.",
        )
    ]


def _of_channels() -> list[Trouble]:
    asked = settings.ACCESS_SLACK_CHANNELS
    known = {one.channel: one for one in SlackChannel.objects.all()}
    moved = {name: one.moved_to for name, one in known.items()}
    found = []
    for channel in dict.fromkeys(asked.values()):
        groups = ", ".join(group for group, one in asked.items() if one == channel)
        new = id_now(channel, moved)
        if new != channel:
            sentence = f"It is {new} now, and people are asked there. Write that id in ACCESS_SLACK_CHANNELS."
            found.append(Trouble(f"Channel {channel} ({groups}) has another id", sentence))
        here = known.get(new)
        if here is not None and here.state != ChannelState.OURS:
            mail = "Mails go on. Put it right in Slack, or name another channel in ACCESS_SLACK_CHANNELS."
            found.append(
                Trouble(f"Channel {here.channel} ({groups}) is not used", f"{WHY[ChannelState(here.state)]} {mail}")
            )
    return found
