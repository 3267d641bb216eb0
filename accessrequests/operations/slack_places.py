"""The workspace and its channels: whether Slack takes anything from us, and where people may be asked."""

from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from accessrequests.domain.events import QUEUE_OF, Actor, Event, Job, lane_of
from accessrequests.domain.slack_places import LEFT, WHY, ChannelState
from accessrequests.models import OutboxMessage, SlackChannel, SlackMessage, SlackWorkspace
from accessrequests.models.slack import SlackKind, SlackState
from accessrequests.operations._record import Fact, record
from accessrequests.queries import clock

_IN_CHANNELS = (SlackKind.CARD.value, SlackKind.REPLY.value)


@transaction.atomic(durable=True)
def stop(*, why: str, by: Actor) -> None:
    """Nothing is sent from now on; what is to be sent waits."""
    held = _workspace()
    at = clock.now()
    if held.stopped_at is None:
        held.stopped_at, held.why = at, why
        held.save(update_fields=["stopped_at", "why"])
        record(Fact(Event.SLACK_STOPPED, str(held), {"why": why}), actor=by, at=at)


@transaction.atomic(durable=True)
def resume(*, as_of: datetime, by: Actor) -> None:
    """Slack took our token at `as_of`. What was heard later counts more."""
    held = _workspace()
    if held.stopped_at is not None and held.stopped_at < as_of:
        held.stopped_at, held.why = None, ""
        held.save(update_fields=["stopped_at", "why"])
        record(Fact(Event.SLACK_RESUMED, str(held)), actor=by, at=clock.now())


def note_connected() -> None:
    """The connection of Socket Mode is open at this moment."""
    SlackWorkspace.objects.update_or_create(
        team_id=settings.ACCESS_SLACK_TEAM_ID, defaults={"connected_at": clock.now()}
    )


@transaction.atomic(durable=True)
def note_channel(*, channel: str, state: ChannelState, by: Actor, name: str = "") -> None:
    """It was seen to be so, and to be called so. Of a channel that is left, what still lives is emptied, and nothing counts
    any more.
    """
    held, is_new = SlackChannel.objects.select_for_update().get_or_create(
        channel=channel, defaults={"state": state.value, "since": clock.now(), "looked_at": clock.now()}
    )
    at, before = clock.now(), ChannelState.OURS if is_new else ChannelState(held.state)
    held.looked_at, held.name = at, name or held.name
    if state is not before:
        held.state, held.since = state.value, at
    held.save(update_fields=["looked_at", "name", "state", "since"])
    if state in LEFT:
        _leave(channel, state, at)
    if state is not before:
        event = Event.SLACK_CHANNEL_USED if state is ChannelState.OURS else Event.SLACK_CHANNEL_LEFT
        record(Fact(event, str(held), {"why": WHY.get(state, "")}), actor=by, at=at)


@transaction.atomic(durable=True)
def move_channel(*, channel: str, to: str, by: Actor) -> None:
    """The channel goes on under another id, and so do its copies, but where there is a copy already."""
    at = clock.now()
    held, _ = SlackChannel.objects.select_for_update().get_or_create(
        channel=channel, defaults={"state": ChannelState.OURS.value, "since": at, "looked_at": at}
    )
    if held.moved_to == to:
        return
    held.moved_to = to
    held.save(update_fields=["moved_to"])
    SlackChannel.objects.filter(channel=to).update(moved_to="")  # it may have come back to an id that it had
    twins = SlackMessage.objects.filter(
        access_request=OuterRef("access_request"), kind=OuterRef("kind"), revision=OuterRef("revision"), channel=to
    )
    SlackMessage.objects.filter(channel=channel).exclude(Exists(twins)).update(channel=to)
    SlackMessage.objects.filter(posted_in=channel).update(posted_in=to)
    record(Fact(Event.SLACK_CHANNEL_MOVED, str(held), {"name": to}), actor=by, at=at)


def _workspace() -> SlackWorkspace:
    team = settings.ACCESS_SLACK_TEAM_ID
    return SlackWorkspace.objects.select_for_update().get_or_create(team_id=team)[0]


def _leave(channel: str, state: ChannelState, at: datetime) -> None:
    """What can still be pressed is emptied where Slack still lets us, and what is over stands as it stood."""
    there = SlackMessage.objects.filter(Q(channel=channel) | Q(posted_in=channel), kind__in=_IN_CHANNELS)
    lives = Q(is_final=False, thread=None) | Q(thread__is_final=False, thread__isnull=False)
    to_empty = there.none()
    if state is ChannelState.SHARED:
        to_empty = there.filter(lives, state=SlackState.POSTED.value)
    emptied = list(SlackMessage.objects.filter(pk__in=to_empty.values("pk")).select_for_update(of=("self",)))
    why = WHY[state]
    SlackMessage.objects.filter(pk__in=[one.pk for one in emptied]).update(state=SlackState.LEFT.value, last_error=why)
    others = there.exclude(state__in=[SlackState.LEFT.value, SlackState.DEAD.value])
    others.update(state=SlackState.DEAD.value, last_error=why)
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                job=Job.SEND_TO_SLACK.value,
                queue=QUEUE_OF[Job.SEND_TO_SLACK].value,
                lane=lane_of(Job.SEND_TO_SLACK, str(one)),
                subject=str(one),
                created_at=at,
                ready_at=at,
            )
            for one in emptied
        ]
    )
