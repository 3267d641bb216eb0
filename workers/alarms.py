"""Tells of a break-glass: everybody whom the policy names, by mail, whatever else is away."""

from __future__ import annotations

import structlog
from django.conf import settings

from accessrequests.domain.alarms import Alarm, Hearer, alarm, drill_notice, self_test_notice
from accessrequests.domain.channels import News
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState, EndReason
from accessrequests.domain.notices import Notice
from accessrequests.domain.privileges import Level
from accessrequests.domain.wording import deed
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.operations import break_glass
from accessrequests.operations.outbox import Claim
from accessrequests.queries import access_requests, audit, people
from workers import telling
from workers.channels import email
from workers.channels.email import Thread
from workers.outcomes import Done, Outcome, try_again

TOLD = frozenset(
    {
        *(Event.BREAKGLASS_REQUESTED, Event.BREAKGLASS_ACTIVATED, Event.BREAKGLASS_USED),
        *(Event.BREAKGLASS_ENDED, Event.BREAKGLASS_REVIEWED, Event.BREAKGLASS_REVIEW_OVERDUE),
        *(Event.BREAKGLASS_DRILL_DUE, Event.BREAKGLASS_SELF_TESTED),
    }
)
MAIL = "mail"
MOST_FAILURES = 2_880  # at half a minute each: a day

log = structlog.get_logger(__name__)


def tell(claim: Claim, thread: Thread) -> Outcome:
    """One event of a break-glass. That it does not get through is an alarm itself, and holds nothing up."""
    if claim.event in {Event.BREAKGLASS_DRILL_DUE, Event.BREAKGLASS_SELF_TESTED}:
        return _tell_administrators(claim, thread)
    access_request = access_requests.of_subject(claim.subject)
    story, event = _story(access_request), Event(claim.event)
    to_mail: list[tuple[Notice, list[Person]]] = []
    for hearer, folk in _hearers(access_request).items():
        notice = alarm(event, hearer=hearer, story=story)
        if notice is not None:
            to = telling.file_in_slack(
                notice, to=sorted(folk, key=str), thread=thread, news=News.ALARMS, access_request=access_request
            )
            to_mail.append((notice, to))
    try:
        for notice, to in to_mail:
            email.send(notice, to=to, thread=thread)
    except email.NotSent as error:
        break_glass.note_alert_failed(event=claim.event, subject=claim.subject, channel=MAIL, why=str(error))
        if claim.failures < MOST_FAILURES:
            return try_again(claim, str(error))
        log.warning("alarm_given_up", told_of=claim.event)
    return Done()


def _tell_administrators(claim: Claim, thread: Thread) -> Outcome:
    """That a drill is due, or that the weekly test is red. One that is green is no news."""
    slug, told = claim.subject_name, audit.told_by(claim.message_id)
    red = [str(part) for part in told.facts.get("red", ())] if told is not None else []
    if claim.event == Event.BREAKGLASS_DRILL_DUE:
        notice = drill_notice(target=slug, url=f"{settings.ACCESS_BASE_URL}/break-glass/?target={slug}")
    elif red:
        notice = self_test_notice(red=red, url=f"{settings.ACCESS_BASE_URL}/health/")
    else:
        return Done()
    try:
        telling.tell(notice, to=sorted(people.administrators(), key=str), thread=thread, news=News.ALARMS)
    except email.NotSent as error:
        if claim.failures < MOST_FAILURES:
            return try_again(claim, str(error))
        log.warning("notice_given_up", told_of=claim.event)
    return Done()


def _hearers(access_request: AccessRequest) -> dict[Hearer, set[Person]]:
    without = [access_request.requester_id]
    told = {
        person
        for group in access_request.step_groups
        for person in people.deciders(group, since=access_request.filed_at, without=without)
    }
    told |= {person for person in people.administrators() if person.pk not in without}
    return {Hearer.TOLD: told, Hearer.HOLDER: {access_request.requester}}


def _story(access_request: AccessRequest) -> Alarm:
    grant: Grant | None = getattr(access_request, "grant", None)
    broken = access_request.break_glass
    return Alarm(
        person=access_request.requester.name,
        deed=deed(
            roles=access_request.roles,
            level=Level(access_request.level),
            target=access_request.target.slug,
            clusters=access_request.clusters,
        ),
        base_url=settings.ACCESS_BASE_URL,
        number=access_request.pk,
        reason=access_request.reason,
        incident=broken.incident,
        is_drill=broken.is_drill,
        reviewers=broken.review_groups,
        waits=broken.why_second if access_request.state == AccessRequestState.PENDING else "",
        expires_at=(grant.expires_at or grant.created_at + grant.length) if grant else None,
        due_at=broken.review_due_at,
        end_reason=EndReason(grant.end_reason) if grant and grant.end_reason else None,
        ended_by=people.called([grant.ended_by]).get(grant.ended_by, grant.ended_by) if grant else "",
        was_open=grant is not None and grant.provisioning_attempt > 0,
        finding=broken.finding,
        reviewed_by=broken.reviewed_by.name if broken.reviewed_by else "",
        review_note=broken.review_note,
    )
