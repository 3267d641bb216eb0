"""Carries what is to be seen in Slack: which copies there shall be, and each drawn from what is true when it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import structlog
from django.conf import settings

from accessrequests.domain import block_kit, sentences, slack_cards, slack_links
from accessrequests.domain.block_kit import Message
from accessrequests.domain.channels import Channel, News, is_on
from accessrequests.domain.events import PRODUCT, Actor, Event, Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.slack_places import LEFT, WHY, ChannelState
from accessrequests.models import AccessRequest, AuditEvent, Grant, SlackIdentity, SlackMessage
from accessrequests.models.slack import SlackKind, SlackState
from accessrequests.operations import outbox, slack_messages, slack_places
from accessrequests.operations import slack_homes as homes
from accessrequests.operations.outbox import Claim
from accessrequests.operations.slack_messages import Drawing, Once
from accessrequests.queries import access_requests, clock, grants, people, slack, slack_questions, work
from workers import asked, notify, slack_homes, telling
from workers.channels import email
from workers.channels import slack as channel
from workers.channels.slack import STOPPED, STOPPED_PAUSE, NeverSent, NotSent, Place
from workers.outcomes import Again, Done, Outcome, try_again

log = structlog.get_logger(__name__)

# docs.slack.dev, apis/web-api/rate-limits: about one message a second into one channel.
PACE = timedelta(seconds=1)
LONGEST_REST = timedelta(minutes=2)  # some of those before it may never go; half way there it looks again
SHOWN_TOGETHER = 50
_NOBODYS = "Its Slack account is linked to nobody whose access it is."
CLOCKWORK = Actor(name=PRODUCT, via=Via.WORKER)
_CARDS = frozenset({SlackKind.CARD.value, SlackKind.OWN_CARD.value})
_CHANGING = _CARDS | {SlackKind.NOTICE.value}  # a notice, where what it said of an end is no longer so
_IN_THREADS = frozenset(
    {
        *(Event.ACCESS_REQUEST_APPROVAL_GIVEN, Event.ACCESS_REQUEST_DENIED),
        *(Event.ACCESS_REQUEST_CANCELLED, Event.ACCESS_REQUEST_EXPIRED, Event.ACCESS_REQUEST_COMMENTED),
        *(Event.ACCESS_REQUEST_ASKED, Event.ACCESS_REQUEST_EXTENSION_APPROVED, Event.GRANT_ACTIVATED),
        *(Event.GRANT_PROVISIONING_FAILED, Event.GRANT_EXTENDED, Event.GRANT_ENDING_SOON),
        *(Event.GRANT_DRIFT_FOUND, Event.GRANT_REVOKED, Event.BREAKGLASS_USED, Event.BREAKGLASS_ENDED),
        *(Event.BREAKGLASS_REVIEWED, Event.BREAKGLASS_REVIEW_OVERDUE),
    }
)


def show(claim: Claim) -> Outcome:
    """After something happened to a request or its grant: its copies, a line in their threads, a word to whose it is.

    What has happened since and waits to be shown is shown with it: behind a busy worker that is most of it. What has
    failed is tried by itself.
    """
    if settings.ACCESS_SLACK:
        behind = [] if claim.failures else work.behind(claim.message_id, most=SHOWN_TOGETHER)
        _show(claim, slack.shown_by([claim.message_id, *behind]))
        outbox.finish_behind(claim=claim, message_ids=behind)
    return Done()


def _show(claim: Claim, told: Sequence[AuditEvent]) -> None:
    """Of a person it is that an account was linked, or is no longer: its Home, and the cards that it has alone."""
    if claim.subject.startswith("person/"):
        accounts = [str(one.facts.get("slack_user", "")) for one in told]
        homes.refresh(slack_user_ids=accounts)
        slack_messages.file_stragglers(message_ids=slack.own_cards_at(accounts))
        return
    access_request = access_requests.of_subject(claim.subject)
    found = slack.identities_of(asked.beneficiaries_of(access_request))
    own = [one for one in found if is_on(News.OWN, Channel.SLACK, off=one.person.not_told_by)]
    once = [said for one in told for said in (*_lines(one), *_notices(one, access_request, own))]
    slack_messages.show(
        access_request_id=access_request.pk,
        channels=_channels(access_request),
        people=[identity.slack_user_id for identity in own],
        once=once,
        overtaken=_overtaken(access_request),
    )
    slack_homes.refresh(access_request)


def send(claim: Claim) -> Outcome:
    """One copy. What is drawn already is not sent again, so that it does not matter which of two jobs is carried first."""
    copy = slack.message(claim.subject_id)
    is_card = copy.kind in _CARDS
    if copy.state == SlackState.DEAD or (copy.state == SlackState.POSTED and copy.kind not in _CHANGING):
        return Done()
    if slack.is_stopped():
        return Again(why=STOPPED, delay=STOPPED_PAUSE, failed=False)
    is_nobodys = copy.kind == SlackKind.OWN_CARD and not _is_theirs(copy)
    if copy.state == SlackState.LEFT or is_nobodys:
        return _take_away(claim, copy, is_own=is_nobodys)
    rest = _rest(copy)
    if rest > timedelta():
        return Again(why="Another message has just gone to this channel.", delay=rest, failed=False)
    at, is_final = clock.now(), is_card and slack.is_over(copy)
    message = _drawn(copy)
    drawing = Drawing(slack_cards.hash_of(message), at, is_final)
    if drawing.rendered_hash == copy.rendered_hash:
        slack_messages.mark_drawn(message_id=copy.pk, drawing=drawing)
        return Done()
    try:
        place = _put(copy, message)
    except NeverSent as error:
        return _give_up(claim, copy, str(error))
    except NotSent as error:
        return try_again(claim, str(error), not_before=error.after)
    else:
        slack_messages.mark_posted(message_id=copy.pk, posted_in=place.channel, ts=place.ts, drawing=drawing)
    return Done()


def _give_up(claim: Claim, copy: SlackMessage, why: str) -> Outcome:
    """Slack will never take it: whoever would hear of it in no other way gets a mail first."""
    log.warning("slack_copy_given_up", copy=str(copy), channel=copy.channel, why=why)
    try:
        telling.by_mail_instead(copy.content or {}, about=copy.about)
    except email.NotSent as error:
        return try_again(claim, str(error))
    slack_messages.mark_dead(message_id=copy.pk, why=why)
    return Done()


def _is_theirs(copy: SlackMessage) -> bool:
    """Whether the account that has this card alone is still that of somebody whose access it is."""
    reader = slack.person_at(copy.channel)
    if reader is None or not reader.is_active or copy.access_request is None:
        return False
    return reader in asked.beneficiaries_of(copy.access_request)


def _take_away(claim: Claim, copy: SlackMessage, *, is_own: bool = False) -> Outcome:
    """Others read along now, or it is nobody's: the last that we do there."""
    number = copy.access_request_id or 0
    message = slack_cards.taken_away(number, url=f"{settings.ACCESS_BASE_URL}/requests/{number}/", is_own=is_own)
    try:
        if copy.ts:
            channel.update(Place(copy.posted_in, copy.ts), message)
    except NeverSent as error:
        log.warning("slack_copy_not_emptied", copy=str(copy), channel=copy.channel, why=str(error))
    except NotSent as error:
        return try_again(claim, str(error), not_before=error.after)
    slack_messages.mark_dead(message_id=copy.pk, why=_NOBODYS if is_own else copy.last_error)
    return Done()


