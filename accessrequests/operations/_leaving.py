"""What ends when somebody may no longer sign in, or belongs no longer where they asked from. Inside one operation.

Lock order: the requests that wait, the changes of custom roles that wait, then the people, then the tokens of
services, then their grants, then the audit trail. Whoever decides takes the request first and then the people, so taking
the requests here first keeps two operations from waiting for each other.
What was filed since then is taken only where nobody holds it: whoever decides on it may wait for the people that we hold.
Their decision is judged by the people as they are afterwards, and so is the access, before it opens.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Q, QuerySet

from accessrequests.domain.events import Actor, Event
from accessrequests.domain.lifecycle import AccessRequestState, ChangeState, EndReason, GrantState
from accessrequests.models import AccessRequest, CustomRoleChange, Delegation, Grant, Person, PersonalToken
from accessrequests.operations._delegating import delegation_fact
from accessrequests.operations._ending import start_revocation
from accessrequests.operations._record import Fact
from accessrequests.operations._voiding import void, void_change
from accessrequests.queries import asks, custom_roles

_NEW_HANDS = "The service identity has another owner now. What it had is asked for anew."


def hold_requests(people: Iterable[int]) -> None:
    """Lock what these people and their services have asked for, or would get, and what waits. Before the people."""
    ids = list(people)
    ids += Person.objects.filter(owner__in=ids).values_list("pk", flat=True)
    list(_waiting(ids).values_list("pk", flat=True))
    list(_changes(ids).values_list("pk", flat=True))


def disable(person: Person, *, why: str, actor: Actor) -> list[Fact]:
    """They may no longer sign in, and no session of theirs goes on. What they hold is for `end_all` to end."""
    person.is_active = False
    person.session_round += 1
    person.save(update_fields=["is_active", "session_round"])
    return [Fact(Event.PERSON_DISABLED, f"person/{person.username}", {"why": why, "by": actor.name})]


def end_all(
    *,
    disabled: Sequence[Person],
    left: Sequence[Person],
    actor: Actor,
    at: datetime,
    handed_over: Sequence[Person] = (),
) -> list[Fact]:
    """End what people hold who may no longer sign in, or could no longer ask for it; all are locked in one order.

    What they have asked for and nobody has decided is void. Whoever could still ask for it keeps it. A service goes with
    its owner, and stays off until the file of people names it again. One that is `handed_over` begins anew: whoever owns
    it now may have decided on what it had, and whoever did before may have its tokens.
    """
    facts = list[Fact]()
    for service in Person.objects.filter(owner__in=disabled, is_active=True).order_by("pk"):
        facts += disable(service, why="its owner may no longer sign in", actor=actor)
        disabled = [*disabled, service]
    facts += _void(disabled, left, handed_over, actor, at) + _void_changes(disabled, left, actor, at)
    facts += _delegations_over(disabled, actor, at) + _tokens_over([*disabled, *handed_over], at)
    concerned = Q(holder__in=[*disabled, *left, *handed_over]) | Q(access_request__requester__in=left)
    grants = (
        Grant.objects.select_for_update(of=("self",), no_key=True)
        .select_related("target", "holder", "access_request__target", "access_request__policy_version")
        .select_related("access_request__requester", "access_request__beneficiary")
        .filter(concerned, state__in=[GrantState.PENDING.value, GrantState.ACTIVE.value])
        .order_by("pk")
    )
    for grant in grants:
        reason, note = EndReason.PERSON_DISABLED, f"{_off(grant.holder)}."
        if grant.holder not in disabled:
            lost = _NEW_HANDS if grant.holder in handed_over else asks.lost_eligibility(grant.access_request)
            reason, note = EndReason.ELIGIBILITY_LOST, lost
        if note:
            facts += start_revocation(grant, reason, actor=actor, at=at, note=note)
    return facts


def _off(person: Person) -> str:
    return (
        f"{person.name} is retired, or its owner is off"
        if person.is_service
        else f"{person.name} may no longer sign in"
    )


def _delegations_over(disabled: Sequence[Person], actor: Actor, at: datetime) -> list[Fact]:
    """Nobody answers for somebody, or is stood in for, who may no longer sign in; and not when they may again."""
    theirs = Q(giver__in=disabled) | Q(stand_in__in=disabled)
    still = Delegation.objects.select_for_update(of=("self",)).filter(theirs, ended_at=None, ends_at__gt=at)
    ended: dict[Person, list[Delegation]] = defaultdict(list)
    for one in still.select_related("giver", "stand_in").order_by("pk"):
        one.ended_at, one.ended_by = at, actor.name
        one.save(update_fields=["ended_at", "ended_by"])
        ended[one.giver].append(one)
    return [
        delegation_fact(Event.DELEGATION_ENDED, those, why="one of the two may no longer sign in")
        for those in ended.values()
    ]


def _tokens_over(folk: Sequence[Person], at: datetime) -> list[Fact]:
    """Those of services. A person's own wait for the person."""
    live = PersonalToken.objects.select_for_update(of=("self",)).select_related("person")
    facts = []
    for token in live.filter(person__in=folk, person__owner__isnull=False, revoked_at=None).order_by("pk"):
        token.revoked_at = at
        token.save(update_fields=["revoked_at"])
        subject = f"person/{token.person.username}"
        facts.append(Fact(Event.TOKEN_REVOKED, subject, {"token": token.pk, "name": token.name}))
    return facts


def _void(
    disabled: Sequence[Person], left: Sequence[Person], handed_over: Sequence[Person], actor: Actor, at: datetime
) -> list[Fact]:
    facts = []
    off, handed = {person.pk for person in disabled}, {person.pk for person in handed_over}
    concerned = _waiting([*off, *handed, *(person.pk for person in left)])
    people = concerned.select_related("target", "policy_version", "requester", "beneficiary")
    for access_request in people.select_for_update(of=("self",), no_key=True, skip_locked=True):
        gone = access_request.beneficiary if access_request.beneficiary_id in off else access_request.requester
        why = _off(gone) if gone.is_service else "the person may no longer sign in"
        if not off & {access_request.requester_id, access_request.beneficiary_id}:
            is_handed = access_request.beneficiary_id in handed
            why = _NEW_HANDS if is_handed else asks.lost_eligibility(access_request)
        if why:
            facts.append(void(access_request, why, actor=actor, at=at))
    return facts


def _void_changes(disabled: Sequence[Person], left: Sequence[Person], actor: Actor, at: datetime) -> list[Fact]:
    facts = []
    off = {person.pk for person in disabled}
    concerned = _changes([*off, *(person.pk for person in left)])
    held = concerned.select_for_update(of=("self",), no_key=True, skip_locked=True)
    for change in held.select_related("target", "policy_version", "proposer"):
        why = f"{change.proposer.name} may no longer sign in."
        if change.proposer_id not in off:
            why = custom_roles.lost_eligibility(change)
        if why:
            facts.append(void_change(change, why, actor=actor, at=at))
    return facts


def _changes(people: Sequence[int]) -> QuerySet[CustomRoleChange]:
    waiting = CustomRoleChange.objects.select_for_update(of=("self",), no_key=True)
    return waiting.filter(proposer__in=people, state=ChangeState.PENDING.value).order_by("pk")


def _waiting(people: Iterable[int]) -> QuerySet[AccessRequest]:
    ids = list(people)
    return (
        AccessRequest.objects.select_for_update(no_key=True)
        .filter(Q(requester__in=ids) | Q(beneficiary__in=ids), state=AccessRequestState.PENDING.value)
        .order_by("pk")
    )
