"""Atlas users: who is in the organisation, who is invited, and what is shown of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from sandbox.atlas.dates import stamp
from sandbox.atlas.organisation import Organisation, Person, Team, new_id
from sandbox.atlas.project import Project
from sandbox.atlas.routes import ORG_MEMBER, ORG_OWNER, ORG_READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, page

ACTIVE, PENDING = "ACTIVE", "PENDING"
EXPIRED, REJECTED = "INVITATION_EXPIRED", "INVITATION_REJECTED"
VERSION, OLDER = "2025-02-19", ("2023-01-01",)
_STATUSES = (ACTIVE, PENDING, EXPIRED, REJECTED)
_INVITATION = timedelta(days=30)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_USERS = "/orgs/{orgId}/users"

Shown = dict[str, Any]


class NotInvited(LookupError):
    """Nobody of this name has an invitation that is still open."""


def list_org_users(organisation: Organisation, request: Request) -> Answer:
    people = filtered(organisation, organisation.people.values(), request)
    return Answer(body=page(request, [org_user(organisation, each) for each in people]))


def get_org_user(organisation: Organisation, request: Request) -> Answer:
    identifier = request.parameters["userId"]
    person = organisation.people.get(identifier)
    if person is None:
        raise AtlasError("USER_NOT_IN_ORG", identifier, organisation.id)
    return Answer(body=org_user(organisation, person))


def status_of(organisation: Organisation, person: Person) -> str:
    """An invitation that nobody answered is over after 30 days."""
    if person.status == PENDING and person.invited_at is not None:
        until = person.invited_at + _INVITATION.total_seconds()
        return PENDING if organisation.now().timestamp() < until else EXPIRED
    return person.status


def invite(organisation: Organisation, username: str, *, inviter: str) -> Person:
    """Somebody new, or who did not answer, or said no; nobody before under this address remains.

    :raises AtlasError: it is no e-mail address.
    """
    if _EMAIL.fullmatch(username) is None:
        raise AtlasError("INVALID_USERNAME")
    before = organisation.person(username)
    if before is not None:
        forget(organisation, before)
    now = organisation.now().timestamp()
    person = Person(new_id(), username, "", "", now, status=PENDING, invited_at=now, inviter=inviter)
    organisation.people[person.id] = person
    return person


def forget(organisation: Organisation, person: Person) -> None:
    del organisation.people[person.id]
    for project in organisation.projects.values():
        project.members.pop(person.id, None)
    for team in organisation.teams.values():
        team.members = [each for each in team.members if each != person.id]


def answer_invitation(organisation: Organisation, username: str, *, accepts: bool) -> Person:
    """What the invited person does with the mail; the control endpoint says it for them.

    :raises NotInvited: there is none, or not any more.
    """
    person = organisation.person(username)
    if person is None or status_of(organisation, person) != PENDING:
        raise NotInvited(f"{username} has no invitation that is still open.")
    person.status = ACTIVE if accepts else REJECTED
    if accepts:
        person.created_at = organisation.now().timestamp()
        first, _, last = username.partition("@")[0].partition(".")
        person.first_name, person.last_name = first.capitalize(), (last or "Example").capitalize()
    return person


def filtered(organisation: Organisation, people: Iterable[Person], request: Request) -> list[Person]:
    """Those whom the query asks for; unless it says which, those who are active or invited.

    :raises AtlasError: a status that is none.
    """
    asked = (*request.query.get("orgMembershipStatuses", ()), *request.query.get("orgMembershipStatus", ()))
    for each in asked:
        if each not in _STATUSES:
            raise AtlasError("INVALID_ENUM_VALUE", each)
    statuses = (asked or (ACTIVE, PENDING)) if request.version == VERSION else (ACTIVE,)
    name, identifier = request.first("username"), request.first("userId")
    return [
        person
        for person in people
        if status_of(organisation, person) in statuses
        and name in (None, person.username)
        and identifier in (None, person.id)
    ]


def org_user(organisation: Organisation, person: Person) -> Shown:
    assignments = [
        {"groupId": project.id, "groupRoles": list(project.members[person.id])}
        for project in organisation.projects.values()
        if person.id in project.members
    ]
    return {
        **_who(organisation, person),
        "roles": {"groupRoleAssignments": assignments, "orgRoles": list(person.org_roles)},
        "teamIds": [team.id for team in organisation.teams.values() if person.id in team.members],
    }


def group_user(organisation: Organisation, person: Person, roles: Sequence[str]) -> Shown:
    return {**_who(organisation, person), "roles": list(roles)}


def user_of_2023(organisation: Organisation, project: Project, person: Person) -> Shown:
    """As the version of 2023-01-01 shows a user: every role, those in the organisation too."""
    roles: list[Mapping[str, str]] = [
        *({"orgId": organisation.id, "roleName": role} for role in person.org_roles),
        *({"groupId": project.id, "roleName": role} for role in project.members.get(person.id, ())),
    ]
    return {
        "country": "DE",
        "createdAt": stamp(person.created_at),
        "emailAddress": person.username,
        "firstName": person.first_name,
        "id": person.id,
        "lastName": person.last_name,
        "links": [],
        "roles": roles,
        "teamIds": [team.id for team in organisation.teams.values() if person.id in team.members],
        "username": person.username,
    }


def _who(organisation: Organisation, person: Person) -> Shown:
    status = status_of(organisation, person)
    shown: Shown = {"id": person.id, "orgMembershipStatus": status, "username": person.username}
    if status != ACTIVE:
        invited = person.created_at if person.invited_at is None else person.invited_at
        until = invited + _INVITATION.total_seconds()
        return {
            **shown,
            "invitationCreatedAt": stamp(invited),
            "invitationExpiresAt": stamp(until),
            "inviterUsername": person.inviter,
        }
    shown |= {"country": "DE", "createdAt": stamp(person.created_at), "firstName": person.first_name}
    shown["lastName"] = person.last_name
    return shown | ({"lastAuth": stamp(person.last_auth)} if person.last_auth is not None else {})


def team_of(organisation: Organisation, identifier: str) -> Team:
    """:raises AtlasError: there is none."""
    if identifier not in organisation.teams:
        raise AtlasError("TEAM_NOT_FOUND", identifier)
    return organisation.teams[identifier]


ROUTES = (
    Route("GET", _USERS, VERSION, (ORG_MEMBER, ORG_READ_ONLY, ORG_OWNER), list_org_users, older=OLDER),
    Route("GET", f"{_USERS}/{{userId}}", VERSION, (ORG_MEMBER, ORG_READ_ONLY, ORG_OWNER), get_org_user),
)
