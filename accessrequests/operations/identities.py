"""What follows from a provider's word: somebody arrives, moves between groups, is turned away, or may come again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from accessrequests import sealing
from accessrequests.domain import claims as said
from accessrequests.domain.claims import Claims
from accessrequests.domain.events import Actor, Event, Via
from accessrequests.models import AuditEvent, Group, Identity, Person
from accessrequests.models.people import MembershipSource
from accessrequests.operations._belonging import give_memberships
from accessrequests.operations._holding import hold_newcomers
from accessrequests.operations._leaving import disable, end_all, hold_requests
from accessrequests.operations._record import Fact, record
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock
from accessrequests.queries.sealed import purpose_of_tokens

PROVIDER = "identity-provider"
_ONCE_IN = timedelta(minutes=1)


@transaction.atomic(durable=True)
def arrive(*, issuer: str, claims: Claims, tokens: str) -> Person:
    """Somebody signed in at the provider: who it is here, made on the first time, with the groups that it names.

    Whoever may not sign in is returned all the same, disabled: it is for the caller to look.

    :raises Refused: when nobody can be made of it without taking somebody else's place.
    """
    known = Identity.objects.filter(issuer=issuer, subject=claims.subject).first()
    if known is None:
        hold_newcomers()
        known = Identity.objects.filter(issuer=issuer, subject=claims.subject).first()
    if known is None:
        identity, facts = _newcomer(issuer, claims, clock.now())
    else:
        identity, facts = _held(known.pk), []
    at = clock.now()
    actor = Actor(name=PROVIDER, via=Via.WEB)
    person = identity.person
    is_for_the_file_to_say = identity.refused_at is None or person.is_off_in_file
    if not person.is_active and (is_for_the_file_to_say or not claims.is_active):
        _record_once(person, "this person may not sign in here", actor, at)
        return person
    facts += _judged(identity, claims, actor, at, none_is_none=True)
    if person.is_active:
        _keep(identity, tokens)
    identity.asked_at = at
    identity.save()
    if facts:
        record(*facts, actor=actor, at=at)
    return person


@transaction.atomic(durable=True)
def keep_tokens(*, identity_id: int, tokens_round: int, tokens: str) -> int:
    """The provider renewed its tokens. Their new round; the old one when somebody else was faster, which voids both."""
    identity = _held(identity_id)
    if identity.tokens_round != tokens_round or not identity.person.is_active:
        return tokens_round
    _keep(identity, tokens)
    identity.save()
    return identity.tokens_round


@transaction.atomic(durable=True)
def follow(*, identity_id: int, tokens_round: int, claims: Claims) -> Person:
    """The provider was asked again and answered: what it says now holds here, unless somebody signed in meanwhile."""
    identity = _held(identity_id)
    if identity.tokens_round == tokens_round and claims.subject == identity.subject and identity.person.is_active:
        at = clock.now()
        actor = Actor(name=PROVIDER, via=Via.WORKER)
        facts = _judged(identity, claims, actor, at, none_is_none=False)
        identity.asked_at = at
        identity.save()
        if facts:
            record(*facts, actor=actor, at=at)
    return identity.person


@transaction.atomic(durable=True)
def turn_away(*, identity_id: int, tokens_round: int, why: str) -> Person:
    """The provider no longer vouches for somebody: what they asked for and hold here ends, and their sessions do."""
    identity = _held(identity_id)
    if identity.tokens_round == tokens_round and identity.person.is_active:
        at = clock.now()
        actor = Actor(name=PROVIDER, via=Via.WORKER)
        facts = _turned_away(identity, why, actor, at)
        identity.asked_at = at
        identity.save()
        record(*facts, actor=actor, at=at)
    return identity.person


def mark_asked(*, identity_id: int) -> None:
    """The provider was asked and said nothing that can be used. It is asked again, and nothing changes meanwhile."""
    Identity.objects.filter(pk=identity_id).update(asked_at=clock.now())


def _held(identity_id: int) -> Identity:
    """The identity, its person and their services, locked, after what they have asked for; read after the locks."""
    person_id = Identity.objects.values_list("person_id", flat=True).get(pk=identity_id)
    hold_requests([person_id])
    theirs = Person.objects.filter(Q(pk=person_id) | Q(owner=person_id)).order_by("pk")
    list(theirs.select_for_update(no_key=True).values_list("pk", flat=True))
    Identity.objects.select_for_update(no_key=True).get(pk=identity_id)
    return Identity.objects.select_related("person").get(pk=identity_id)


def _newcomer(issuer: str, claims: Claims, at: datetime) -> tuple[Identity, list[Fact]]:
    """:raises Refused: the name or the address is somebody's, or there is none that could be used."""
    link = f"issuer {issuer}, subject {claims.subject}"
    if not claims.is_active:
        raise Refused("Your provider says that you may not sign in. Ask your administrators.")
    if not claims.username or not claims.email:
        raise Refused(
            "Your provider gave no user name or e-mail address that can be used here. Ask an administrator to make "
            f"you an account and to name your sign-in in the file of people: {link}."
        )
    if Person.objects.filter(Q(username=claims.username) | Q(email__iexact=claims.email)).exists():
        raise Refused(
            "Somebody here has your user name or your e-mail address already, and nobody is taken over by name. If it "
            f"is you, ask an administrator to name your sign-in in the file of people: {link}."
        )
    person = Person(username=claims.username, name=claims.name, email=claims.email, created_at=at)
    person.set_unusable_password()
    person.save()
    identity = Identity.objects.create(
        person=person, issuer=issuer, subject=claims.subject, made_person=True, linked_at=at
    )
    facts = {
        "name": person.name,
        "email": person.email,
        "is_active": True,
        "identity": {"issuer": issuer, "subject": claims.subject},
    }
    return identity, [Fact(Event.PERSON_APPLIED, f"person/{person.username}", facts)]


