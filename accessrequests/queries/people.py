"""Who belongs where, and who may decide."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.db.models import Count, Exists, F, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Now

from accessrequests.domain import wording
from accessrequests.domain.events import Actor, Via
from accessrequests.domain.lifecycle import AccessRequestState, GrantState
from accessrequests.models import (
    AccessRequest,
    Delegation,
    Grant,
    Identity,
    Membership,
    Person,
    PersonalToken,
    SlackIdentity,
)
from accessrequests.models.delegations import DelegationQuerySet
from accessrequests.models.people import GroupRole, MembershipQuerySet, MembershipSource
from accessrequests.queries.quarantine import NOT_QUARANTINED

MOST_SERVICES = 50
NOW = Now()  # by the database's clock, as it is asked


def groups_of(person: Person, *, since: datetime | None = None) -> frozenset[str]:
    """The groups that the person belongs to now and, if `since` is given, already belonged to then."""
    memberships = Membership.objects.filter(person=person, person__is_active=True).current()
    if since is not None:
        memberships = memberships.held_since(since)
    return frozenset(memberships.values_list("group__name", flat=True))


def on_behalf(requester: Person, beneficiary: Person) -> str:
    """Who asks for whom, in words; empty where people ask for themselves."""
    owner = beneficiary.owner
    if requester == beneficiary:
        return ""
    return wording.on_behalf(requester=requester.name, beneficiary=beneficiary.name, owner=owner.name if owner else "")


def services_on_offer() -> list[Person]:
    """Service identities that something can be asked for."""
    return list(Person.objects.filter(owner__isnull=False, is_active=True).order_by("username")[:MOST_SERVICES])


def ids_of(usernames: Iterable[str]) -> list[int]:
    return list(Person.objects.filter(username__in=list(usernames)).values_list("pk", flat=True))


def groups_of_all(folk: Iterable[Person]) -> dict[int, frozenset[str]]:
    """The groups that each of these people belongs to now, by the person's id; one question for all of them."""
    groups: dict[int, set[str]] = {person.pk: set() for person in folk}
    current = Membership.objects.filter(person__in=groups, person__is_active=True).current()
    for person_id, group in current.values_list("person_id", "group__name"):
        groups[person_id].add(group)
    return {person_id: frozenset(names) for person_id, names in groups.items()}


def may_audit(person: Person) -> bool:
    """Auditors and administrators see everything."""
    return bool(roles_of(person) & {GroupRole.AUDITOR, GroupRole.ADMINISTRATOR})


def may_administer(person: Person) -> bool:
    return GroupRole.ADMINISTRATOR in roles_of(person)


def roles_of(person: Person) -> frozenset[GroupRole]:
    """The roles that the person's groups give now; a service identity has none, whatever becomes of its groups."""
    if not person.is_active or person.is_service:
        return frozenset()
    current = Membership.objects.filter(person=person).exclude(group__role="").current().select_related("group")
    return roles_from(current)


def roles_from(memberships: Iterable[Membership]) -> frozenset[GroupRole]:
    """The roles that come with them. The provider gives one only where the operator's mapping names the group, and for
    as long as it does: a group may have got its role, or lost its place in the mapping, after somebody joined it.
    """
    mapped = _mapped()
    counted = (one for one in memberships if one.source == MembershipSource.FILE or one.group.name in mapped)
    return frozenset(GroupRole(one.group.role) for one in counted if one.group.role)


def _mapped() -> set[str]:
    return set(settings.ACCESS_OIDC_GROUPS.values())


def administrators() -> QuerySet[Person]:
    """The active people who administer now."""
    return _with_role(GroupRole.ADMINISTRATOR)


def running_delegations(*, at: datetime | Now = NOW) -> DelegationQuerySet:
    """The voices that are lent at a moment. Auditors decide nothing: none counts that is lent to somebody who became one."""
    auditors = _with_role(GroupRole.AUDITOR).values("pk")
    return Delegation.objects.running(at).exclude(stand_in__in=auditors)


def _with_role(role: GroupRole) -> QuerySet[Person]:
    counted = Q(memberships__source=MembershipSource.FILE) | Q(memberships__group__name__in=_mapped())
    held = Q(counted, memberships__group__role=role, memberships__ended_at=None)
    return Person.objects.filter(held, is_active=True, owner=None).order_by("username").distinct()


def memberships_of_people() -> MembershipQuerySet:
    """Current memberships of active people. A service identity may be in a group, and decides nothing."""
    return Membership.objects.filter(person__is_active=True, person__owner=None).current()


