"""One person's yes or no to one request, inside the operation that holds its row and its people."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db.models import Q

from accessrequests.domain import policy
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.proofs import Proof
from accessrequests.domain.window import format_duration
from accessrequests.models import AccessRequest, Approval, Person
from accessrequests.models.access_requests import Answer
from accessrequests.operations._asked import put_to
from accessrequests.operations._deciding import check_not_lapsed, check_open, decide, judged_now, voices_of
from accessrequests.operations._granting import approved
from accessrequests.operations._record import Fact
from accessrequests.operations.refusals import IllegalMove, NeedsSecondFactor, Refused
from accessrequests.queries import holdings
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
    voices = voices_of(approver, access_request, verdict, at=at)
    check_open(access_request, revision, at, person=approver, wants=AccessRequestState.APPROVED)
    _shorten(access_request, duration)
    if isinstance(verdict, Refused):
        raise verdict
    check_not_lapsed(access_request, access_request.filed_at + verdict.lapses_after, at)
    if verdict.answering.step_up and (proof is None or not proof.is_fresh(approver.pk, at)):
        raise NeedsSecondFactor(STEP_UP)
    given = holdings.given_now(access_request)
    found = policy.first_slot(verdict.steps, given, voices)
    if found is None:
        raise _no_slot(access_request, approver, voices, why_not_yet(verdict, given, voices))
    voice, group = found
    before = set(access_request.wanted_groups)
    given.append(voice)
    # A stricter policy of today may ask groups that nobody has asked yet: from now on they see the request.
    put_to(access_request, verdict, given=given)
    _keep(access_request, approver, Answer.APPROVE, voice, group=group, comment=comment, at=at)
    facts = [_said(Event.ACCESS_REQUEST_APPROVAL_GIVEN, access_request, voice, group=group, comment=comment)]
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
    voices = voices_of(approver, access_request, judged_now(access_request), at=at)
    check_open(access_request, revision, at, person=approver, wants=AccessRequestState.DENIED)
    voice = _unspent(access_request, approver, voices)
    if not reason.strip():
        raise Invalid({"reason": ["Say why, so that the requester knows what to ask for instead."]})
    _keep(access_request, approver, Answer.DENY, voice, group="", comment=reason, at=at)
    decide(access_request, AccessRequestState.DENIED, approver.username, at)
    access_request.save()
    return _said(Event.ACCESS_REQUEST_DENIED, access_request, voice, group="", comment=reason)


def _keep(
    access_request: AccessRequest,
    person: Person,
    answer: Answer,
    voice: policy.Given,
    *,
    group: str,
    comment: str,
    at: datetime,
) -> None:
    Approval.objects.create(
        access_request=access_request,
        person=person,
        on_behalf_of=Person.objects.get(username=voice.on_behalf_of) if voice.on_behalf_of else None,
        revision=access_request.revision,
        answer=answer.value,
        groups=sorted(voice.groups),
        group=group,
        comment=comment,
        at=at,
    )


def _no_slot(
    access_request: AccessRequest, approver: Person, voices: Sequence[policy.Given], not_yet: str
) -> Refused | IllegalMove:
    """It is not their turn; or there is an earlier approval, with the same voice, or one that fills the group: every
    step has a free slot before.
    """
    if not_yet:
        return Refused(not_yet)
    approvals = access_request.approvals.filter(revision=access_request.revision).select_related("person")
    same = approvals.filter(_with_voices([approver.username, *_givers(voices)])).order_by("pk").first()
    earlier = same or approvals.latest("at")
    who = earlier.person.username
    if same is None:
        sentence = f"{who} has approved for your group already. It waits for another group."
    elif same.person_id == approver.pk:
        sentence = "You have approved this request already. It waits for somebody else."
    else:
        sentence = f"{who} has approved with the same voice already. It waits for somebody else."
    return IllegalMove(sentence, person=who, what="approved", at=earlier.at)


def _unspent(access_request: AccessRequest, approver: Person, voices: Sequence[policy.Given]) -> policy.Given:
    """The first that nobody else has used. Whoever has approved may still say no; what they were lent is gone once its
    giver has answered.
    """
    others = access_request.approvals.filter(revision=access_request.revision).exclude(person=approver)
    for voice in voices:
        if not voice.on_behalf_of or not others.filter(_with_voices([voice.on_behalf_of])).exists():
            return voice
    givers = " and ".join(_givers(voices))
    raise Refused(f"You stand in for {givers}, who answered already. Their answer stands.")


def _with_voices(usernames: Sequence[str]) -> Q:
    return Q(person__username__in=usernames) | Q(on_behalf_of__username__in=usernames)


def _givers(voices: Sequence[policy.Given]) -> list[str]:
    return [one.on_behalf_of for one in voices if one.on_behalf_of]


def _shorten(access_request: AccessRequest, duration: timedelta | None) -> None:
    if duration is None:
        return
    longest = access_request.approved_duration or access_request.duration
    if not timedelta() < duration <= longest:
        raise Invalid({"duration": [f"An approver may shorten, not lengthen: at most {format_duration(longest)}."]})
    access_request.approved_duration = duration


def _said(event: Event, access_request: AccessRequest, voice: policy.Given, *, group: str, comment: str) -> Fact:
    length = format_duration(access_request.approved_duration or access_request.duration)
    facts = {"revision": access_request.revision, "group": group, "comment": comment, "duration": length}
    if access_request.is_shortened:
        facts["asked"] = format_duration(access_request.duration)
    if voice.on_behalf_of:
        facts["on_behalf_of"] = voice.on_behalf_of
    return Fact(event, str(access_request), facts)
