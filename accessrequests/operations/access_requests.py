"""Ask, change, approve, deny, cancel, lapse: what can happen to an access request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accessrequests.domain import policy
from accessrequests.domain.events import PRODUCT, Actor, Event, Via
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.window import format_duration
from accessrequests.models import AccessRequest, Approval, Person
from accessrequests.models.access_requests import Answer
from accessrequests.operations._asking import facts_of, filed, rewrite
from accessrequests.operations._deciding import (
    check_not_lapsed,
    check_open,
    decide,
    judged_now,
    locked,
    voice_of,
    was_decided,
)
from accessrequests.operations._granting import approved
from accessrequests.operations._holding import hold_people, hold_policy, hold_room
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import asks, clock, comments, people
from accessrequests.queries.asked_before import asked_of
from accessrequests.queries.asks import Asked, Invalid
from accessrequests.queries.belonging import belonging_of


@transaction.atomic(durable=True)
def submit(*, requester: Person, asked: Asked, via: Via, idempotency: Idempotency | None = None) -> AccessRequest:
    """File an access request; where the policy asks nobody, it is born approved.

    No policy is published meanwhile, so that whom a new one asks is shown every request that is open.

    :raises Invalid: when a field is wrong.
    :raises NotReadYet: when there is no policy yet, or nobody has read what the target has to offer.
    :raises Refused: when the policy says no.
    """
    hold_policy(alone=False)
    hold_people([requester.pk, *people.ids_of([asked.grantee])] if asked.grantee else [requester.pk])
    hold_room(asked.target)
    at = clock.now()
    considered = asks.consider(requester=requester, asked=asked, at=at)
    verdict = considered.verdict
    if not verdict.allowed:
        first = verdict.refusals[0]
        raise Refused(first.sentence, rule=first.rule)
    access_request = filed(requester, considered, at)
    actor = people.actor_of(requester, via)
    facts = [Fact(Event.ACCESS_REQUEST_SUBMITTED, str(access_request), facts_of(access_request))]
    if verdict.automatic:
        facts.append(_approved_by_policy(access_request, via, at))
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def edit(
    *,
    access_request_id: int,
    requester: Person,
    via: Via,
    revision: int,
    changes: Mapping[str, Any],
    idempotency: Idempotency | None = None,
) -> AccessRequest:
    """Ask for something else in the same request while nobody has decided. Answers given so far no longer count.

    `changes` are fields of `Asked`; the target, the kind and who gets it stay. Where the policy asks nobody about what
    it has become, it is approved.
    :raises Refused: when somebody else tries, or the policy says no.
    :raises IllegalMove: when the request is decided or has lapsed.
    :raises StaleRevision: when the request was edited after `revision`.
    :raises Invalid: when a field is wrong, or nothing would be different.
    """
    hold_policy(alone=False)
    access_request = locked(access_request_id, requester)
    hold_room(access_request.target.slug)
    at = clock.now()
    if access_request.requester_id != requester.pk:
        raise Refused("Only the person who asked can change a request. Write a comment, and say what you miss.")
    if access_request.extends_id is not None:
        raise Refused("A request for more time is not changed. Take it back, and ask for what you need.")
    check_open(access_request, revision, at, person=requester)
    before = asked_of(access_request, at=at)
    considered = asks.consider(requester=requester, asked=replace(before, **changes), at=at)
    if considered.asked == before:
        raise Invalid({"changes": ["Nothing would be different. Change what shall be, or leave it as it is."]})
    if not considered.verdict.allowed:
        first = considered.verdict.refusals[0]
        raise Refused(first.sentence, rule=first.rule)
    was = facts_of(access_request)
    rewrite(access_request, considered, at)
    now = facts_of(access_request)
    changed = {name: {"from": was[name], "to": value} for name, value in now.items() if value != was[name]}
    facts = {**now, "revision": access_request.revision, "changed": changed}
    done = [Fact(Event.ACCESS_REQUEST_EDITED, str(access_request), facts)]
    if considered.verdict.automatic:
        done.append(_approved_by_policy(access_request, via, at))
    actor = people.actor_of(requester, via)
    record(*done, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def approve(
    *,
    access_request_id: int,
    approver: Person,
    via: Via,
    revision: int,
    comment: str = "",
    duration: timedelta | None = None,
    idempotency: Idempotency | None = None,
) -> AccessRequest:
    """Give one approval; the one that fills the last slot approves the request and makes its grant.

    :raises Refused: when the approver may not decide, or the policy of today says no.
    :raises IllegalMove: when the request is decided, has lapsed, or this approval would add nothing.
    :raises StaleRevision: when the request was edited after `revision`.
    :raises Invalid: when `duration` is longer than what was asked for.
    """
    access_request = locked(access_request_id, approver)
    if KINDS[access_request.target.kind].is_limited:
        hold_room(access_request.target.slug)
    at = clock.now()
    verdict = judged_now(access_request, duration)
    groups = voice_of(approver, access_request, verdict)
    check_open(access_request, revision, at, person=approver)
    _shorten(access_request, duration)
    if isinstance(verdict, Refused):
        raise verdict
    check_not_lapsed(access_request, access_request.filed_at + verdict.lapses_after, at)
    given = _given(access_request)
    group = policy.slot_for(verdict.steps, given, candidate=policy.Given(approver.username, groups))
    if group is None:
        raise _adds_nothing(access_request, approver)
    # A stricter policy of today may ask groups that nobody has asked yet: from now on they see the request.
    access_request.step_groups = [step.group for step in verdict.steps]
    given.append(policy.Given(approver.username, groups))
    access_request.wanted_groups = list(policy.groups_wanted(verdict.steps, given))
    Approval.objects.create(
        access_request=access_request,
        person=approver,
        revision=access_request.revision,
        answer=Answer.APPROVE.value,
        groups=sorted(groups),
        group=group,
        comment=comment,
        at=at,
    )
    facts = [_said(Event.ACCESS_REQUEST_APPROVAL_GIVEN, access_request, group=group, comment=comment)]
    if policy.is_complete(verdict.steps, given):
        facts.append(approved(access_request, decided_by=approver.username, at=at))
    else:
        access_request.save()
    actor = people.actor_of(approver, via)
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def deny(
    *,
    access_request_id: int,
    approver: Person,
    via: Via,
    revision: int,
    reason: str,
    idempotency: Idempotency | None = None,
) -> AccessRequest:
    """One no ends the request.

    :raises Refused: when the approver may not decide.
    :raises IllegalMove: when the request is decided or has lapsed.
    :raises StaleRevision: when the request was edited after `revision`.
    :raises Invalid: when no reason is given.
    """
    access_request = locked(access_request_id, approver)
    at = clock.now()
    groups = voice_of(approver, access_request, judged_now(access_request))
    check_open(access_request, revision, at, person=approver)
    if not reason.strip():
        raise Invalid({"reason": ["Say why, so that the requester knows what to ask for instead."]})
    Approval.objects.create(
        access_request=access_request,
        person=approver,
        revision=access_request.revision,
        answer=Answer.DENY.value,
        groups=sorted(groups),
        comment=reason,
        at=at,
    )
    decide(access_request, AccessRequestState.DENIED, approver.username, at)
    access_request.save()
    fact = _said(Event.ACCESS_REQUEST_DENIED, access_request, group="", comment=reason)
    actor = people.actor_of(approver, via)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def cancel(
    *, access_request_id: int, requester: Person, via: Via, idempotency: Idempotency | None = None
) -> AccessRequest:
    """The requester takes the ask back.

    :raises Refused: when somebody else tries.
    :raises IllegalMove: when the request is decided or has lapsed.
    """
    access_request = locked(access_request_id)
    at = clock.now()
    if access_request.requester_id != requester.pk:
        raise Refused("Only the person who asked can cancel a request. Deny it instead, if you may decide on it.")
    check_open(access_request, access_request.revision, at, person=requester)
    decide(access_request, AccessRequestState.CANCELLED, requester.username, at)
    access_request.save()
    fact = Fact(Event.ACCESS_REQUEST_CANCELLED, str(access_request))
    actor = people.actor_of(requester, via)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def comment(
    *, access_request_id: int, person: Person, via: Via, text: str, idempotency: Idempotency | None = None
) -> AccessRequest:
    """Say something to the others, for as long as the request, or the access that came of it, is not over.

    :raises Refused: when the person only looks on.
    :raises IllegalMove: when it is over.
    :raises Invalid: when there is nothing to read, too much of it, or it would not be read as it was written.
    """
    access_request = locked(access_request_id, person)
    at = clock.now()
    if not belonging_of(person).may_comment(access_request):
        raise Refused("Only those who ask, decide or administer write here. You can read it.")
    over = comments.over(access_request)
    if over is not None:
        raise IllegalMove(over.sentence, person=over.person, what=over.what, at=over.at)
    why_not = comments.why_not_written(text)
    if why_not:
        raise Invalid({"text": [why_not]})
    fact = Fact(Event.ACCESS_REQUEST_COMMENTED, str(access_request), {"text": text.strip()})
    actor = people.actor_of(person, via)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def expire(*, access_request_id: int, latest: datetime | None = None) -> AccessRequest:
    """Nobody answered in time, by the database's clock or by `latest`, which is right while that one runs behind; or
    what it would extend has ended before.

    :raises IllegalMove: when the request is decided, or its time is not over.
    """
    access_request = locked(access_request_id)
    at = clock.now()
    if access_request.state == AccessRequestState.PENDING and _extends_nothing(access_request):
        decide(access_request, AccessRequestState.CANCELLED, CLOCKWORK.name, at)
        access_request.save()
        why = {"why": "the access that it would extend has ended"}
        record(Fact(Event.ACCESS_REQUEST_CANCELLED, str(access_request), why), actor=CLOCKWORK, at=at)
        return access_request
    if access_request.state != AccessRequestState.PENDING or max(at, latest or at) < access_request.lapses_at:
        raise was_decided(access_request)
    decide(access_request, AccessRequestState.EXPIRED, CLOCKWORK.name, at)
    access_request.save()
    record(Fact(Event.ACCESS_REQUEST_EXPIRED, str(access_request)), actor=CLOCKWORK, at=at)
    return access_request


def _approved_by_policy(access_request: AccessRequest, via: Via, at: datetime) -> Fact:
    """Nobody approved it, least of all who asks: the product did, because the policy asks nobody."""
    return replace(approved(access_request, decided_by="policy", at=at), actor=Actor(name=PRODUCT, via=via))


def _extends_nothing(access_request: AccessRequest) -> bool:
    """An access that ends never goes on."""
    grant = access_request.extends
    return grant is not None and grant.state in {GrantState.REVOKING, GrantState.REVOKED}


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
