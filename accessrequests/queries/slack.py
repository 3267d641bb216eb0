"""Slack: whose account is whose, which copies there are, and what the card of a request has to tell now."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast, Concat, Substr

from accessrequests.domain import policy, sentences, slack_cards
from accessrequests.domain.events import FOLLOW_UPS, Event, Job
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.slack_cards import CardFacts, OwnAsk
from accessrequests.domain.slack_places import LEFT, id_now
from accessrequests.domain.window import spell_duration
from accessrequests.models import (
    AccessRequest,
    AuditEvent,
    Grant,
    OutboxMessage,
    Person,
    SlackChannel,
    SlackIdentity,
    SlackMessage,
    SlackWorkspace,
)
from accessrequests.models.slack import SlackKind, SlackState
from accessrequests.queries import (
    access_requests,
    at_stake,
    audit,
    extensions,
    grants,
    holdings,
    people,
    slack_questions,
    standing,
)

EVERYBODY_ELSE, EMERGENCIES = "*", "break-glass"
_CARDS = (SlackKind.CARD.value, SlackKind.OWN_CARD.value)
_PRESSABLE = (*_CARDS, SlackKind.NOTICE.value)
_SHOWN = [event.value for event, jobs in FOLLOW_UPS.items() if Job.SHOW_IN_SLACK in jobs]
_ALIVE = (GrantState.PENDING.value, GrantState.ACTIVE.value)


def identity(*, enterprise_id: str, team_id: str, slack_user_id: str) -> SlackIdentity | None:
    found = SlackIdentity.objects.select_related("person")
    return found.filter(enterprise_id=enterprise_id, team_id=team_id, slack_user_id=slack_user_id).first()


def identities_of(people: Iterable[Person]) -> QuerySet[SlackIdentity]:
    """Their accounts in the workspace that is installed, of those who may still sign in."""
    here = SlackIdentity.objects.filter(
        enterprise_id=settings.ACCESS_SLACK_ENTERPRISE_ID, team_id=settings.ACCESS_SLACK_TEAM_ID
    )
    return here.filter(person__in=list(people), person__is_active=True).select_related("person").order_by("pk")


def reachable(people: Iterable[Person]) -> QuerySet[SlackIdentity]:
    """Those of their accounts that Slack took the last message to; one that it would not take says that they are gone."""
    said = SlackMessage.objects.filter(kind=SlackKind.NOTICE.value, channel=OuterRef("slack_user_id"))
    last = said.exclude(state=SlackState.WANTED.value).order_by("-pk").values("state")[:1]
    found = identities_of(people).annotate(last=Subquery(last))
    return found.filter(Q(last=None) | ~Q(last=SlackState.DEAD.value))


def person_at(slack_user_id: str) -> Person | None:
    """Whose account it is, in the workspace that is installed."""
    here = SlackIdentity.objects.filter(
        enterprise_id=settings.ACCESS_SLACK_ENTERPRISE_ID, team_id=settings.ACCESS_SLACK_TEAM_ID
    )
    found = here.filter(slack_user_id=slack_user_id).select_related("person").first()
    return found.person if found is not None else None


def channels_of(groups: Iterable[str]) -> list[str]:
    """Where these groups are asked, by the operator's word."""
    routes = settings.ACCESS_SLACK_CHANNELS
    return _in_use(routes.get(group) or routes.get(EVERYBODY_ELSE, "") for group in groups)


def _in_use(channels: Iterable[str]) -> list[str]:
    """By the ids that they have now; each channel once, but for those that were left."""
    known = {one.channel: one for one in SlackChannel.objects.all()}
    moved = {name: one.moved_to for name, one in known.items()}
    now = dict.fromkeys(id_now(one, moved) for one in channels if one)
    return [one for one in now if one not in known or known[one].state not in LEFT]


def is_stopped() -> bool:
    """Whether Slack takes nothing from us, so that nobody need try."""
    return SlackWorkspace.objects.filter(team_id=settings.ACCESS_SLACK_TEAM_ID).exclude(stopped_at=None).exists()


