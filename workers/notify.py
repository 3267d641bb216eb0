"""Tells people what happened. Who is told never decides who may decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from django.conf import settings

from accessrequests.domain import offline_kits, policy, sentences
from accessrequests.domain.access_reviews import REVIEW_EVENTS
from accessrequests.domain.channels import News
from accessrequests.domain.delegating import DELEGATION_EVENTS
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState, EndReason, GrantState
from accessrequests.domain.notices import ASKING, Notice, authority_notice, changes_notice
from accessrequests.domain.role_sentences import ROLE_EVENTS
from accessrequests.domain.sentences import Audience, Story
from accessrequests.domain.slack_links import LINK_EVENTS
from accessrequests.models import AccessRequest, AuditEvent, Grant, Person
from accessrequests.operations.outbox import Claim
from accessrequests.queries import access_requests, audit, authorities, clock, comments, extensions, outside, people
from accessrequests.queries import grants as grant_queries
from workers import (
    alarms,
    asked,
    delegation_notices,
    deliver,
    kit_notices,
    policy_notices,
    review_notices,
    role_notices,
    slack_notices,
    telling,
)
from workers.channels import email
from workers.channels.email import Thread
from workers.outcomes import Done, Outcome, try_again

MOST_FAILURES = 2_880  # at half a minute each: a day

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _News:
    """What happened, and all that is needed to tell it."""

    event: Event
    access_request: AccessRequest
    grant: Grant | None
    comment: AuditEvent | None

    def page_for(self, audience: Audience) -> str:
        """The page that shows it. To look at it changes nothing: whoever decides presses a button there."""
        if self.grant is not None and self.event.value.startswith("grant."):
            return f"access/{self.grant.pk}"
        return f"{'approvals' if audience is Audience.APPROVER else 'requests'}/{self.access_request.pk}"


def notify(claim: Claim) -> Outcome:
    """One event, told to each audience in its own words, and to the receivers of webhooks first: they are no mail."""
    event = Event(claim.event)
    deliver.pass_on(claim)
    if event in alarms.TOLD | offline_kits.TOLD:
        tell_loudly = alarms.tell if event in alarms.TOLD else kit_notices.tell
        return tell_loudly(claim, _thread(claim.subject, claim))
    tell = _OF_NO_REQUEST.get(event)
    if tell is not None:
        return _carried(claim, lambda: tell(claim))
    access_request = access_requests.of_subject(claim.subject)
    grant: Grant | None = getattr(access_request, "grant", None)
    if event is Event.GRANT_ATTEMPT_FAILED and not (grant and grant_queries.is_overdue(grant, at=clock.now())):
        return Done()  # it has been cut off since, or was a try to begin
    if event is Event.GRANT_ENDING_SOON and not (grant and grant_queries.is_warned(grant)):
        return Done()  # it has ended since, or its end has moved
    if event is Event.ACCESS_REQUEST_ASKED and access_request.state != AccessRequestState.PENDING:
        return Done()  # somebody has decided meanwhile
    comment = audit.told_by(claim.message_id) if event is Event.ACCESS_REQUEST_COMMENTED else None
    news = _News(event, access_request, grant, comment)
    return _carried(claim, lambda: _tell(news, _thread(str(access_request), claim)))


def notice_to_requester(told: AuditEvent, access_request: AccessRequest) -> Notice | None:
    """What those whose access it is are told of this event, for a channel that is no mail; nothing of their own words."""
    event = Event(told.event)
    grant: Grant | None = getattr(access_request, "grant", None)
    if event is Event.GRANT_ENDING_SOON and not (grant and grant_queries.is_warned(grant)):
        return None
    comment = told if event is Event.ACCESS_REQUEST_COMMENTED else None
    if comment is not None and comment.actor in {one.username for one in asked.beneficiaries_of(access_request)}:
        return None
    story = _story(_News(event, access_request, grant, comment), Audience.REQUESTER)
    return sentences.notice(event, audience=Audience.REQUESTER, story=story)


def _carried(claim: Claim, tell: Callable[[], None]) -> Outcome:
    try:
        tell()
    except email.NotSent as error:
        if claim.failures < MOST_FAILURES:
            return try_again(claim, str(error))
        log.warning("notice_given_up", told_of=claim.event)
    return Done()


def _thread(about: str, claim: Claim) -> Thread:
    return Thread(about=about, notice=f"notice-{claim.message_id}")


def _tell_of_authority(claim: Claim) -> None:
    """:raises email.NotSent: when somebody may be told later only."""
    slug = claim.subject_name
    warning = authorities.last_warning(slug)
    if warning is None:
        return
    url = f"{settings.ACCESS_BASE_URL}/targets/{slug}/"
    notice = authority_notice(target=slug, ends_at=warning.ends_at, url=url)
    administrators = sorted(people.administrators(), key=str)
    telling.tell(notice, to=administrators, thread=_thread(claim.subject, claim), news=News.ALARMS)


def _tell_of_changes(claim: Claim) -> None:
    """:raises email.NotSent: when somebody may be told later only."""
    slug = claim.subject_name
    url = f"{settings.ACCESS_BASE_URL}/targets/{slug}/changes/"
    notice = changes_notice(target=slug, what=outside.last_told(slug), url=url)
    administrators = sorted(people.administrators(), key=str)
    telling.tell(notice, to=administrators, thread=_thread(claim.subject, claim), news=News.ALARMS)


def _tell(news: _News, thread: Thread) -> None:
    """In Slack to all first, then by mail: a mail server that is away holds up nobody there.

    :raises email.NotSent: when somebody may be told later only.
    """
    to_mail: list[tuple[Notice, list[Person]]] = []
    author = news.comment.actor if news.comment is not None else ""
    for audience, recipients in _audiences(news).items():
        story = _story(news, audience)
        for others, told in _apart(news, audience, recipients):
            also = story.also or tuple(
                (f"Asked with it: {access_requests.title_of(one)}", _page_of(one)) for one in others
            )
            notice = sentences.notice(news.event, audience=audience, story=replace(story, also=also))
            if notice is not None:
                to = sorted((person for person in told if person.username != author), key=str)
                left = _file(notice, to, audience=audience, thread=thread, access_request=news.access_request)
                to_mail.append((notice, left))
    for notice, left in to_mail:
        email.send(notice, to=left, thread=thread)


def _file(
    notice: Notice, to: Sequence[Person], *, audience: Audience, thread: Thread, access_request: AccessRequest
) -> list[Person]:
    """Who is left to be told by mail. Those whose access it is have a card and messages of their own in Slack already."""
    if audience in {Audience.REQUESTER, Audience.GRANTEE}:
        return telling.by_mail(to, news=News.OWN)
    news = News.ALARMS if audience is Audience.ENDER else News.ANSWERS
    return telling.file_in_slack(notice, to=to, thread=thread, news=news, access_request=access_request)


def _apart(
    news: _News, audience: Audience, recipients: set[Person]
) -> list[tuple[Sequence[AccessRequest], set[Person]]]:
    """Whoever is asked about several that were asked together gets one mail for them all."""
    if news.event is Event.ACCESS_REQUEST_SUBMITTED and audience is Audience.APPROVER:
        return asked.in_one_mail(news.access_request, recipients)
    return [((), recipients)]


def _page_of(access_request: AccessRequest) -> str:
    return f"{settings.ACCESS_BASE_URL}/approvals/{access_request.pk}/"


def _audiences(news: _News) -> dict[Audience, set[Person]]:
    access_request = news.access_request
    beneficiaries = asked.beneficiaries_of(access_request)
    asks = news.event in ASKING and access_request.state == AccessRequestState.PENDING
    approvers = asked.approvers_of(access_request, asks=asks)
    enders = approvers | set(people.administrators())
    if news.comment is not None:
        # Once it is decided, those who took part go on talking; the others of the group are left in peace.
        pending = access_request.state == AccessRequestState.PENDING
        approvers = (approvers if pending else set()) | comments.speakers(access_request)
    return {
        Audience.REQUESTER: beneficiaries,
        Audience.GRANTEE: beneficiaries - {access_request.requester} if asks else set(),
        Audience.APPROVER: approvers - beneficiaries,
        Audience.ENDER: enders - beneficiaries,
    }


def _story(news: _News, audience: Audience) -> Story:
    access_request, grant, comment = news.access_request, news.grant, news.comment
    steps = [policy.Step(step["group"], step["needed"]) for step in access_request.verdict["steps"]]
    reader = access_request.requester if audience is Audience.REQUESTER else None
    is_yes = news.event is Event.ACCESS_REQUEST_APPROVED
    has_ended = grant is not None and grant.ended_by and not is_yes
    acted = grant.ended_by if grant is not None and has_ended else access_request.decided_by
    said_by = comment.actor if comment is not None else acted
    return Story(
        title=access_requests.title_for(reader, access_request),
        url=f"{settings.ACCESS_BASE_URL}/{news.page_for(audience)}/",
        reason=access_request.reason,
        waiting_for=steps,
        lapses_at=access_request.lapses_at,
        actor=people.called([said_by]).get(said_by, ""),  # as in the title
        username=grant.username if grant is not None else "",
        own_login=access_request.principal,
        target=access_request.target.slug,
        expires_at=grant.expires_at if grant is not None else None,
        end_reason=EndReason(grant.end_reason) if grant is not None and grant.end_reason else None,
        was_open=grant is not None and grant.provisioning_attempt > 0,
        shorter=access_requests.shorter(access_request),
        said=str(comment.facts.get("text", "")) if comment is not None else _said_of(access_request) if is_yes else "",
        **{
            "note": _note(grant) if grant is not None else _said_of(access_request),
            **(_of_the_end(news.event, grant) if grant is not None else {}),
        },
    )


def _of_the_end(event: Event, grant: Grant) -> dict[str, Any]:
    """What its holder can do before it comes, and what became of a later one."""
    page = f"{settings.ACCESS_BASE_URL}/access/{grant.pk}/"
    if event is Event.GRANT_ENDING_SOON:
        longer = extensions.longer(grant, at=clock.now())
        extend = () if longer.why_not else (("Extend it", f"{page}#extend"),)
        return {"also": (*extend, ("End it now", f"{page}#end")), "why_not_longer": longer.why_not}
    if event is Event.GRANT_EXTENDED:
        return {"certificate_until": extensions.certificate_ends(grant)}
    if event is Event.GRANT_EXTENSION_FAILED:
        return {"note": extensions.last_failure(grant)}
    return {}


def _said_of(access_request: AccessRequest) -> str:
    """Why it is void, or what was said when it was decided."""
    if access_request.state == AccessRequestState.CANCELLED:
        return access_request.note
    last = access_request.approvals.order_by("-at").first()
    return last.comment if last is not None else ""


def _note(grant: Grant) -> str:
    """What stands in the way of its end, or else what was said when it ended."""
    return grant.last_error if grant.state == GrantState.REVOKING and grant.last_error else grant.note


_OF_NO_REQUEST: Mapping[Event, Callable[[Claim], None]] = {
    Event.TARGET_AUTHORITY_ENDING: _tell_of_authority,
    Event.TARGET_OURS_CHANGED: _tell_of_changes,
    Event.POLICY_PROPOSED: policy_notices.tell,
    **dict.fromkeys(ROLE_EVENTS, role_notices.tell),
    **dict.fromkeys(DELEGATION_EVENTS, delegation_notices.tell),
    **dict.fromkeys(REVIEW_EVENTS, review_notices.tell),
    **dict.fromkeys(LINK_EVENTS, slack_notices.tell),
}
