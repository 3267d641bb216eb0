"""Tells people what happened. Who is told never decides who may decide."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from django.conf import settings

from accessrequests.domain import policy, sentences
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.privileges import Level
from accessrequests.domain.sentences import Audience, Story
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.operations.outbox import Claim
from accessrequests.queries import access_requests, people
from workers.channels import email
from workers.outcomes import Done, Outcome, try_again

MOST_FAILURES = 2_880  # at half a minute each: a day

log = structlog.get_logger(__name__)


def notify(claim: Claim) -> Outcome:
    """One event, told to each audience in its own words."""
    event = Event(claim.event)
    access_request = access_requests.of_subject(claim.subject)
    story = _story(access_request)
    try:
        for audience, recipients in _audiences(access_request):
            notice = sentences.notice(event, audience=audience, story=story)
            if notice is not None:
                email.send(notice, to=recipients)
    except email.NotSent as error:
        if claim.failures < MOST_FAILURES:
            return try_again(claim, str(error))
        log.warning("notice_given_up", told_of=event.value)
    return Done()


def _audiences(access_request: AccessRequest) -> Iterable[tuple[Audience, list[Person]]]:
    beneficiaries = {access_request.requester, access_request.beneficiary}
    without = [person.pk for person in beneficiaries]
    approvers = {
        person
        for group in access_request.step_groups
        for person in people.deciders(group, since=access_request.filed_at, without=without)
    }
    yield Audience.REQUESTER, sorted(beneficiaries, key=str)
    yield Audience.APPROVER, sorted(approvers, key=str)


def _story(access_request: AccessRequest) -> Story:
    grant: Grant | None = getattr(access_request, "grant", None)
    last = access_request.approvals.order_by("-at").first()
    steps = [policy.Step(step["group"], step["needed"]) for step in access_request.verdict["steps"]]
    return Story(
        title=sentences.title(
            requester=access_request.requester.name,
            beneficiary=access_request.beneficiary.name,
            roles=access_request.roles,
            level=Level(access_request.level),
            target=access_request.target.slug,
            length=access_request.approved_duration or access_request.duration,
        ),
        url=f"{settings.ACCESS_BASE_URL}/requests/{access_request.pk}/",
        reason=access_request.reason,
        waiting_for=steps,
        lapses_at=access_request.lapses_at,
        actor=grant.ended_by if grant is not None and grant.ended_by else access_request.decided_by,
        note=grant.note if grant is not None else (last.comment if last is not None else ""),
        username=grant.username if grant is not None else "",
        expires_at=grant.expires_at if grant is not None else None,
        end_reason=EndReason(grant.end_reason) if grant is not None and grant.end_reason else None,
        was_open=grant is not None and grant.provisioning_attempt > 0,
    )