def alarm_channels_of(groups: Iterable[str]) -> list[str]:
    """Where a break-glass is told: in the channel of emergencies, where there is one, and wherever these groups are."""
    loud = settings.ACCESS_SLACK_CHANNELS.get(EMERGENCIES, "")
    return list(dict.fromkeys([*_in_use([loud]), *channels_of(groups)]))


def shown_by(message_ids: Iterable[int]) -> list[AuditEvent]:
    """The events that these jobs show: each of one operation, which sealed them at one moment, all that it did to the
    subject.
    """
    return [event for message_id in message_ids for event in _shown_by(message_id)]


def _shown_by(message_id: int) -> list[AuditEvent]:
    first = audit.told_by(message_id)
    if first is None:
        return []
    same = AuditEvent.objects.filter(subject=first.subject, at=first.at, sequence__gte=first.sequence)
    return list(same.filter(event__in=_SHOWN).order_by("sequence"))


def own_cards_at(slack_user_ids: Iterable[str]) -> list[int]:
    """The cards that each of these accounts has alone."""
    own = SlackMessage.objects.filter(kind=SlackKind.OWN_CARD.value, state=SlackState.POSTED.value)
    return list(own.filter(channel__in=slack_user_ids).order_by("pk").values_list("pk", flat=True))


def copies_at(*, access_request_id: int, channel: str, ts: str, slack_user_id: str) -> set[SlackState]:
    """Posted: this message is one of ours about that request. Wanted: one is on its way to that place, or to whom it
    is shown, and Slack may show it before it has told us where it stands.
    """
    copies = SlackMessage.objects.filter(access_request=access_request_id, kind__in=_PRESSABLE)
    is_it = Q(posted_in=channel, ts=ts, state=SlackState.POSTED.value) & ~Q(ts="")
    is_coming = Q(channel__in=[channel, slack_user_id], ts="", state=SlackState.WANTED.value)
    return {SlackState(state) for state in copies.filter(is_it | is_coming).values_list("state", flat=True)}


def card_at(*, channel: str, ts: str) -> SlackMessage | None:
    """The card of a request that stands there, for all who are in the channel."""
    cards = SlackMessage.objects.filter(kind=SlackKind.CARD.value, state=SlackState.POSTED.value)
    return cards.filter(posted_in=channel, ts=ts).first()


def names_of(slack_user_ids: Iterable[str]) -> dict[str, str]:
    """The user names of those accounts that are linked, in the workspace that is installed."""
    here = SlackIdentity.objects.filter(
        enterprise_id=settings.ACCESS_SLACK_ENTERPRISE_ID, team_id=settings.ACCESS_SLACK_TEAM_ID
    )
    return dict(here.filter(slack_user_id__in=list(slack_user_ids)).values_list("slack_user_id", "person__username"))


def message(message_id: int) -> SlackMessage:
    found = SlackMessage.objects.select_related("access_request", "thread")
    return found.get(pk=message_id)


