"""Who of the Atlas users has which roles in a project."""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.atlas import events
from sandbox.atlas.attributes import check_names, needed, texts
from sandbox.atlas.organisation import Organisation, Person
from sandbox.atlas.people import ACTIVE, OLDER, PENDING, VERSION, filtered, group_user, invite, status_of, user_of_2023
from sandbox.atlas.project import Project
from sandbox.atlas.routes import ACCESS_MANAGER, DATABASE_ACCESS, LOG_VIEWER, NETWORK_ACCESS, OWNER, READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, created, gone, page

_USERS = "/groups/{groupId}/users"
_USER = f"{_USERS}/{{userId}}"
_MOST_USERS = 500
PROJECT_ROLES = frozenset(
    {
        *(ACCESS_MANAGER, DATABASE_ACCESS, LOG_VIEWER, NETWORK_ACCESS, OWNER, READ_ONLY),
        *("GROUP_BACKUP_MANAGER", "GROUP_CHARTS_ADMIN", "GROUP_CLUSTER_CREATOR", "GROUP_CLUSTER_MANAGER"),
        *("GROUP_DATA_ACCESS_ADMIN", "GROUP_DATA_ACCESS_READ_ONLY", "GROUP_DATA_ACCESS_READ_WRITE"),
        *("GROUP_OBSERVABILITY_VIEWER", "GROUP_SEARCH_INDEX_EDITOR", "GROUP_STREAM_PROCESSING_OWNER"),
    }
)
_LAST_ROLE = "A user must have at least one role at all times."
_ROLES_CHANGED = "USER_ROLES_CHANGED_AUDIT"


def list_users(organisation: Organisation, request: Request) -> Answer:
    """Those with a role of their own; if asked for, also those who come in by a team or from the organisation."""
    project = organisation.project(request.parameters["groupId"])
    roles = {identifier: list(names) for identifier, names in project.members.items()}
    if request.flag("flattenTeams", default=False):
        _add_teams(organisation, project, roles)
    if request.flag("includeOrgUsers", default=False):
        for person in organisation.people.values():
            if {"ORG_OWNER", "ORG_READ_ONLY"} & {*person.org_roles}:
                roles.setdefault(person.id, [])
    people = filtered(organisation, [organisation.people[each] for each in roles], request)
    if request.version != VERSION:
        return Answer(body=page(request, [user_of_2023(organisation, project, each) for each in people]))
    return Answer(body=page(request, [group_user(organisation, each, roles[each.id]) for each in people]))


def add_user(organisation: Organisation, request: Request) -> Answer:
    """An active person of the organisation has the roles at once; anybody else is invited, for 30 days."""
    project, body = organisation.project(request.parameters["groupId"]), request.document()
    check_names(body, ("roles", "username"))
    username, roles = needed(body, "username"), texts(body, "roles")
    check_roles(project, roles)
    if len(project.members) >= _MOST_USERS:
        raise AtlasError("MAX_USERS_PER_GROUP_EXCEEDED", _MOST_USERS, project.name)
    person = organisation.person(username)
    if person is None or status_of(organisation, person) not in (ACTIVE, PENDING):
        person = invite(organisation, username, inviter=request.account.key)
    elif person.id in project.members:
        raise AtlasError("USER_ALREADY_EXISTS", username)
    project.members[person.id] = roles
    kind = "JOINED_GROUP" if status_of(organisation, person) == ACTIVE else "INVITED_TO_GROUP"
    events.record(organisation, project, kind, request=request, targetUsername=person.username)
    return created(group_user(organisation, person, roles))