def _drawn(copy: SlackMessage) -> Message:
    if copy.kind in _CARDS and copy.access_request_id is not None:
        kind = SlackKind(copy.kind)
        reader = slack.person_at(copy.channel) if kind is SlackKind.OWN_CARD else None
        facts = slack.card_of(copy.access_request_id, kind=kind, revision=copy.revision, reader=reader, at=clock.now())
        return block_kit.marked(slack_cards.card(facts), copy.marker)
    content = copy.content or {}
    return block_kit.marked(Message(str(content.get("text", "")), content.get("blocks", [])), copy.marker)


def _rest(copy: SlackMessage) -> timedelta:
    """How long to wait before a message goes to its channel: until those before it have gone. If each tried again every
    second, a hundred would keep the workers busy with nothing. What is there already is drawn anew at once.
    """
    last = None if copy.ts or copy.kind == SlackKind.WHISPER else slack.last_posted(copy.channel)
    rest = last + PACE - clock.now() if last is not None else timedelta()
    if rest <= timedelta():
        return rest
    before = PACE * slack.waiting_before(copy)
    return min(rest + before, max(LONGEST_REST, before / 2))


def _put(copy: SlackMessage, message: Message) -> Place:
    """:raises NotSent: to be tried again.
    :raises NeverSent: not to be tried again.
    """
    if copy.ts:
        place = Place(copy.posted_in, copy.ts)
        channel.update(place, message)
        return place
    if copy.kind == SlackKind.WHISPER:
        thread_ts = copy.thread.ts if copy.thread is not None else ""
        said = _for_members(copy, message)
        channel.whisper(copy.channel, copy.slack_user_id, said, thread_ts=thread_ts)
        return Place(copy.channel, "")
    if copy.kind not in {SlackKind.CARD.value, SlackKind.REPLY.value}:
        return channel.post(copy.channel, message)
    _check_ours(copy.channel)
    if copy.thread is None:
        return _post(copy, message, into=copy.channel)
    if copy.thread.state == SlackState.DEAD:
        raise NeverSent("The card that it would stand under is gone.")
    if not copy.thread.ts:
        raise NotSent("The card that it would stand under is not there yet.")
    return _post(copy, message, into=copy.thread.posted_in, thread_ts=copy.thread.ts)


