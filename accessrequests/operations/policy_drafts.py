"""Drafts of policies: kept, proposed, agreed to by others, published or rejected.

Who must agree is judged by the version in force, on every surface; whoever wrote or proposed a draft never counts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from accessrequests.domain import policy
from accessrequests.domain.events import Actor, Event, Via
from accessrequests.domain.policy import Given, Step
from accessrequests.domain.publishing import DRAFT_MOVES, DraftState
from accessrequests.domain.wording import people_needed
from accessrequests.models import Person, PolicyApproval, PolicyDraft, PolicyVersion
from accessrequests.operations._holding import hold_people, hold_policy
from accessrequests.operations._publishing import (
    RULE,
    agreement_of,
    check_alone,
    hold_waiting,
    in_force,
    next_version,
)
from accessrequests.operations._record import Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import clock, people
from accessrequests.queries.people import actor_of
from accessrequests.queries.rules import rules_of


@transaction.atomic(durable=True)
def draft(
    *, text: str, document: Mapping[str, Any], actor: Actor, idempotency: Idempotency | None = None
) -> PolicyDraft:
    """Keep a document that may become the next version. From the command line it is nobody's: a name proves nothing.

    :raises InvalidPolicy: when the document does not make sense; nothing is kept.
    :raises Refused: when a person files it who does not administer.
    """
    rules = policy.parse(document)
    author = None if actor.via is Via.COMMAND else _person(actor)
    if author is not None:
        hold_people([author.pk])
        _check_administers(author)
    at = clock.now()
    made = PolicyDraft.objects.create(
        name=rules.name,
        document=text,
        rules=dict(document),
        state=DraftState.DRAFT.value,
        drafted_by=author,
        drafted_at=at,
    )
    record(_fact(Event.POLICY_DRAFTED, made), actor=actor, at=at, idempotency=idempotency, object_id=made.pk)
    return made


@transaction.atomic(durable=True)
def propose(*, draft_id: int, person: Person, via: Via, idempotency: Idempotency | None = None) -> PolicyDraft:
    """Ask the others for their agreement. Whoever proposes never counts; what was agreed to before counts no more.

    :raises Refused: when the person does not administer, or nobody need agree.
    :raises IllegalMove: when it is proposed, rejected or published already.
    """
    hold_policy(alone=True)
    held, last, at = _held(draft_id, person)
    _check_administers(person)
    if last is None or not agreement_of(last):
        raise Refused("The policy in force asks for nobody's agreement, so the draft can be published at once.")
    if held.state == DraftState.PROPOSED and held.against_id == last.pk:
        raise _too_late(held)
    _move(held, DraftState.PROPOSED)
    if held.approvals.exists():
        raise Refused("People agreed to it against an earlier version. Write it as a new draft, on top of the newest.")
    held.proposed_by, held.proposed_at, held.against = person, at, last
    held.save()
    fact, actor = _fact(Event.POLICY_PROPOSED, held), actor_of(person, via)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=held.pk)
    return held


@transaction.atomic(durable=True)
def approve(
    *, draft_id: int, approver: Person, via: Via, comment: str = "", idempotency: Idempotency | None = None
) -> PolicyDraft:
    """Agree to a proposed draft; the last agreement that is needed publishes it.

    :raises Refused: when this person's agreement fills no open slot, or they wrote or proposed it.
    :raises IllegalMove: when it is not waiting any more, or another version has come into force.
    """
    hold_policy(alone=True)
    hold_waiting()
    held, last, at = _held(draft_id, approver)
    steps = _check_waiting(held, last)
    given = _given(held)
    _check_voice(held, steps, given, approver)
    agreed = PolicyApproval.objects.create(draft=held, person=approver, comment=comment, at=at)
    facts = [_fact(Event.POLICY_APPROVED, held, **({"comment": comment} if comment else {}))]
    if policy.is_complete(steps, (*given, _voice(held, agreed.person))):
        _move(held, DraftState.PUBLISHED)
        rules = rules_of(held)
        held.version, fact = next_version(
            last, rules, text=held.document, document=held.rules, by=held.proposed_by, at=at
        )
        held.decided_by, held.decided_at = approver.username, at
        held.save()
        facts.append(fact)
    record(*facts, actor=actor_of(approver, via), at=at, idempotency=idempotency, object_id=held.pk)
    return held


@transaction.atomic(durable=True)
def reject(*, draft_id: int, person: Person, via: Via, why: str, idempotency: Idempotency | None = None) -> PolicyDraft:
    """Say no to a draft, which ends it. An administrator may, and everybody whose agreement is asked for.

    :raises Refused: when it is not for this person to say.
    :raises IllegalMove: when it is rejected or published already.
    """
    hold_policy(alone=True)
    held, last, at = _held(draft_id, person)
    asked = {step.group for step in agreement_of(last)} if held.state == DraftState.PROPOSED else set()
    if not (people.may_administer(person) or people.groups_of(person) & asked):
        raise Refused("Only administrators, and those whose agreement is asked for, can reject a draft.", rule=RULE)
    _move(held, DraftState.REJECTED)
    held.decided_by, held.decided_at, held.why = person.username, at, why
    held.save()
    fact = _fact(Event.POLICY_REJECTED, held, why=why)
    record(fact, actor=actor_of(person, via), at=at, idempotency=idempotency, object_id=held.pk)
    return held


@transaction.atomic(durable=True)
def publish_draft(*, draft_id: int, person: Person, via: Via, idempotency: Idempotency | None = None) -> PolicyDraft:
    """Publish a draft alone, where the version in force asks for nobody's agreement.

    :raises Refused: when the person does not administer, or others must agree first.
    :raises IllegalMove: when it is rejected or published already.
    """
    hold_policy(alone=True)
    hold_waiting()
    held, last, at = _held(draft_id, person)
    _check_administers(person)
    check_alone(last)
    _move(held, DraftState.PUBLISHED)
    rules = rules_of(held)
    held.version, fact = next_version(last, rules, text=held.document, document=held.rules, by=person, at=at)
    held.decided_by, held.decided_at = person.username, at
    held.save()
    record(fact, actor=actor_of(person, via), at=at, idempotency=idempotency, object_id=held.pk)
    return held


def _held(draft_id: int, person: Person) -> tuple[PolicyDraft, PolicyVersion | None, datetime]:
    """The draft and the person held, then the version in force and the time, both read after that."""
    PolicyDraft.objects.select_for_update(no_key=True).only("pk").get(pk=draft_id)
    hold_people([person.pk])
    held = PolicyDraft.objects.select_related("drafted_by", "proposed_by", "against").get(pk=draft_id)
    return held, in_force(), clock.now()


def _check_administers(person: Person) -> None:
    if not people.may_administer(person):
        raise Refused("Only administrators write, propose and publish policies.", rule=RULE)


def _check_waiting(held: PolicyDraft, last: PolicyVersion | None) -> tuple[Step, ...]:
    if held.state != DraftState.PROPOSED:
        raise _too_late(held)
    if last is None or held.against_id != last.pk:
        newer = last.version if last else 0
        sentence = (
            f"Version {newer} came into force after this was proposed. It has to be proposed again, on top of it."
        )
        raise IllegalMove(
            sentence, person=_author(last), what="published", at=last.published_at if last else held.drafted_at
        )
    return agreement_of(last)


def _check_voice(held: PolicyDraft, steps: Sequence[Step], given: Sequence[Given], approver: Person) -> None:
    if approver.pk in {held.proposed_by_id, held.drafted_by_id}:
        raise Refused("Nobody agrees to what they wrote or proposed themselves. Somebody else has to.", rule=RULE)
    if any(one.person == approver.username for one in given):
        raise Refused("You agreed to it already. It waits for somebody else.", rule=RULE)
    if policy.slot_for(steps, given, candidate=_voice(held, approver)) is None:
        wanted = people_needed(policy.open_steps(steps, given))
        sentence = f"It waits for {wanted}. You are not among them, or were not when it was proposed."
        raise Refused(sentence, rule=RULE)


def _voice(held: PolicyDraft, person: Person) -> Given:
    """Groups held now, and already when it was proposed."""
    return Given(person.username, people.groups_of(person, since=held.proposed_at))


def _given(held: PolicyDraft) -> list[Given]:
    agreed = held.approvals.select_related("person").order_by("pk")
    return [_voice(held, one.person) for one in agreed]


def _move(held: PolicyDraft, state: DraftState) -> None:
    if state not in DRAFT_MOVES[DraftState(held.state)]:
        raise _too_late(held)
    held.state = state.value


def _too_late(held: PolicyDraft) -> IllegalMove:
    at = held.decided_at or held.proposed_at or held.drafted_at
    by = held.decided_by or (held.proposed_by.username if held.proposed_by else "")
    what = "not been proposed yet" if held.state == DraftState.DRAFT else f"been {held.state} already"
    return IllegalMove(f"The draft has {what}.", person=by, what=held.state, at=at)


def _author(version: PolicyVersion | None) -> str:
    return version.published_by.username if version is not None and version.published_by else ""


def _fact(event: Event, held: PolicyDraft, **more: str) -> Fact:
    digest = hashlib.sha256(held.document.encode()).hexdigest()
    return Fact(event, str(held), {"name": held.name, "sha256": digest, **more})


def _person(actor: Actor) -> Person | None:
    return Person.objects.filter(pk=actor.person_id or 0).first()
