"""Ask, change, approve, deny, cancel, lapse: what can happen to an access request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accessrequests.domain.events import Event, Via
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.domain.proofs import Proof
from accessrequests.models import AccessRequest, Person
from accessrequests.operations._approving import say_no, say_yes
from accessrequests.operations._asking import approved_by_policy, check_allowed, facts_of, filed, rewrite
from accessrequests.operations._deciding import check_open, decide, locked, was_decided
from accessrequests.operations._holding import hold_people, hold_policy, hold_room
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations._voiding import void
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
    access_request, facts = filed(requester, asked, via=via, at=at)
    actor = people.actor_of(requester, via)
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
    if access_request.is_break_glass:
        raise Refused("A break-glass is not changed. Take it back, and break the glass for what you need.")
    if access_request.extends_id is not None:
        raise Refused("A request for more time is not changed. Take it back, and ask for what you need.")
    check_open(access_request, revision, at, person=requester)
    before = asked_of(access_request, at=at)
    considered = asks.consider(requester=requester, asked=replace(before, **changes), at=at)
    if considered.asked == before:
        raise Invalid({"changes": ["Nothing would be different. Change what shall be, or leave it as it is."]})
    check_allowed(considered)
    was = facts_of(access_request)
    rewrite(access_request, considered, at)
    now = facts_of(access_request)
    changed = {name: {"from": was.get(name), "to": value} for name, value in now.items() if value != was.get(name)}
    facts = {**now, "revision": access_request.revision, "changed": changed}
    done = [Fact(Event.ACCESS_REQUEST_EDITED, str(access_request), facts)]
    if considered.verdict.automatic:
        done.append(approved_by_policy(access_request, via, at))
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
    proof: Proof | None = None,
    idempotency: Idempotency | None = None,
) -> AccessRequest:
    """Give one approval; the one that fills the last slot approves the request and makes its grant.

    :raises Refused: when the approver may not decide, or the policy of today says no.
    :raises NeedsSecondFactor: when the policy wants a fresh one, and `proof` is none.
    :raises IllegalMove: when the request is decided, has lapsed, or this approval would add nothing.
    :raises StaleRevision: when the request was edited after `revision`.
    :raises Invalid: when `duration` is longer than what was asked for.
    """
    access_request = locked(access_request_id, approver)
    # An access that is there has its room; and its grant, which is locked next, comes before any room.
    if KINDS[access_request.target.kind].is_limited and access_request.extends_id is None:
        hold_room(access_request.target.slug)
    at = clock.now()
    facts = say_yes(access_request, approver, revision=revision, comment=comment, duration=duration, proof=proof, at=at)
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
    fact = say_no(access_request, approver, revision=revision, reason=reason, at=at)
    actor = people.actor_of(approver, via)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def cancel(
    *,
    access_request_id: int,
    requester: Person,
    via: Via,
    revision: int | None = None,
    idempotency: Idempotency | None = None,
) -> AccessRequest:
    """The requester takes the ask back. `revision`: what they read, where they may have edited it since.

    :raises Refused: when somebody else tries.
    :raises IllegalMove: when the request is decided or has lapsed.
    :raises StaleRevision: when the request was edited after `revision`.
    """
    access_request = locked(access_request_id)
    at = clock.now()
    if access_request.requester_id != requester.pk:
        raise Refused("Only the person who asked can cancel a request. Deny it instead, if you may decide on it.")
    read = access_request.revision if revision is None else revision
    check_open(access_request, read, at, person=requester)
    decide(access_request, AccessRequestState.CANCELLED, requester.username, at)
    access_request.save()
    fact = Fact(Event.ACCESS_REQUEST_CANCELLED, str(access_request))
    actor = people.actor_of(requester, via)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def comment(
    *,
    access_request_id: int,
    person: Person,
    via: Via,
    text: str,
    thread: str = "",
    idempotency: Idempotency | None = None,
) -> AccessRequest:
    """Say something to the others, for as long as the request, or the access that came of it, is not over.

    `thread`: where in Slack it was written, so that it is not told there again.

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
    fact = Fact(
        Event.ACCESS_REQUEST_COMMENTED,
        str(access_request),
        {"text": text.strip(), **({"thread": thread} if thread else {})},
    )
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
        ended = void(access_request, "the access that it would extend has ended", actor=CLOCKWORK, at=at)
        record(ended, actor=CLOCKWORK, at=at)
        return access_request
    if access_request.state != AccessRequestState.PENDING or max(at, latest or at) < access_request.lapses_at:
        raise was_decided(access_request)
    decide(access_request, AccessRequestState.EXPIRED, CLOCKWORK.name, at)
    access_request.save()
    record(Fact(Event.ACCESS_REQUEST_EXPIRED, str(access_request)), actor=CLOCKWORK, at=at)
    return access_request


def _extends_nothing(access_request: AccessRequest) -> bool:
    """An access that ends never goes on."""
    grant = access_request.extends
    return grant is not None and grant.state in {GrantState.REVOKING, GrantState.REVOKED}
