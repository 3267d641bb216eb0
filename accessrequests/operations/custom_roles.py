"""Changes of custom roles: proposed, decided, carried out. The same laws as for access requests."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accessrequests.domain import custom_role_rules, policy
from accessrequests.domain.custom_role_rules import RoleVerdict
from accessrequests.domain.events import Event, Via
from accessrequests.domain.lifecycle import CHANGE_MOVES, ChangeState, check_move
from accessrequests.domain.wording import moment
from accessrequests.models import CustomRoleChange, Person, Target
from accessrequests.models.access_requests import Answer
from accessrequests.operations._holding import hold_people, hold_policy, hold_room
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, Refused, StaleRevision
from accessrequests.queries import clock, custom_roles, people
from accessrequests.queries.asks import Invalid, NotReadYet
from accessrequests.queries.custom_roles import Considered, Proposed

NOBODY = "policy"
MAY_BE_DONE = "The last call may still have changed the role. Look at it in Atlas."
_LAPSED = "Nobody answered in time, so it has lapsed. Propose it again if it is still needed."
_DONE = {
    ChangeState.PENDING: "open",
    ChangeState.APPROVED: "approved",
    ChangeState.DENIED: "denied",
    ChangeState.CANCELLED: "taken back",
    ChangeState.EXPIRED: "lapsed",
    ChangeState.APPLIED: "approved",
    ChangeState.FAILED: "approved",
}


@transaction.atomic(durable=True)
def propose(
    *, proposer: Person, proposed: Proposed, via: Via, idempotency: Idempotency | None = None
) -> CustomRoleChange:
    """File a change. Where the policy asks nobody, it is approved at once.

    :raises Refused: when the policy does not allow it, or the project is full.
    :raises IllegalMove: when another change of the same role is not finished.
    :raises Invalid: when it means nothing, or Atlas would not have it.
    """
    hold_policy(alone=False)
    hold_people([proposer.pk])
    # One change of a role at a time, and one promise of the last place.
    Target.objects.select_for_update(no_key=True).filter(slug=proposed.target).first()
    considered = custom_roles.consider(proposer=proposer, proposed=proposed, groups=people.groups_of(proposer))
    at = clock.now()
    if considered.verdict.refusals:
        refusal = considered.verdict.refusals[0]
        raise Refused(refusal.sentence, rule=refusal.rule)
    earlier = custom_roles.open_change(considered.target, proposed.role)
    if earlier is not None:
        raise _still_open(earlier)
    change = _filed(proposer, considered, at)
    facts = [_fact(Event.CUSTOM_ROLE_PROPOSED, change, reason=change.reason)]
    if considered.verdict.automatic:
        facts.append(_approved(change, by=NOBODY, at=at))
    actor = people.actor_of(proposer, via)
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=change.pk)
    return change


@transaction.atomic(durable=True)
def approve(
    *,
    change_id: int,
    approver: Person,
    via: Via,
    revision: int,
    comment: str = "",
    idempotency: Idempotency | None = None,
) -> CustomRoleChange:
    """Give one approval; the one that fills the last slot approves the change, and a worker carries it out.

    :raises Refused: when the approver may not decide, or it may not be done any more.
    :raises IllegalMove: when it is decided, or this approval would add nothing.
    :raises StaleRevision: when it is another one than the person read.
    """
    change = _locked(change_id, approver)
    hold_room(change.target.slug)
    at = clock.now()
    verdict = _judged_now(change)
    groups = _voice_of(approver, change, verdict)
    _check_open(change, revision, approver, at)
    if isinstance(verdict, Refused):
        raise verdict
    _check_not_lapsed(change.proposed_at + verdict.lapses_after, at)
    given = custom_roles.answers_of(change)
    candidate = policy.Given(approver.username, groups)
    group = policy.slot_for(verdict.steps, given, candidate=candidate)
    if group is None:
        raise _adds_nothing(change, approver, at)
    change.step_groups = [step.group for step in verdict.steps]
    _answer(change, approver, Answer.APPROVE, groups=groups, group=group, comment=comment, at=at)
    facts = [_fact(Event.CUSTOM_ROLE_APPROVAL_GIVEN, change, group=group, comment=comment)]
    if policy.is_complete(verdict.steps, [*given, candidate]):
        facts.append(_approved(change, by=approver.username, at=at))
    else:
        change.save()
    actor = people.actor_of(approver, via)
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=change.pk)
    return change


@transaction.atomic(durable=True)
def deny(
    *,
    change_id: int,
    approver: Person,
    via: Via,
    revision: int,
    reason: str,
    idempotency: Idempotency | None = None,
) -> CustomRoleChange:
    """One no ends it.

    :raises Refused: when the approver may not decide. :raises IllegalMove: when it is decided.
    :raises StaleRevision: when it is another one than the person read. :raises Invalid: without a reason.
    """
    change = _locked(change_id, approver)
    at = clock.now()
    groups = _voice_of(approver, change, _judged_now(change))
    _check_open(change, revision, approver, at)
    if not reason.strip():
        raise Invalid({"reason": ["Say why, so that whoever proposed it knows what to propose instead."]})
    _answer(change, approver, Answer.DENY, groups=groups, group="", comment=reason, at=at)
    _decide(change, ChangeState.DENIED, by=approver.username, at=at)
    fact = _fact(Event.CUSTOM_ROLE_DENIED, change, comment=reason)
    actor = people.actor_of(approver, via)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=change.pk)
    return change


@transaction.atomic(durable=True)
def cancel(*, change_id: int, person: Person, via: Via, idempotency: Idempotency | None = None) -> CustomRoleChange:
    """Whoever proposed it takes it back, or an administrator.

    :raises Refused: when somebody else tries. :raises IllegalMove: when it is decided.
    """
    change = _locked(change_id)
    at = clock.now()
    if change.proposer_id != person.pk and not people.may_administer(person):
        raise Refused(
            "Only the person who proposed it and administrators can take it back. Deny it instead, if you may decide on it."
        )
    _check_open(change, change.revision, person, at)
    _decide(change, ChangeState.CANCELLED, by=person.username, at=at)
    actor = people.actor_of(person, via)
    fact = _fact(Event.CUSTOM_ROLE_CANCELLED, change)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=change.pk)
    return change


@transaction.atomic(durable=True)
def expire(*, change_id: int, latest: datetime | None = None) -> CustomRoleChange:
    """Nobody answered in time, by the database's clock or by `latest`, which is right while that one runs behind.

    :raises IllegalMove: when it is decided, or its time is not over.
    """
    change = _locked(change_id)
    at = clock.now()
    if change.state != ChangeState.PENDING or max(at, latest or at) < change.lapses_at:
        raise _was_decided(change)
    _decide(change, ChangeState.EXPIRED, by=CLOCKWORK.name, at=at)
    record(_fact(Event.CUSTOM_ROLE_EXPIRED, change), actor=CLOCKWORK, at=at)
    return change


@transaction.atomic(durable=True)
def start(*, change_id: int) -> CustomRoleChange | None:
    """The change that a worker shall carry out now. None: it is over, or the policy of today would not have it."""
    change = _locked(change_id)
    at = clock.now()
    if change.state != ChangeState.APPROVED:
        return None
    why = custom_roles.why_not_any_more(change)
    if not why:
        return change
    why = f"{why} {MAY_BE_DONE}" if change.note else why
    _finish(change, ChangeState.FAILED, note=why, at=at)
    record(_fact(Event.CUSTOM_ROLE_FAILED, change, why=why), actor=CLOCKWORK, at=at)
    return None


@transaction.atomic(durable=True)
def mark_applied(*, change_id: int) -> None:
    """The project has it so, read back. A second answer changes nothing."""
    change = _locked(change_id)
    at = clock.now()
    if change.state != ChangeState.APPROVED:
        return
    _finish(change, ChangeState.APPLIED, note="", at=at)
    record(_fact(Event.CUSTOM_ROLE_APPLIED, change), actor=CLOCKWORK, at=at)


@transaction.atomic(durable=True)
def mark_failed(*, change_id: int, why: str) -> None:
    """It was not done, or nobody knows: `why` says which. A second answer changes nothing."""
    change = _locked(change_id)
    at = clock.now()
    if change.state != ChangeState.APPROVED:
        return
    _finish(change, ChangeState.FAILED, note=why, at=at)
    record(_fact(Event.CUSTOM_ROLE_FAILED, change, why=why), actor=CLOCKWORK, at=at)


@transaction.atomic(durable=True)
def note_trouble(*, change_id: int, why: str) -> None:
    """What stands in the way just now; it is tried again. No fact of its own: how it ends is one."""
    change = _locked(change_id)
    if change.state == ChangeState.APPROVED and change.note != why:
        change.note = why
        change.save(update_fields=["note"])


def _locked(change_id: int, approver: Person | None = None) -> CustomRoleChange:
    """The change, its row locked and (where somebody decides) its people held; read after the locks."""
    row = CustomRoleChange.objects.select_for_update(no_key=True).only("proposer").get(pk=change_id)
    if approver is not None:
        hold_people([approver.pk, row.proposer_id])
    return CustomRoleChange.objects.select_related("target__inventory", "proposer", "policy_version").get(pk=change_id)


def _filed(proposer: Person, considered: Considered, at: datetime) -> CustomRoleChange:
    verdict = considered.verdict
    return CustomRoleChange.objects.create(
        target=considered.target,
        kind=considered.proposed.kind.value,
        role=considered.proposed.role,
        before=considered.before.to_json() if considered.before else None,
        after=considered.after.to_json() if considered.after else None,
        reason=considered.proposed.reason,
        proposer=proposer,
        level=verdict.level.value,
        policy_version=considered.version,
        verdict=custom_role_rules.to_json(verdict),
        step_groups=[step.group for step in verdict.steps],
        state=ChangeState.PENDING.value,
        proposed_at=at,
        lapses_at=at + verdict.lapses_after,
    )


def _judged_now(change: CustomRoleChange) -> RoleVerdict | Refused:
    """The verdict of today, or the refusal that stands in the way of approving (denying stays possible)."""
    try:
        verdict = custom_roles.judge_again(change).verdict
    except (Invalid, NotReadYet) as error:
        return _refusal(change, str(error))
    if verdict.refusals:
        return _refusal(change, verdict.refusals[0].sentence, rule=verdict.refusals[0].rule)
    return verdict


def _voice_of(approver: Person, change: CustomRoleChange, verdict: RoleVerdict | Refused) -> frozenset[str]:
    """The groups that give the approver a voice: held now, and already when it was proposed."""
    if approver.pk == change.proposer_id:
        raise _refusal(change, "Nobody decides on a change that they propose. Somebody else has to.")
    if approver.username in custom_roles.gainers(change.target, change.role):
        sentence = f"You have the role {change.role}, by a login or an access of yours. Somebody else has to decide."
        raise _refusal(change, sentence)
    wanted = set(change.step_groups)
    if isinstance(verdict, RoleVerdict):
        wanted = {step.group for step in verdict.steps}
    voices = people.groups_of(approver, since=change.proposed_at) & wanted
    if not voices:
        asked = " and ".join(sorted(wanted)) or "nobody"
        raise _refusal(change, f"This change is decided by {asked}. You were not among them when it was proposed.")
    return voices


def _check_open(change: CustomRoleChange, revision: int, person: Person, at: datetime) -> None:
    if change.state != ChangeState.PENDING:
        raise _was_decided(change, person.username)
    _check_not_lapsed(change.lapses_at, at)
    if revision != change.revision:
        raise StaleRevision(f"The change is another one by now. Read revision {change.revision} before you decide.")


def _check_not_lapsed(lapses_at: datetime, at: datetime) -> None:
    """By the time that it was given when it was proposed; to approve it, also by the shorter one of a newer policy."""
    if at >= lapses_at:
        raise IllegalMove(_LAPSED, person=CLOCKWORK.name, what=_DONE[ChangeState.EXPIRED], at=lapses_at)


def _was_decided(change: CustomRoleChange, who_asks: str = "") -> IllegalMove:
    state, at = ChangeState(change.state), change.decided_at or change.proposed_at
    done = _DONE[state]
    sentence = f"{change.decided_by} was faster: the change is {done} already."
    if state is ChangeState.PENDING:
        sentence = "The change still waits; its time is not over."
    elif state is ChangeState.EXPIRED:
        sentence = _LAPSED
    elif state is ChangeState.CANCELLED and change.note:
        sentence = f"It is void: {change.note}"
    elif change.decided_by == who_asks:
        sentence = "You took it back." if state is ChangeState.CANCELLED else f"You have {done} this at {moment(at)}."
    elif change.decided_by == NOBODY:
        sentence = f"It was approved by the policy itself at {moment(at)}."
    return IllegalMove(sentence, person=change.decided_by, what=done, at=at)


def _adds_nothing(change: CustomRoleChange, approver: Person, at: datetime) -> IllegalMove:
    mine = any(one["person"] == approver.username for one in change.answers)
    who = approver.username if mine else change.answers[-1]["person"]
    sentence = (
        "You have approved this change already. It waits for somebody else."
        if mine
        else f"{who} has approved for your group already. It waits for another group."
    )
    return IllegalMove(sentence, person=who, what="approved", at=at)


def _still_open(earlier: CustomRoleChange) -> IllegalMove:
    waits = "waits for its answer" if earlier.state == ChangeState.PENDING else "is being carried out"
    sentence = f"A change of {earlier.role} that {earlier.proposer.username} proposed {waits}. Wait for that first."
    return IllegalMove(sentence, person=earlier.proposer.username, what="proposed", at=earlier.proposed_at)


def _answer(
    change: CustomRoleChange,
    approver: Person,
    answer: Answer,
    *,
    groups: frozenset[str],
    group: str,
    comment: str,
    at: datetime,
) -> None:
    said = {"person": approver.username, "answer": answer.value, "groups": sorted(groups), "group": group}
    change.answers = [*change.answers, {**said, "comment": comment, "at": at.isoformat()}]


def _approved(change: CustomRoleChange, *, by: str, at: datetime) -> Fact:
    _decide(change, ChangeState.APPROVED, by=by, at=at)
    return _fact(Event.CUSTOM_ROLE_APPROVED, change, by=by)


def _decide(change: CustomRoleChange, state: ChangeState, *, by: str, at: datetime) -> None:
    check_move(CHANGE_MOVES, ChangeState(change.state), state)
    change.state, change.decided_by, change.decided_at = state.value, by, at
    change.save()


def _finish(change: CustomRoleChange, state: ChangeState, *, note: str, at: datetime) -> None:
    check_move(CHANGE_MOVES, ChangeState(change.state), state)
    change.state, change.note, change.finished_at = state.value, note, at
    change.save()


def _fact(event: Event, change: CustomRoleChange, **more: str) -> Fact:
    """What was proposed, whole: the trail says what came to be, whatever becomes of the row."""
    facts = {
        "target": change.target.slug,
        "role": change.role,
        "change": change.kind,
        "level": change.level,
        "before": change.before,
        "after": change.after,
        "rules": change.verdict["rules"],
    }
    return Fact(event, str(change), facts | {name: said for name, said in more.items() if said})


def _refusal(change: CustomRoleChange, sentence: str, *, rule: str = "") -> Refused:
    return Refused(sentence, rule=rule, event=Event.CUSTOM_ROLE_REFUSED, subject=str(change))
