"""Asks for several targets at once: one request each, filed together or not at all, and decided with one press."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from accessrequests.domain.events import Event, Via
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.proofs import Proof
from accessrequests.models import AccessRequest, Person
from accessrequests.operations._approving import say_no, say_yes
from accessrequests.operations._asking import filed
from accessrequests.operations._deciding import locked_all
from accessrequests.operations._holding import hold_people, hold_policy, hold_room
from accessrequests.operations._record import Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, Refused, StaleRevision
from accessrequests.queries import clock, people
from accessrequests.queries.asks import Asked, Invalid

FEWEST, MOST = 2, 10

# Which requests are meant, each in the revision that was read.
Revisions = Mapping[int, int]


@transaction.atomic(durable=True)
def submit(
    *, requester: Person, asked: Sequence[Asked], via: Via, idempotency: Idempotency | None = None
) -> list[AccessRequest]:
    """File a request for each ask. Each is judged by itself, and where one cannot be filed none is.

    :raises Invalid: when a field is wrong; errors name the ask by its place, as in `asks.0.roles`.
    :raises Refused: when the policy says no to one of them.
    """
    _check_several(asked)
    hold_policy(alone=False)
    hold_people([requester.pk, *people.ids_of({one.grantee for one in asked if one.grantee})])
    for slug in sorted({one.target for one in asked}):
        hold_room(slug)
    at = clock.now()
    made = [_filed(requester, one, number, via=via, at=at) for number, one in enumerate(asked)]
    bundle = made[0][0].pk
    for access_request, _ in made:
        access_request.bundle = bundle
        access_request.save(update_fields=["bundle"])
    facts = [_with(fact, bundle) for _, facts in made for fact in facts]
    record(*facts, actor=people.actor_of(requester, via), at=at, idempotency=idempotency, object_id=bundle)
    return [access_request for access_request, _ in made]


@transaction.atomic(durable=True)
def approve(
    *,
    bundle: int,
    approver: Person,
    via: Via,
    revisions: Revisions,
    comment: str = "",
    proof: Proof | None = None,
    idempotency: Idempotency | None = None,
) -> list[AccessRequest]:
    """One yes to each of these requests; where one of them cannot be given, none is.

    :raises Refused: when the approver may not decide on one of them, or the policy of today says no.
    :raises NeedsSecondFactor: when the policy wants a fresh one for one of them, and `proof` is none.
    :raises IllegalMove: when one is decided, has lapsed, or this approval would add nothing to it.
    :raises StaleRevision: when one was edited after it was read.
    """
    together = _held(bundle, revisions, approver)
    for slug in sorted({one.target.slug for one in together if KINDS[one.target.kind].is_limited}):
        hold_room(slug)
    at = clock.now()
    facts: list[Fact] = []
    for one in together:
        with _named(one):
            facts += say_yes(
                one, approver, revision=revisions[one.pk], comment=comment, duration=None, proof=proof, at=at
            )
    record(*facts, actor=people.actor_of(approver, via), at=at, idempotency=idempotency, object_id=bundle)
    return together


@transaction.atomic(durable=True)
def deny(
    *,
    bundle: int,
    approver: Person,
    via: Via,
    revisions: Revisions,
    reason: str,
    idempotency: Idempotency | None = None,
) -> list[AccessRequest]:
    """One no to each of these requests, which ends them all; or none of it.

    :raises Refused: when the approver may not decide on one of them.
    :raises IllegalMove: when one is decided or has lapsed.
    :raises StaleRevision: when one was edited after it was read.
    :raises Invalid: when no reason is given.
    """
    together = _held(bundle, revisions, approver)
    at = clock.now()
    facts: list[Fact] = []
    for one in together:
        with _named(one):
            facts.append(say_no(one, approver, revision=revisions[one.pk], reason=reason, at=at))
    record(*facts, actor=people.actor_of(approver, via), at=at, idempotency=idempotency, object_id=bundle)
    return together


def _check_several(asked: Sequence[Asked]) -> None:
    slugs = [one.target for one in asked]
    if not FEWEST <= len(asked) <= MOST:
        raise Invalid({"asks": [f"Name {FEWEST} to {MOST} targets; one alone is an ordinary request."]})
    twice = sorted({slug for slug in slugs if slugs.count(slug) > 1})
    if twice:
        raise Invalid({"asks": [f"{' and '.join(twice)} is named twice. Ask for all its roles at once."]})


def _filed(requester: Person, asked: Asked, number: int, *, via: Via, at: datetime) -> tuple[AccessRequest, list[Fact]]:
    try:
        return filed(requester, asked, via=via, at=at)
    except Invalid as error:
        raise Invalid({f"asks.{number}.{name}": said for name, said in error.errors.items()}) from error
    except Refused as error:
        raise Refused(f"{asked.target}: {error}", rule=error.rule) from error


def _held(bundle: int, revisions: Revisions, approver: Person) -> list[AccessRequest]:
    """:raises Invalid: when one of them is not of this bundle."""
    if not revisions:
        raise Invalid({"requests": ["Name at least one request, with the revision that you read."]})
    strangers = set(revisions) - set(
        AccessRequest.objects.filter(bundle=bundle, pk__in=revisions).values_list("pk", flat=True)
    )
    if strangers:
        listed = ", ".join(map(str, sorted(strangers)))
        raise Invalid({"requests": [f"Not asked together with the others: {listed}. Decide on it by itself."]})
    return locked_all(revisions, approver)


@contextmanager
def _named(one: AccessRequest) -> Iterator[None]:
    """Say of which request it is true, since nothing is done to any of them."""
    try:
        yield
    except (Refused, IllegalMove, StaleRevision) as error:
        error.args = (f"{one.target.slug}: {error} None of them was decided.",)
        raise


def _with(fact: Fact, bundle: int) -> Fact:
    """The asking, with what it was asked together with."""
    asking = fact.event is Event.ACCESS_REQUEST_SUBMITTED
    return replace(fact, facts={**fact.facts, "bundle": bundle}) if asking else fact
