"""Copies in Slack: which there shall be, what is said once, and what became of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from accessrequests.domain import slack_cards
from accessrequests.domain.block_kit import Message
from accessrequests.domain.events import QUEUE_OF, Event, Job, Queue, Via, lane_of
from accessrequests.models import AccessRequest, OutboxMessage, Person, SlackMessage
from accessrequests.models.slack import SlackKind, SlackState
from accessrequests.operations._holding import hold_people
from accessrequests.operations._record import Fact, record, wake
from accessrequests.operations.refusals import NotReady, Refused
from accessrequests.queries import clock, people
from accessrequests.queries.slack_setup import TEST


@dataclass(frozen=True, slots=True)
class Once:
    """Something to say in one place: in the threads of all cards, or to one person. Never twice `about` the same.

    `but_in`: the thread in which it stands already, because somebody wrote it there. `otherwise`: what is to be known
    to tell it by mail, if Slack will never take it and nothing else tells of it. `is_for_members`: no guest of the
    workspace is told it, nor a program.
    """

    kind: SlackKind
    channel: str
    message: Message
    about: str = ""
    slack_user_id: str = ""
    but_in: str = ""
    otherwise: Mapping[str, Any] | None = None
    is_for_members: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a copy was drawn as: true of the moment `at`. Of what is over it is the last one."""

    rendered_hash: str
    at: datetime
    is_final: bool = False


@transaction.atomic(durable=True)
def show(
    *,
    access_request_id: int,
    channels: Sequence[str],
    people: Sequence[str],
    once: Iterable[Once] = (),
    overtaken: str = "",
) -> None:
    """There shall be a card in each of these channels and with each of these people, and each copy be drawn anew.

    `overtaken`: what is true now in place of what was said of a near end, which has moved or come since; its buttons go.
    The request's row is held, so that nobody else makes the same copies meanwhile.
    """
    held = AccessRequest.objects.select_for_update(no_key=True).get(pk=access_request_id)
    at = clock.now()
    places = [(SlackKind.CARD, one) for one in channels] + [(SlackKind.OWN_CARD, one) for one in people]
    SlackMessage.objects.bulk_create(
        [
            SlackMessage(
                access_request=held,
                kind=kind.value,
                channel=channel,
                revision=held.revision,
                created_at=at,
            )
            for kind, channel in places
        ],
        ignore_conflicts=True,
    )
    alive = (
        SlackMessage.objects.select_related("access_request")
        .filter(access_request=held)
        .exclude(state__in=[SlackState.DEAD.value, SlackState.LEFT.value])
    )
    cards = list(alive.filter(kind__in=[SlackKind.CARD.value, SlackKind.OWN_CARD.value]).order_by("pk"))
    for said in once:
        for thread in _threads(said, cards):
            SlackMessage.objects.bulk_create([_row(said, held, thread)], ignore_conflicts=True)
    changed = _take_back(alive, overtaken) if overtaken else []
    new = alive.filter(state=SlackState.WANTED.value).exclude(pk__in=[card.pk for card in cards]).order_by("pk")
    _file([*cards, *new, *changed])


@transaction.atomic(durable=True)
def say(*, said: Once, access_request_id: int | None = None, thread_id: int | None = None) -> None:
    """Tell somebody something that is about no change of a request: why a press, or what they wrote, did nothing."""
    about = AccessRequest.objects.filter(pk=access_request_id).first() if access_request_id else None
    row = _row(said, about, SlackMessage.objects.filter(pk=thread_id).first() if thread_id else None)
    row.save()
    _file([row])


@transaction.atomic(durable=True)
def tell(*, once: Sequence[Once], access_request_id: int | None = None) -> None:
    """Say something to each of several people, in a message of their own. Whoever was told of it is not told again."""
    about = AccessRequest.objects.filter(pk=access_request_id).first() if access_request_id else None
    SlackMessage.objects.bulk_create([_row(said, about, None) for said in once], ignore_conflicts=True)
    said_of = {said.about for said in once}
    new = SlackMessage.objects.filter(kind=SlackKind.NOTICE.value, state=SlackState.WANTED.value, about__in=said_of)
    _file(new.select_related("access_request").order_by("pk"))


@transaction.atomic(durable=True)
def test(*, channel: str, by: Person, via: Via) -> SlackMessage:
    """Something harmless is said in a channel in which people are asked: what becomes of it shows whether they are.

    :raises Refused: when the person does not administer, or nobody is asked there.
    :raises NotReady: while another one is on its way.
    """
    hold_people([by.pk])
    if not people.may_administer(by):
        raise Refused("Only administrators send test messages to Slack. Ask one of them.")
    if not settings.ACCESS_SLACK or channel not in settings.ACCESS_SLACK_CHANNELS.values():
        raise Refused("Nobody is asked in that channel. Choose one of those that ACCESS_SLACK_CHANNELS names.")
    if SlackMessage.objects.filter(channel=channel, about__startswith=TEST, state=SlackState.WANTED.value).exists():
        raise NotReady("A test message into this channel is on its way. Wait until something has become of it.")
    at = clock.now()
    words = f"This is a test by {by.name}. Access Requests reaches this channel, and asks people here."
    said = Once(SlackKind.REPLY, channel, slack_cards.reply(words), about=f"{TEST}{at.timestamp():.6f}")
    row = _row(said, None, None)
    row.save()
    _file([row])
    asked = Fact(Event.SLACK_TEST_ASKED, f"slack/{channel}", {"channel": channel})
    record(asked, actor=people.actor_of(by, via), at=at)
    return row


