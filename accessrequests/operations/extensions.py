"""A live access that lasts longer: asked for by its holder, decided like a request, and true once the target has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accessrequests.domain import extending, policy
from accessrequests.domain.events import PRODUCT, Actor, Event, Via
from accessrequests.domain.lifecycle import AccessRequestState, ExtensionState, GateState, GrantState
from accessrequests.domain.window import format_duration
from accessrequests.models import AccessRequest, Extension, Gate, Grant, Person
from accessrequests.operations._asked import put_to
from accessrequests.operations._asking import facts_of
from accessrequests.operations._ending import locked
from accessrequests.operations._extending import begin, check_may_go_on, written
from accessrequests.operations._holding import hold_people, hold_policy
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import asks, clock, people
from accessrequests.queries import extensions as extension_queries
from accessrequests.queries import grants as grant_queries
from accessrequests.queries.ask_fields import check_words

# A try that begins later than this before the old end could not tell the target in time.
LAST_TRY = timedelta(seconds=5)
OVERTAKEN = "The old end came before the target had the new one."


@transaction.atomic(durable=True)
def ask(
    *,
    grant_id: int,
    holder: Person,
    via: Via,
    duration: timedelta,
    reason: str,
    idempotency: Idempotency | None = None,
) -> Grant:
    """The holder asks that the end of a live grant move by `duration`; where the policy asks nobody, it is on its way.

    Nothing has moved when this returns. No policy is published meanwhile.

    :raises Refused: when somebody else asks, the policy says no, or under a minute of it is left.
    :raises IllegalMove: when it is ending or ended, or an extension waits already.
    :raises NotReady: when it is not live yet.
    :raises Invalid: when the reason is none, or what was given can no longer be given.
    """
    hold_policy(alone=False)
    hold_people([holder.pk])
    grant = locked(grant_id)
    at = clock.now()
    if not holder.stands_for(grant.holder):
        sentence = "Only the person who holds an access can have it extended. Others ask for their own."
        raise Refused(sentence, event=Event.GRANT_REFUSED, subject=str(grant))
    expires_at = check_may_go_on(grant, at=at)
    _check_none_waits(grant)
    errors: dict[str, list[str]] = {}
    check_words(reason=reason, ticket="", errors=errors, is_draft=False)
    if errors:
        raise asks.Invalid(errors)
    access_request = extension_queries.drafted(grant, duration=duration, reason=reason)
    verdict = asks.judge_again(access_request)
    if not verdict.allowed:
        first = verdict.refusals[0]
        raise Refused(first.sentence, rule=first.rule, about=first.about)
    access_request.filed_at = at
    access_request.lapses_at = min(at + verdict.lapses_after, expires_at - extending.LEAST_LEFT)
    access_request.verdict = policy.to_json(verdict)
    put_to(access_request, verdict)
    access_request.save()
    facts = [Fact(Event.ACCESS_REQUEST_SUBMITTED, str(access_request), _told(access_request, grant))]
    if verdict.automatic:
        itself = Actor(name=PRODUCT, via=via)
        facts.append(replace(begin(access_request, decided_by="policy", at=at), actor=itself))
    actor = people.actor_of(holder, via)
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=grant.pk)
    return grant


@transaction.atomic(durable=True)
def start(*, grant_id: int) -> Extension | None:
    """The later end that a worker shall write on the target now, or None when there is none, or it may not be any more."""
    grant = locked(grant_id)
    at = clock.now()
    extension = _waiting(grant)
    if extension is None:
        return None
    why = OVERTAKEN
    if grant.state == GrantState.ACTIVE and at < extension.ends_from - LAST_TRY:
        why = grant_queries.why_not_given(extension.access_request)
    if not why:
        return extension
    record(_given_up(extension, why, at), actor=CLOCKWORK, at=at)
    return None


@transaction.atomic(durable=True)
def mark_extended(*, extension_id: int, evidence: Mapping[str, Any] | None = None) -> bool:
    """The target has the later end: from now on it counts. False: the old one came first, and holds.

    `evidence`: what the target said of it. It takes the place of what was said of the old end on each gate.
    """
    grant = locked(Extension.objects.get(pk=extension_id).grant_id)
    at = clock.now()
    extension = _waiting(grant)
    if extension is None or extension.pk != extension_id:
        return False
    if grant.state != GrantState.ACTIVE or at >= extension.ends_from:
        record(_given_up(extension, OVERTAKEN, at), actor=CLOCKWORK, at=at)
        return False
    grant.expires_at, grant.warned_at = extension.ends_at, None
    grant.save(update_fields=["expires_at", "warned_at"])
    extension.state, extension.settled_at = ExtensionState.DONE.value, at
    extension.save()
    _keep_evidence(grant, evidence or {})
    facts = {
        "from": written(extension.ends_from),
        "expires_at": written(extension.ends_at),
        "length": format_duration(extension.ends_at - extension.ends_from),
        "reason": extension.access_request.reason,
        "access_request": extension.access_request_id,
    }
    record(Fact(Event.GRANT_EXTENDED, str(grant), facts), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def give_up(*, extension_id: int, why: str) -> bool:
    """The target will not take the later end. The old one holds."""
    grant = locked(Extension.objects.get(pk=extension_id).grant_id)
    at = clock.now()
    extension = _waiting(grant)
    if extension is None or extension.pk != extension_id:
        return False
    record(_given_up(extension, why, at), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def warn(*, grant_id: int) -> bool:
    """The end of a live grant comes near: its holder is told, once for each end."""
    grant = locked(grant_id)
    at = clock.now()
    starts_at, expires_at = grant.starts_at or at, grant.expires_at or at
    due = extending.warned_from(starts_at=starts_at, expires_at=expires_at)
    is_unwarned = grant.state == GrantState.ACTIVE and grant.warned_at is None
    if not is_unwarned or due is None or not due <= at < expires_at:
        return False
    grant.warned_at = at
    grant.save(update_fields=["warned_at"])
    record(Fact(Event.GRANT_ENDING_SOON, str(grant), {"expires_at": written(expires_at)}), actor=CLOCKWORK, at=at)
    return True


def _keep_evidence(grant: Grant, said: Mapping[str, Any]) -> None:
    """How each gate was proved when it was opened stays."""
    gates = list(grant.gates.all())
    for gate in gates:
        opened = gate.evidence.get(GateState.OPEN.value, {})
        gate.evidence = {**gate.evidence, GateState.OPEN.value: {**opened, **said}}
    Gate.objects.bulk_update(gates, ["evidence"])


def _waiting(grant: Grant) -> Extension | None:
    extension = (
        Extension.objects.filter(grant=grant, state=ExtensionState.WAITING.value)
        .select_related("access_request__target__inventory", "access_request__policy_version")
        .select_related("access_request__requester", "access_request__beneficiary")
        .first()
    )
    if extension is not None:
        extension.grant = extension.access_request.extends = grant
    return extension


def _given_up(extension: Extension, why: str, at: datetime) -> Fact:
    extension.state, extension.settled_at, extension.why = ExtensionState.FAILED.value, at, why
    extension.save()
    facts = {
        "why": why,
        "expires_at": written(extension.ends_from),
        "wanted": written(extension.ends_at),
        "access_request": extension.access_request_id,
    }
    return Fact(Event.GRANT_EXTENSION_FAILED, str(extension.grant), facts)


def _check_none_waits(grant: Grant) -> None:
    waits = AccessRequest.objects.filter(extends=grant, state=AccessRequestState.PENDING.value).first()
    if waits is not None:
        sentence = (
            f"Request {waits.pk} asks for an extension already. It waits for an answer; take it back to ask otherwise."
        )
        raise IllegalMove(sentence, person=grant.holder.username, what="submitted", at=waits.filed_at)


def _told(access_request: AccessRequest, grant: Grant) -> dict[str, object]:
    return {**facts_of(access_request), "extends": grant.pk}
