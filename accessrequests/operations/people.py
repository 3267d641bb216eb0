"""People, their groups and their tokens."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from accessrequests.domain.events import Actor, Event, Via
from accessrequests.models import Group, Identity, Person, PersonalToken
from accessrequests.models.people import MembershipSource
from accessrequests.operations._belonging import give_memberships
from accessrequests.operations._holding import hold_newcomers
from accessrequests.operations._leaving import end_all, hold_requests
from accessrequests.operations._record import Fact, record
from accessrequests.operations._services import applied as service_applied
from accessrequests.operations._services import apply_service, check_names
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import clock, people
from accessrequests.queries.asks import Invalid

SCOPES = ("read", "request", "decide", "reveal", "end", "audit", "admin")
# Of a service identity: it looks at what it has, fetches its password and gives it back. It never asks nor decides.
SERVICE_SCOPES = ("read", "reveal", "end")
TOKEN_BYTES = 32


@transaction.atomic(durable=True)
def apply_people(
    *,
    groups: Mapping[str, Mapping[str, Any]],
    entries: Mapping[str, Mapping[str, Any]],
    actor: Actor,
    services: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Person]:
    """Make people, groups and service identities say what the file says. Whom it does not name stays as they are.

    :raises Invalid: when somebody is put into a group that the file does not name, or a service has no owner, the name
        of a person, or a group with a role.
    """
    named = {**entries, **(services or {})}
    owners = {entry["owner"] for entry in (services or {}).values()}
    unknown = {group for entry in named.values() for group in entry.get("groups", [])} - set(groups)
    if unknown:
        raise Invalid({"groups": [f"There is no group {group}. Name it under groups." for group in sorted(unknown)]})
    facts: list[Fact] = []
    hold_newcomers()  # somebody whom the file names may be signing in for the first time just now
    hold_requests(people.ids_of(named))  # whoever turns out to be off, or to have left a group
    known = {name: _apply_group(name, fields, facts) for name, fields in sorted(groups.items())}
    theirs = Q(username__in={*named, *owners}) | Q(owner__username__in=entries)
    folk = Person.objects.select_for_update(no_key=True, of=("self",)).filter(theirs).order_by("pk")
    people_known = {person.username: person for person in folk}
    check_names(entries, services or {}, known=people_known, groups=groups)
    at = clock.now()
    applied, left = [], list[Person]()
    for username, entry in sorted(entries.items()):
        person, changes = _apply_person(people_known.get(username), username, entry, known=known, at=at)
        applied.append(person)
        if changes:
            facts.append(Fact(Event.PERSON_APPLIED, f"person/{username}", changes))
        if "left" in changes:
            left.append(person)
    served, handed_over = [], list[Person]()
    for username, entry in sorted((services or {}).items()):
        is_new = username not in people_known
        service, changes = apply_service(people_known.get(username), username, entry, known=known, at=at)
        served.append(service)
        facts += service_applied(service, changes)
        handed_over += [service] if "owner" in changes and not is_new else []
        left += [service] if "left" in changes else []
    disabled = [person for person in [*applied, *served] if not person.is_active]
    left = [person for person in left if person.is_active]
    facts += end_all(disabled=disabled, left=left, handed_over=handed_over, actor=actor, at=at)
    if facts:
        record(*facts, actor=actor, at=at)
    return applied


def _apply_group(name: str, fields: Mapping[str, Any], facts: list[Fact]) -> Group:
    group = Group.objects.filter(name=name).first() or Group(name=name)
    role = fields.get("role", "")
    if group.pk is None or group.role != role:
        facts.append(Fact(Event.GROUP_APPLIED, f"group/{name}", {"role": role, "was": group.role}))
        group.role = role
        group.save()
    return group


def _apply_person(
    person: Person | None, username: str, entry: Mapping[str, Any], *, known: Mapping[str, Group], at: datetime
) -> tuple[Person, dict[str, Any]]:
    """The person as the file has them, and what that changed."""
    if person is None:
        person = Person(username=username, created_at=at)
        person.set_unusable_password()
    refused = Identity.objects.filter(person=person.pk).exclude(refused_at=None).exists()
    wanted = {
        "name": entry["name"],
        "email": entry["email"],
        # The file cannot let in whom the provider turned away; a sign-in there can.
        "is_active": entry.get("active", True) and not refused,
    }
    changes = {name: value for name, value in wanted.items() if person.pk is None or getattr(person, name) != value}
    for name, value in wanted.items():
        setattr(person, name, value)
    off = not entry.get("active", True)
    if off != person.is_off_in_file and "is_active" not in changes:
        changes["is_off_in_file"] = off
    person.is_off_in_file = off
    if changes.get("is_active") is False:
        person.session_round += 1
    person.save()
    changes |= give_memberships(
        person, {known[name] for name in entry.get("groups", [])}, source=MembershipSource.FILE, at=at
    )
    linked = _apply_identity(person, entry.get("identity"), at)
    if linked:
        # What was said of whom this person was linked to before, if to anybody, counts no more.
        lost = give_memberships(person, set(), source=MembershipSource.PROVIDER, at=at)
        left = sorted([*changes.get("left", []), *lost.get("left", [])])
        changes |= linked | lost | ({"left": left} if left else {})
    return person, changes


def _apply_identity(person: Person, named: Mapping[str, str] | None, at: datetime) -> dict[str, Any]:
    """Whom the operator says that a provider means by this subject. Not said: it stays as it is.

    Sessions that somebody else's proof began end, and an answer that is on its way about somebody else is void.

    :raises Invalid: when the subject is somebody else's already.
    """
    if named is None:
        return {}
    known = Identity.objects.filter(**named).select_related("person").first()
    if known is not None and known.person_id == person.pk:
        return {}
    if known is not None:
        raise Invalid({"identity": [f"The subject of {person.username} is {known.person.username}'s already."]})
    link = {**named, "made_person": False, "linked_at": at, "sealed_tokens": None, "refused_at": None}
    identity, is_new = Identity.objects.get_or_create(person=person, defaults=link)
    if not is_new:
        Identity.objects.filter(pk=identity.pk).update(**link, tokens_round=F("tokens_round") + 1)
        person.session_round += 1
        person.save(update_fields=["session_round"])
    return {"identity": dict(named)}


@transaction.atomic(durable=True)
def set_password(*, username: str, password: str, actor: Actor) -> Person:
    """Give a person a password for the portal (where no identity provider does it).

    :raises Refused: for a service identity.
    """
    person = Person.objects.select_for_update(no_key=True).get(username=username)
    if person.is_service:
        raise Refused(f"{username} is a service identity, which never signs in. Its owner makes it a token.")
    at = clock.now()
    person.set_password(password)
    person.save(update_fields=["password"])
    record(Fact(Event.PERSON_APPLIED, f"person/{username}", {"password": "set"}), actor=actor, at=at)
    return person


@transaction.atomic(durable=True)
def create_token(
    *, person: Person, name: str, scopes: Sequence[str], actor: Actor, expires_at: datetime | None = None
) -> tuple[PersonalToken, str]:
    """Make a token; its secret is returned once and never stored. An operator makes one for anybody.

    :raises Refused: when it is for somebody else, or for a service that is off or of another owner.
    :raises Invalid: when a scope is unknown, or not this person's to have.
    """
    person = Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    if actor.person_id is not None and actor.person_id not in {person.pk, person.owner_id}:
        raise Refused(f"A token is for oneself, or for a service of one's own: {person.username} is neither.")
    if not person.is_active:
        raise Refused(f"{person.username} is off. A token would let nobody in.")
    allowed = scopes_of(person)
    wrong = [scope for scope in scopes if scope not in allowed]
    if wrong or not scopes:
        listed = ", ".join(allowed)
        raise Invalid({"scopes": [f"Choose among {listed}: {', '.join(wrong) or 'nothing'} is not yours to have."]})
    at = clock.now()
    secret = f"access_{secrets.token_urlsafe(TOKEN_BYTES)}"
    token = PersonalToken.objects.create(
        person=person,
        name=name,
        digest=hashlib.sha256(secret.encode()).hexdigest(),
        scopes=sorted(set(scopes), key=SCOPES.index),
        created_at=at,
        expires_at=expires_at,
    )
    facts = {"token": token.pk, "name": name, "scopes": token.scopes}
    record(Fact(Event.TOKEN_CREATED, f"person/{person.username}", facts), actor=actor, at=at)
    return token, secret


def scopes_of(person: Person) -> tuple[str, ...]:
    """The scopes that this person's tokens may carry."""
    if person.is_service:
        return SERVICE_SCOPES
    return SCOPES if people.may_administer(person) else tuple(scope for scope in SCOPES if scope != "admin")


@transaction.atomic(durable=True)
def revoke_token(*, token_id: int, person: Person | None, actor: Actor) -> PersonalToken:
    """End a token: one's own, one of a service of one's own, or anybody's by an operator (`person` None).

    :raises Refused: when it is somebody else's.
    :raises IllegalMove: when it has been revoked.
    """
    token = PersonalToken.objects.select_for_update(of=("self",)).select_related("person").get(pk=token_id)
    if person is not None and not person.stands_for(token.person):
        raise Refused("Only its owner can revoke a token.")
    if token.revoked_at is not None:
        raise IllegalMove("The token has been revoked already.", person=actor.name, what="revoked", at=token.revoked_at)
    at = clock.now()
    token.revoked_at = at
    token.save(update_fields=["revoked_at"])
    subject = f"person/{token.person.username}"
    record(Fact(Event.TOKEN_REVOKED, subject, {"token": token.pk, "name": token.name}), actor=actor, at=at)
    return token


def command_actor(os_user: str) -> Actor:
    """An operator at the command line, known by the name that the operating system gives them."""
    return Actor(name=f"os:{os_user}"[:64], via=Via.COMMAND)
