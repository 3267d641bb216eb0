"""A voice lent while its owner is away: made, and ended early. Its end comes by itself."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accessrequests.domain import delegating
from accessrequests.domain.events import Event, Via
from accessrequests.domain.wording import moment
from accessrequests.models import Delegation, Person
from accessrequests.models.people import GroupRole
from accessrequests.operations._delegating import delegation_fact
from accessrequests.operations._record import record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import clock, people
from accessrequests.queries.asks import Invalid


@transaction.atomic(durable=True)
def delegate(
    *,
    giver: Person,
    stand_in: str,
    ends_at: datetime,
    via: Via,
    starts_at: datetime | None = None,
    idempotency: Idempotency | None = None,
) -> Delegation:
    """Let somebody else answer requests in the giver's place, from `starts_at` (now) until `ends_at`.

    :raises Invalid: when there is no such person, or a time is wrong.
    :raises Refused: when it is there already, or the other one has lent their voice to the giver.
    """
    other = Person.objects.filter(username=stand_in).first()
    if other is not None:
        _hold(giver, other)
        other.refresh_from_db()
    at = clock.now()
    wrong: dict[str, list[str]] = {}
    if other is None or not other.is_active or other.is_service:
        wrong["stand_in"] = [f"There is nobody with the user name {stand_in}. Write a user name, like bob."]
    elif other == giver:
        wrong["stand_in"] = ["Name somebody else. Your own voice you have."]
    elif GroupRole.AUDITOR in people.roles_of(other):
        wrong["stand_in"] = [f"{other.name} is an auditor. Auditors decide nothing: name somebody else."]
    wrong |= delegating.wrong_with(starts_at=starts_at or at, ends_at=ends_at, at=at)
    if other is None or wrong:
        raise Invalid(wrong)
    _check_no_other(giver, other, starts_at=starts_at or at, ends_at=ends_at)
    made = Delegation.objects.create(
        giver=giver, stand_in=other, made_at=at, starts_at=starts_at or at, ends_at=ends_at
    )
    actor = people.actor_of(giver, via)
    record(
        delegation_fact(Event.DELEGATION_MADE, [made]), actor=actor, at=at, idempotency=idempotency, object_id=made.pk
    )
    return made


@transaction.atomic(durable=True)
def end(*, delegation_id: int, person: Person, via: Via, idempotency: Idempotency | None = None) -> Delegation:
    """End it now: whoever lent the voice, whoever was lent it, or an administrator.

    :raises Refused: when somebody else tries.
    :raises IllegalMove: when it is over.
    """
    known = Delegation.objects.select_related("giver", "stand_in").get(pk=delegation_id)
    _hold(known.giver, known.stand_in)
    held = Delegation.objects.select_related("giver", "stand_in").get(pk=delegation_id)
    at = clock.now()
    if person not in {held.giver, held.stand_in} and not people.may_administer(person):
        raise Refused("Only the two whom it is between, and administrators, can end it.")
    over_at = held.ended_at or held.ends_at
    if over_at <= at:
        sentence = f"It is over since {moment(over_at)}."
        raise IllegalMove(sentence, person=held.ended_by or held.giver.username, what="ended", at=over_at)
    held.ended_at, held.ended_by = at, person.username
    held.save(update_fields=["ended_at", "ended_by"])
    fact = delegation_fact(Event.DELEGATION_ENDED, [held])
    record(fact, actor=people.actor_of(person, via), at=at, idempotency=idempotency, object_id=held.pk)
    return held


def _hold(giver: Person, stand_in: Person) -> None:
    """Whoever decides holds both of them together with others, so that nothing changes between a look and a click."""
    pair = Person.objects.select_for_update(no_key=True).filter(pk__in=[giver.pk, stand_in.pk])
    list(pair.order_by("pk").values_list("pk", flat=True))


def _check_no_other(giver: Person, other: Person, *, starts_at: datetime, ends_at: datetime) -> None:
    between = Q(giver=giver, stand_in=other) | Q(giver=other, stand_in=giver)
    meanwhile = Delegation.objects.filter(between, ended_at=None, starts_at__lt=ends_at, ends_at__gt=starts_at)
    clash = meanwhile.order_by("pk").first()
    if clash is None:
        return
    until = moment(clash.ends_at)
    if clash.giver_id == giver.pk:
        raise Refused(f"You have lent your voice to {other.username} until {until} already. End that one first.")
    raise Refused(
        f"{other.username} has lent you their voice until {until}. Two people cannot stand in for each other at the "
        "same time: choose somebody else."
    )