def _for_members(copy: SlackMessage, message: Message) -> Message:
    """The way to link an account is not for guests of the workspace, nor for programs.

    :raises NotSent: when Slack does not say now who it is.
    """
    if not (copy.content or {}).get("is_for_members"):
        return message
    try:
        why_not = "" if channel.is_member(copy.slack_user_id) else slack_links.NO_MEMBER
    except NeverSent:
        why_not = slack_links.NOT_SAID
    return block_kit.marked(slack_cards.whisper(why_not), copy.marker) if why_not else message


def _post(copy: SlackMessage, message: Message, *, into: str, thread_ts: str = "") -> Place:
    """Into a channel. Slack may have taken it before, and its answer be lost: then it is there, and brought up to date."""
    if copy.posted_in:
        there = channel.find(into, copy.marker, thread_ts=thread_ts, since=copy.created_at)
        if there is not None:
            channel.update(there, message)
            return there
    slack_messages.mark_begun(message_id=copy.pk, into=into)
    return channel.post(into, message, thread_ts=thread_ts)


def _check_ours(name: str) -> None:
    """:raises NotSent: when the app is not in it yet.
    :raises NeverSent: when others read along there, or nobody does.
    """
    seen = channel.look_at(name)
    slack_places.note_channel(channel=name, state=seen.state, name=seen.name, by=CLOCKWORK)
    if seen.state in LEFT:
        raise NeverSent(WHY[seen.state])
    if seen.state is not ChannelState.OURS:
        raise NotSent(WHY[seen.state])


def _channels(access_request: AccessRequest) -> list[str]:
    """Of those who are asked now; of a break-glass, of those who are told. Whoever was asked before has their copy."""
    if access_request.is_break_glass:
        return slack.alarm_channels_of(access_request.step_groups)
    if access_request.state != AccessRequestState.PENDING:
        return []
    return slack.channels_of([*access_request.wanted_groups, *access_request.stand_ins])


def _overtaken(access_request: AccessRequest) -> str:
    """What is true in place of a word about a near end; nothing while that is true, or there is no access yet."""
    grant: Grant | None = getattr(access_request, "grant", None)
    if grant is None or grants.is_warned(grant):
        return ""
    said = slack.sentence_of_grant(grant, at=clock.now())
    return f"This is no longer so. {slack_questions.named(access_request)} {said}"


def _lines(told: AuditEvent) -> list[Once]:
    if told.event not in _IN_THREADS:
        return []
    behalf = str(told.facts.get("on_behalf_of") or "")
    names = people.called([told.actor, behalf])
    facts = {**told.facts, "on_behalf_of": names[behalf]} if behalf else told.facts
    sentence = sentences.timeline(Event(told.event), actor=names.get(told.actor, told.actor), facts=facts)
    line, about = slack_cards.reply(sentence), f"event/{told.sequence}"
    written_in = str(told.facts.get("thread", ""))
    return [Once(kind=SlackKind.REPLY, channel="", message=line, about=about, but_in=written_in)]


def _notices(told: AuditEvent, access_request: AccessRequest, own: Sequence[SlackIdentity]) -> list[Once]:
    """What the mail says, to those whose access it is; with buttons to who has it in hand."""
    notice = notify.notice_to_requester(told, access_request)
    if notice is None:
        return []
    ends, is_quoted = told.event == Event.GRANT_ENDING_SOON, told.event == Event.ACCESS_REQUEST_COMMENTED
    deeds = slack.deeds_of_holder(access_request.grant, at=clock.now()) if ends else ()
    once = []
    for one in own:
        theirs = deeds if ends and one.person.stands_for(access_request.grant.holder) else ()
        message = slack_cards.told(
            notice,
            number=access_request.pk,
            revision=access_request.revision,
            deeds=theirs,
            named=slack_questions.named(access_request),
            is_quoted=is_quoted,
        )
        about = f"event/{told.sequence}"
        once.append(Once(kind=SlackKind.NOTICE, channel=one.slack_user_id, message=message, about=about))
    return once