def get_user(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    person = _member(organisation, project, request)
    return Answer(body=group_user(organisation, person, project.members[person.id]))


def remove_user(organisation: Organisation, request: Request) -> Answer:
    """Ends membership, or an invitation that is still open."""
    project = organisation.project(request.parameters["groupId"])
    person = _member(organisation, project, request)
    status = status_of(organisation, person)
    if request.version != VERSION and status != ACTIVE:
        raise AtlasError("USER_NOT_IN_GROUP", person.id, project.id)
    if _is_last_owner(organisation, project, person):
        raise AtlasError("CANNOT_DELETE_LAST_OWNER")
    del project.members[person.id]
    kind = "REMOVED_FROM_GROUP" if status == ACTIVE else "GROUP_INVITATION_DELETED"
    events.record(organisation, project, kind, request=request, targetUsername=person.username)
    return gone()


def add_role(organisation: Organisation, request: Request) -> Answer:
    """Nothing happens when it is there already."""
    project, person, role = _change(organisation, request)
    roles = project.members[person.id]
    if role not in roles:
        roles.append(role)
        events.record(organisation, project, _ROLES_CHANGED, request=request, targetUsername=person.username)
    return Answer(body=group_user(organisation, person, roles))


def remove_role(organisation: Organisation, request: Request) -> Answer:
    """Everybody keeps a role, and the project an owner."""
    project, person, role = _change(organisation, request)
    roles = project.members[person.id]
    if role not in roles:
        raise AtlasError("INVALID_ROLE_FOR_GROUP", role, project.id)
    if role == OWNER and _is_last_owner(organisation, project, person):
        raise AtlasError("CANNOT_DEMOTE_LAST_OWNER")
    if len(roles) == 1:
        raise AtlasError("VALIDATION_ERROR", _LAST_ROLE)  # Which code Atlas has for it is not known.
    roles.remove(role)
    events.record(organisation, project, _ROLES_CHANGED, request=request, targetUsername=person.username)
    return Answer(body=group_user(organisation, person, roles))


def check_roles(project: Project, roles: Iterable[str]) -> None:
    """:raises AtlasError: one that is no role of a project."""
    for role in roles:
        if role.startswith("ORG_"):
            raise AtlasError("CANNOT_ADD_ORG_ROLE")
        if role not in PROJECT_ROLES:
            raise AtlasError("INVALID_ROLE_FOR_GROUP", role, project.id)


def _change(organisation: Organisation, request: Request) -> tuple[Project, Person, str]:
    project, body = organisation.project(request.parameters["groupId"]), request.document()
    person = _member(organisation, project, request)
    check_names(body, ("groupRole",))
    role = needed(body, "groupRole")
    check_roles(project, [role])
    return project, person, role


def _member(organisation: Organisation, project: Project, request: Request) -> Person:
    identifier = request.parameters["userId"]
    if identifier not in organisation.people:
        raise AtlasError("USER_NOT_FOUND", identifier)
    if identifier not in project.members:
        raise AtlasError("USER_NOT_IN_GROUP", identifier, project.id)
    return organisation.people[identifier]


def _is_last_owner(organisation: Organisation, project: Project, person: Person) -> bool:
    """An invited owner does not count yet."""
    owners = [
        identifier
        for identifier, roles in project.members.items()
        if OWNER in roles and status_of(organisation, organisation.people[identifier]) == ACTIVE
    ]
    return owners == [person.id]


def _add_teams(organisation: Organisation, project: Project, roles: dict[str, list[str]]) -> None:
    for identifier, names in project.teams.items():
        for member in organisation.teams[identifier].members:
            held = roles.setdefault(member, [])
            held += [name for name in names if name not in held]


ROUTES = (
    Route("GET", _USERS, VERSION, (READ_ONLY, ACCESS_MANAGER), list_users, older=OLDER),
    Route("POST", _USERS, VERSION, (ACCESS_MANAGER,), add_user),
    Route("GET", _USER, VERSION, (READ_ONLY, ACCESS_MANAGER), get_user),
    Route("DELETE", _USER, VERSION, (ACCESS_MANAGER,), remove_user, older=OLDER),
    Route("POST", f"{_USER}:addRole", VERSION, (ACCESS_MANAGER,), add_role),
    Route("POST", f"{_USER}:removeRole", VERSION, (ACCESS_MANAGER,), remove_role),
)