def stragglers(*, limit: int) -> list[int]:
    """Copies for which no job waits though they are behind: rows may be lost.

    Those that Slack does not have yet go first, then cards of which something was told after they were drawn, or whose
    person has got or lost another access there since; the longest behind first, so that nothing is left out for ever.
    """
    waits = OutboxMessage.objects.filter(job=Job.SEND_TO_SLACK.value, done_at=None).annotate(
        number=Cast(Substr("subject", len("slack_message/") + 1), BigIntegerField())
    )
    idle = SlackMessage.objects.exclude(pk__in=waits.values("number"))
    undone = [SlackState.WANTED.value, SlackState.LEFT.value]
    wanted = list(idle.filter(state__in=undone).order_by("pk").values_list("pk", flat=True)[:limit])
    cards = idle.filter(state=SlackState.POSTED.value, kind__in=_CARDS, is_final=False)
    told = AuditEvent.objects.filter(event__in=_SHOWN, at__gt=OuterRef("drawn_at"))
    of_request = told.filter(subject=_subject("access_request/", "access_request"))
    of_grant = told.filter(subject=_subject("grant/", "access_request__grant"))
    # Who waits and gets or loses another access there has less, or more, to gain by this one.
    others = Grant.objects.filter(
        Q(activated_at__gt=OuterRef("drawn_at")) | Q(cut_at__gt=OuterRef("drawn_at")),
        holder=OuterRef("access_request__beneficiary"),
        target=OuterRef("access_request__target"),
    )
    is_asked = Q(access_request__state=AccessRequestState.PENDING.value)
    behind = cards.filter(Q(drawn_at=None) | Exists(of_request) | Exists(of_grant) | (is_asked & Exists(others)))
    first = behind.order_by(F("drawn_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)
    return [*wanted, *first[: limit - len(wanted)]]


def _subject(kind: str, number: str) -> Concat:
    return Concat(Value(kind), Cast(OuterRef(number), TextField()))


def is_over(copy: SlackMessage) -> bool:
    """Whether nothing will change any more in what this card tells."""
    about = copy.access_request
    if about is None or copy.revision != about.revision:
        return True
    grant: Grant | None = getattr(about, "grant", None)
    return about.state != AccessRequestState.PENDING and (grant is None or grant.state == GrantState.REVOKED)


def whispers_to(slack_user_id: str, *, since: datetime) -> int:
    """How often this account was told something alone."""
    told = SlackMessage.objects.filter(kind=SlackKind.WHISPER.value, slack_user_id=slack_user_id)
    return told.filter(created_at__gt=since).count()


def refused_to(actor: str, *, since: datetime) -> int:
    """How often it was recorded that this person, or this account of nobody, was refused something about a request."""
    kept = AuditEvent.objects.filter(actor=actor, event=Event.ACCESS_REQUEST_REFUSED.value, at__gt=since)
    return kept.count()


def last_posted(channel: str) -> datetime | None:
    posted = SlackMessage.objects.filter(channel=channel, posted_at__isnull=False).order_by("-posted_at")
    return posted.values_list("posted_at", flat=True).first()


def waiting_before(copy: SlackMessage) -> int:
    """How many older messages wait to go to the same channel. What tells of a break-glass goes past all others."""
    waiting = SlackMessage.objects.filter(state=SlackState.WANTED.value, channel=copy.channel, pk__lt=copy.pk)
    if copy.access_request is not None and copy.access_request.is_break_glass:
        waiting = waiting.filter(access_request__is_break_glass=True)
    return waiting.exclude(kind=SlackKind.WHISPER.value).count()


def card_of(
    access_request_id: int, *, kind: SlackKind, revision: int, reader: Person | None, at: datetime
) -> CardFacts:
    """All that a card tells, read now. Of one's own card `reader` is who has it."""
    access_request = access_requests.as_shown().select_related("target__inventory").get(pk=access_request_id)
    grant: Grant | None = getattr(access_request, "grant", None)
    verdict = policy.from_json(access_request.verdict)
    length = access_request.approved_duration or access_request.duration
    title, lasts = access_requests.title_for(reader, access_request), access_requests.extended_to(access_request)
    waits = access_request.state == AccessRequestState.PENDING
    page = "approvals" if kind is SlackKind.CARD else "requests"
    is_asked = waits and kind is SlackKind.CARD
    stakes = at_stake.stakes_of(access_request, at=at) if is_asked else at_stake.place_of(access_request)
    step_up = waits and _wants_step_up(access_request, verdict)
    return CardFacts(
        number=access_request.pk,
        revision=access_request.revision,
        title=title,
        url=f"{settings.ACCESS_BASE_URL}/{page}/{access_request.pk}/",
        sentence=sentence_of(access_request, grant, at=at),
        reason=access_request.reason,
        target=access_request.target.slug,
        environment=stakes.environment,
        data=stakes.data,
        reach=stakes.reach,
        whose=access_request.beneficiary.name,
        gained=stakes.gained,
        held=stakes.held,
        unusual=stakes.unusual,
        roles=", ".join(map(str, access_request.roles)),
        length=f"{spell_duration(length)}, extended to {spell_duration(lasts)}" if lasts else spell_duration(length),
        ticket=access_request.ticket,
        incident=access_request.break_glass.incident if access_request.is_break_glass else "",
        policy=f"{access_request.policy_version.name} v{access_request.policy_version.version}",
        approved_by=_approved_by(access_request) if waits else (),
        lapses_at=access_request.lapses_at if waits else None,
        ends_at=grant.expires_at if grant and grant.state in _ALIVE else None,
        buttons=_buttons(access_request, grant, kind=kind, reader=reader, step_up=step_up, at=at),
        confirm=slack_questions.approving(access_request, stakes, at=at) if is_asked else "",
        named=slack_questions.named(access_request),
        step_up=step_up,
        is_loud=access_request.is_break_glass,
        new_revision=revision != access_request.revision,
    )


def sentence_of(access_request: AccessRequest, grant: Grant | None, *, at: datetime) -> str:
    """Where it stands: the access, once there is one."""
    if grant is not None:
        said = sentence_of_grant(grant, at=at)
        return f"{_approved(access_request)} {said}" if grant.state in _ALIVE else said
    verdict = policy.from_json(access_request.verdict)
    waiting = policy.open_steps(verdict.steps, holdings.given(access_request))
    last = max(access_request.approvals.all(), key=lambda one: one.at, default=None)
    void = access_request.state == AccessRequestState.CANCELLED
    return sentences.request_sentence(
        state=AccessRequestState(access_request.state),
        lapses_at=None,
        waiting_for=waiting,
        decided_by=_called(access_request.decided_by),
        note=access_request.note if void else (last.comment if last else ""),
    )


def _approved(access_request: AccessRequest) -> str:
    names = " and ".join(dict.fromkeys(_approved_by(access_request)))
    if access_request.is_break_glass:
        return f"The glass was broken, and {names or 'nobody'} agreed."
    return f"Approved by {names or 'the policy itself'}."


def sentence_of_grant(grant: Grant, *, at: datetime) -> str:
    """Where it stands. In Slack people stand by their names, as in its titles."""
    return standing.sentence_of(grant, at=at, ended_by=_called(grant.ended_by))


def _called(login: str) -> str:
    return people.called([login]).get(login, login)


def _approved_by(access_request: AccessRequest) -> tuple[str, ...]:
    logins = [one.person for one in holdings.given(access_request)]
    names = people.called(logins)
    return tuple(names[login] for login in logins)


def _wants_step_up(access_request: AccessRequest, pinned: policy.Verdict) -> bool:
    today = holdings.judged_today(access_request)
    return pinned.answering.step_up or (isinstance(today, policy.Verdict) and today.answering.step_up)


def _buttons(
    access_request: AccessRequest,
    grant: Grant | None,
    *,
    kind: SlackKind,
    reader: Person | None,
    step_up: bool,
    at: datetime,
) -> tuple[str, ...]:
    if access_request.state == AccessRequestState.PENDING:
        if at >= access_request.lapses_at:
            return ()
        if kind is SlackKind.OWN_CARD:
            asked_it = reader is not None and reader.pk == access_request.requester_id
            return (slack_cards.TAKE_BACK,) if asked_it else ()
        return (
            (slack_cards.DENY,)
            if step_up or access_request.is_break_glass
            else (slack_cards.APPROVE, slack_cards.APPROVE_SHORTER, slack_cards.DENY)
        )
    if grant is None or grants.is_overdue(grant, at=at) or grant.state not in _ALIVE:
        return ()
    if kind is SlackKind.CARD:
        return (slack_cards.END,)
    in_hand = reader is not None and reader.stands_for(grant.holder)
    return deeds_of_holder(grant, at=at) if in_hand else ()


def deeds_of_holder(grant: Grant, *, at: datetime) -> tuple[str, ...]:
    """What whoever has a live access may do about its end. The operation judges again."""
    can_last = bool(extensions.longer(grant, at=at).longest)
    return (slack_cards.EXTEND, slack_cards.END) if can_last else (slack_cards.END,)


def own_asks(person: Person, *, at: datetime, most: int) -> list[OwnAsk]:
    """What they have asked for and wait for, the newest first."""
    asked = access_requests.as_shown().filter(requester=person, state=AccessRequestState.PENDING.value).order_by("-pk")
    return [
        OwnAsk(
            number=one.pk,
            revision=one.revision,
            words=access_requests.title_for(person, one),
            url=f"{settings.ACCESS_BASE_URL}/requests/{one.pk}/",
            named=slack_questions.named(one),
            can_be_taken_back=at < one.lapses_at,
        )
        for one in asked[:most]
    ]