def mark_begun(*, message_id: int, into: str) -> None:
    """It is being sent there: if no answer comes, it has to be looked for."""
    SlackMessage.objects.filter(pk=message_id).update(posted_in=into)


def mark_posted(*, message_id: int, posted_in: str, ts: str, drawing: Drawing) -> None:
    """Slack has it, as it was drawn."""
    SlackMessage.objects.filter(pk=message_id).update(
        state=SlackState.POSTED.value,
        posted_at=Coalesce("posted_at", clock.now()),
        posted_in=posted_in,
        ts=ts,
        rendered_hash=drawing.rendered_hash,
        drawn_at=drawing.at,
        is_final=drawing.is_final,
        last_error="",
    )


def mark_drawn(*, message_id: int, drawing: Drawing) -> None:
    """What Slack has is still true."""
    SlackMessage.objects.filter(pk=message_id).update(drawn_at=drawing.at, is_final=drawing.is_final)


def mark_dead(*, message_id: int, why: str) -> None:
    """Slack will never take it, or no longer has it: nothing is tried again."""
    SlackMessage.objects.filter(pk=message_id).update(state=SlackState.DEAD.value, last_error=why)


@transaction.atomic(durable=True)
def file_stragglers(*, message_ids: Sequence[int]) -> None:
    """Copies that nobody is about to draw and that are behind: the row that would have was lost."""
    _file(SlackMessage.objects.filter(pk__in=message_ids).select_related("access_request").order_by("pk"))


def _take_back(alive: QuerySet[SlackMessage], sentence: str) -> list[SlackMessage]:
    """The notices of the request that have buttons about an end that is no longer so."""
    changed = []
    for one in alive.filter(kind=SlackKind.NOTICE.value).order_by("pk"):
        content = one.content or {}
        if slack_cards.is_about_the_end(content.get("blocks", [])):
            left = slack_cards.overtaken(Message(content["text"], content["blocks"]), sentence)
            one.content = {**content, "text": left.text, "blocks": list(left.blocks)}
            one.save(update_fields=["content"])
            changed.append(one)
    return changed


def _threads(said: Once, cards: Iterable[SlackMessage]) -> list[SlackMessage] | list[None]:
    if said.kind is not SlackKind.REPLY:
        return [None]
    return [card for card in cards if card.kind == SlackKind.CARD and card.place != said.but_in]


def _row(said: Once, access_request: AccessRequest | None, thread: SlackMessage | None) -> SlackMessage:
    return SlackMessage(
        access_request=access_request,
        kind=said.kind.value,
        channel=thread.channel if thread is not None else said.channel,
        about=said.about,
        thread=thread,
        slack_user_id=said.slack_user_id,
        content={
            "text": said.message.text,
            "blocks": list(said.message.blocks),
            "otherwise": said.otherwise,
            "is_for_members": said.is_for_members,
        },
        created_at=clock.now(),
    )


def _file(copies: Iterable[SlackMessage]) -> None:
    """One job for each that none is waiting for yet. What a claimed one is drawing may be old already: it gets another."""
    waiting = OutboxMessage.objects.filter(job=Job.SEND_TO_SLACK.value, done_at=None, claimed_until=None)
    held = {copy.pk: copy for copy in copies}
    filed = set(waiting.filter(subject__in=[str(copy) for copy in held.values()]).values_list("subject", flat=True))
    at = clock.now()
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                job=Job.SEND_TO_SLACK.value,
                queue=_queue(copy).value,
                lane=_lane(copy),
                subject=str(copy),
                created_at=at,
                ready_at=at,
            )
            for copy in held.values()
            if str(copy) not in filed
        ]
    )
    wake()


def _queue(copy: SlackMessage) -> Queue:
    """What tells of a break-glass goes where its alarms go."""
    about = copy.access_request
    return Queue.BREAK_GLASS if about is not None and about.is_break_glass else QUEUE_OF[Job.SEND_TO_SLACK]


def _lane(copy: SlackMessage) -> str:
    """What is told in one place is told in order. A card waits for nothing of that: its buttons must go at once.

    Nor does an alarm: what stands before it may wait for a worker, of which there may be none.
    """
    if copy.kind not in {SlackKind.REPLY, SlackKind.NOTICE}:
        return lane_of(Job.SEND_TO_SLACK, str(copy))
    lane = lane_of(Job.SEND_TO_SLACK, copy.channel)
    return f"{lane}/alarm" if _queue(copy) is Queue.BREAK_GLASS else lane