def _judged(identity: Identity, claims: Claims, actor: Actor, at: datetime, *, none_is_none: bool) -> list[Fact]:
    """What the provider says now, made true. Without a word on groups, a sign-in gives none and a question takes none."""
    if not claims.is_active:
        return _turned_away(identity, "the provider says that the account is off", actor, at)
    person, subject = identity.person, f"person/{identity.person.username}"
    facts = []
    if not person.is_active:
        person.is_active, identity.refused_at = True, None
        person.save(update_fields=["is_active"])
        facts.append(Fact(Event.PERSON_ENABLED, subject, {"why": "the provider signed the person in again"}))
    changes = _renamed(identity, claims)
    if claims.groups is not None or none_is_none:
        changes |= give_memberships(
            person, _groups_of(claims.groups or frozenset()), source=MembershipSource.PROVIDER, at=at
        )
    if changes:
        facts.append(Fact(Event.PERSON_APPLIED, subject, changes))
    if "left" in changes:
        facts += end_all(disabled=[], left=[person], actor=actor, at=at)
    return facts


def _turned_away(identity: Identity, why: str, actor: Actor, at: datetime) -> list[Fact]:
    identity.refused_at, identity.sealed_tokens = at, None
    identity.tokens_round += 1
    facts = disable(identity.person, why=why, actor=actor)
    return facts + end_all(disabled=[identity.person], left=[], actor=actor, at=at)


def _groups_of(claimed: frozenset[str]) -> set[Group]:
    """Groups that give a role are given only where the operator's mapping names them."""
    mapping: Mapping[str, str] = settings.ACCESS_OIDC_GROUPS
    plain = Group.objects.filter(role="", name__in=claimed).values_list("name", flat=True)
    return set(Group.objects.filter(name__in=said.ours(claimed, mapping=mapping, same_names=plain)))


def _renamed(identity: Identity, claims: Claims) -> dict[str, Any]:
    """Name and address of whom the provider made follow it; of whom the file names, they are the file's."""
    person = identity.person
    if not identity.made_person:
        return {}
    changes = {}
    if claims.name and claims.name != person.name:
        changes["name"] = person.name = claims.name
    taken = Person.objects.filter(email__iexact=claims.email).exclude(pk=person.pk)
    if claims.email and claims.email != person.email and not taken.exists():
        changes["email"] = person.email = claims.email
    if changes:
        person.save(update_fields=["name", "email"])
    return changes


def _keep(identity: Identity, tokens: str) -> None:
    identity.sealed_tokens = sealing.seal(tokens, purpose=purpose_of_tokens(identity)) if tokens else None
    identity.tokens_round += 1


def _record_once(person: Person, why: str, actor: Actor, at: datetime) -> None:
    """At most once a minute for each person: nobody floods the audit trail by trying."""
    subject = f"person/{person.username}"
    recent = AuditEvent.objects.filter(event=Event.PERSON_SIGN_IN_REFUSED.value, subject=subject, at__gt=at - _ONCE_IN)
    if not recent.exists():
        record(Fact(Event.PERSON_SIGN_IN_REFUSED, subject, {"why": why}), actor=actor, at=at)