def deciders(group: str, *, since: datetime, without: Iterable[int]) -> QuerySet[Person]:
    """The active people of `group` who held it at `since`, but for the beneficiaries."""
    return (
        Person.objects.filter(
            Q(memberships__group__name=group, memberships__ended_at=None, memberships__since__lte=since),
            is_active=True,
            owner=None,
        )
        .exclude(pk__in=list(without))
        .order_by("username")
        .distinct()
    )


def deciders_by_group(groups: Iterable[str], *, since: datetime, without: Iterable[int]) -> dict[str, list[str]]:
    """The user names of the `deciders` of each group; one question for all of them."""
    named: dict[str, list[str]] = {group: [] for group in groups}
    held = memberships_of_people().held_since(since).filter(group__name__in=named)
    pairs = held.exclude(person__in=list(without)).order_by("person__username")
    for group, username in pairs.values_list("group__name", "person__username"):
        named[group].append(username)
    return named


def stand_ins_of(folk: Iterable[Person], *, without: Iterable[int]) -> QuerySet[Person]:
    """Who answers in the place of one of these people now, but for the beneficiaries."""
    running = running_delegations().filter(giver__in=list(folk)).values("stand_in")
    return Person.objects.filter(pk__in=running).exclude(pk__in=list(without))


def members_by_group(groups: Iterable[str], *, without: Iterable[int] = ()) -> dict[str, list[str]]:
    """The names of the active people of each group; one question for all of them."""
    named: dict[str, list[str]] = {group: [] for group in groups}
    held = memberships_of_people().filter(group__name__in=named)
    pairs = held.exclude(person__in=list(without)).order_by("person__username")
    for group, name in pairs.values_list("group__name", "person__name"):
        named[group].append(name)
    return named


def actor_of(person: Person, via: Via) -> Actor:
    return Actor(name=person.username, via=via, person_id=person.pk)


def person_by_token(secret: str, *, at: datetime) -> PersonalToken | None:
    """The live token whose secret this is, of a person who may still sign in, or a service whose owner may."""
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return (
        PersonalToken.objects.select_related("person")
        .filter(Q(expires_at=None) | Q(expires_at__gt=at), digest=digest, revoked_at=None, person__is_active=True)
        .exclude(person__owner__is_active=False)
        # Of a database that was restored, nobody knows which tokens were revoked since.
        .filter(NOT_QUARANTINED)
        .first()
    )


def identity_of(person: Person) -> Identity | None:
    """Whom the provider of sign-ins means by this person, where it means them at all."""
    return Identity.objects.filter(person=person).first()


def identities_to_ask(*, before: datetime, limit: int) -> list[int]:
    """Whom the provider is to be asked about: those who wait for access or have it, longest unasked first."""
    waits = AccessRequest.objects.filter(
        Q(requester=OuterRef("person")) | Q(beneficiary=OuterRef("person")), state=AccessRequestState.PENDING.value
    )
    holds = Grant.objects.filter(
        holder=OuterRef("person"), state__in=[GrantState.PENDING.value, GrantState.ACTIVE.value]
    )
    due = Identity.objects.filter(
        Q(asked_at=None) | Q(asked_at__lte=before),
        Exists(waits) | Exists(holds),
        sealed_tokens__isnull=False,
        person__is_active=True,
    )
    return list(due.order_by(F("asked_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:limit])


def identity(identity_id: int) -> Identity | None:
    return Identity.objects.filter(pk=identity_id, person__is_active=True).first()


def listed(text: str) -> QuerySet[Person]:
    """Everybody whose name, user name or address holds the text, with groups and the number of live grants."""
    named = Q(username__icontains=text) | Q(name__icontains=text) | Q(email__icontains=text)
    live = Grant.objects.filter(holder=OuterRef("pk")).exclude(state=GrantState.REVOKED.value).order_by()
    counted = live.values("holder").annotate(number=Count("pk")).values("number")
    current = Membership.objects.filter(ended_at=None).select_related("group").order_by("group__name")
    found = Person.objects.filter(named) if text else Person.objects.all()
    return (
        found.select_related("owner")
        .annotate(live=Subquery(counted))
        .prefetch_related(Prefetch("memberships", current, to_attr="current"))
        .prefetch_related(Prefetch("slack_identities", SlackIdentity.objects.order_by("pk"), to_attr="slack_accounts"))
        .order_by("username")
    )


def called(logins: Iterable[str]) -> dict[str, str]:
    """The full names of those who sign in so. What is nobody's login, such as the policy's, is called as it is."""
    wanted = {login for login in logins if login}
    found = Person.objects.filter(username__in=wanted).values_list("username", "name") if wanted else ()
    return {**{login: login for login in wanted}, **{login: name for login, name in found if name}}
