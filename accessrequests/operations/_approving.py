"""One person's yes or no to one request, inside the operation that holds its row and its people."""

from __future__ import annotations

from datetime import datetime, timedelta

from accessrequests.domain import policy
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.proofs import Proof
from accessrequests.domain.window import format_duration
from accessrequests.models import AccessRequest, Approval, Person
from accessrequests.models.access_requests import Answer
from accessrequests.operations._asked import put_to
from accessrequests.operations._deciding import check_not_lapsed, check_open, decide, judged_now, voice_of
from accessrequests.operations._granting import approved
from accessrequests.operations._record import Fact
from accessrequests.operations.refusals import IllegalMove, NeedsSecondFactor, Refused
from accessrequests.queries.asks import Invalid
from accessrequests.queries.deciding import why_not_yet

STEP_UP = "This is approved in the portal, by who has given their second factor in the last five minutes."


def say_yes(
    access_request: AccessRequest,
    approver: Person,
    *,
    revision: int,
    comment: str,
    duration: timedelta | None,
    proof: Proof | None,
    at: datetime,
) -> list[Fact]:
    """Record an approval; the one that fills the last slot approves the request.

    `proof` of a second factor comes from the portal alone, and counts where the policy wants one.
    """
    verdict = judged_now(access_request, duration)
    groups = voice_of(approver, access_request, verdict)
    check_open(access_request, revision, at, person=approver)
    _shorten(access_request, duration)
    if isinstance(verdict, Refused):
        raise verdict
    check_not_lapsed(access_request, access_request.filed_at + verdict.lapses_after, at)
    if verdict.answering.step_up and (proof is None or not proof.is_fresh(approver.pk, at)):
        raise NeedsSecondFactor(STEP_UP)
    given = _given(access_request)
    group = policy.slot_for(verdict.steps, given, candidate=policy.Given(approver.username, groups))
    not_yet = why_not_yet(verdict, given, groups) if group is None else ""
    if not_yet:
        raise Refused(not_yet)
    if group is None:
        raise _adds_nothing(access_request, approver)
    before = set(access_request.wanted_groups)
    given.append(policy.Given(approver.username, groups))
    # A stricter policy of today may ask groups that nobody has asked yet: from now on they see the request.
    put_to(access_request, verdict, given=given)
    _keep(access_request, approver, Answer.APPROVE, groups, group=group, comment=comment, at=at)
    facts = [_said(Event.ACCESS_REQUEST_APPROVAL_GIVEN, access_request, group=group, comment=comment)]
    if policy.is_complete(verdict.steps, given):
        facts.append(approved(access_request, decided_by=approver.username, at=at))
    else:
        access_request.save()
        turn = [group for group in access_request.wanted_groups if group not in before]
        if turn:
            facts.append(
                Fact(Event.ACCESS_REQUEST_ASKED, str(access_request), {"groups": turn, "why": "it is their turn"})
            )
    return facts


def say_no(access_request: AccessRequest, approver: Person, *, revision: int, reason: str, at: datetime) -> Fact:
    """Record a no, which ends the request."""
    groups = voice_of(approver, access_request, judged_now(access_request))
    check_open(access_request, revision, at, person=approver)
    if not reason.strip():
        raise Invalid({"reason": ["Say why, so that the requester knows what to ask for instead."]})
    _keep(access_request, approver, Answer.DENY, groups, group="", comment=reason, at=at)
    decide(access_request, AccessRequestState.DENIED, approver.username, at)
    access_request.save()
    return _said(Event.ACCESS_REQUEST_DENIED, access_request, group="", comment=reason)


def _keep(
    access_request: AccessRequest,
    person: Person,
    answer: Answer,
    groups: frozenset[str],
    *,
    group: str,
    comment: str,
    at: datetime,
) -> None:
    Approval.objects.create(
        access_request=access_request,
        person=person,
        revision=access_request.revision,
        answer=answer.value,
        groups=sorted(groups),
        group=group,
        comment=comment,
        at=at,
    )


def _adds_nothing(access_request: AccessRequest, approver: Person) -> IllegalMove:
    """There is an earlier approval, the approver's own or one that fills the group: every step has a free slot before."""
    approvals = access_request.approvals.filter(revision=access_request.revision).select_related("person")
    mine = approvals.filter(person=approver).first()
    earlier = mine or approvals.latest("at")
    who = earlier.person.username
    sentence = (
        "You have approved this request already. It waits for somebody else."
        if mine
        else f"{who} has approved for your group already. It waits for another group."
    )
    return IllegalMove(sentence, person=who, what="approved", at=earlier.at)


def _shorten(access_request: AccessRequest, duration: timedelta | None) -> None:
    if duration is None:
        return
    longest = access_request.approved_duration or access_request.duration
    if not timedelta() < duration <= longest:
        raise Invalid({"duration": [f"An approver may shorten, not lengthen: at most {format_duration(longest)}."]})
    access_request.approved_duration = duration


def _given(access_request: AccessRequest) -> list[policy.Given]:
    approvals = access_request.approvals.filter(
        revision=access_request.revision, answer=Answer.APPROVE.value
    ).select_related("person")
    return [policy.Given(approval.person.username, frozenset(approval.groups)) for approval in approvals]


def _said(event: Event, access_request: AccessRequest, *, group: str, comment: str) -> Fact:
    length = format_duration(access_request.approved_duration or access_request.duration)
    facts = {"revision": access_request.revision, "group": group, "comment": comment, "duration": length}
    return Fact(event, str(access_request), facts)
