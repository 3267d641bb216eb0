"""Teams of the organisation, and the roles that they have in a project."""

from __future__ import annotations

import re
from typing import Any

from sandbox.atlas import events
from sandbox.atlas.attributes import check_names, needed, texts
from sandbox.atlas.organisation import Organisation, Person
from sandbox.atlas.people import ACTIVE, OLDER, PENDING, VERSION, filtered, org_user, status_of, team_of
from sandbox.atlas.project import Project
from sandbox.atlas.project_users import check_roles
from sandbox.atlas.routes import ACCESS_MANAGER, ORG_MEMBER, ORG_OWNER, ORG_READ_ONLY, READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, gone, page

_VERSION = "2023-01-01"
_OF_PROJECT = "/groups/{groupId}/teams"
_OF_ORG = "/orgs/{orgId}/teams"
_MOST_TEAMS = 100
_ID = re.compile(r"[0-9a-f]{24}")


def list_project_teams(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=page(request, [_role(project, each, request) for each in project.teams]))


def add_project_teams(organisation: Organisation, request: Request) -> Answer:
    """An array of teams with their roles, all or none."""
    project = organisation.project(request.parameters["groupId"])
    if not isinstance(request.body, list) or not all(isinstance(each, dict) for each in request.body):
        raise AtlasError("INVALID_JSON")
    added: dict[str, list[str]] = {}
    for each in request.body:
        check_names(each, ("roleNames", "teamId"))
        team = team_of(organisation, needed(each, "teamId"))
        if team.id in project.teams:
            raise AtlasError("TEAM_EXISTS_IN_GROUP")
        added[team.id] = _roles(project, each)
    if len(project.teams) + len(added) > _MOST_TEAMS:
        raise AtlasError("MAX_TEAMS_PER_GROUP_EXCEEDED", _MOST_TEAMS, project.name)
    project.teams.update(added)
    for team_id in added:
        events.record(organisation, project, "TEAM_ADDED_TO_GROUP", request=request, teamId=team_id)
    return list_project_teams(organisation, request)


def get_project_team(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=_role(project, _assigned(project, request), request))


def change_project_team(organisation: Organisation, request: Request) -> Answer:
    """Replaces the roles whole."""
    project, body = organisation.project(request.parameters["groupId"]), request.document()
    team_id = _assigned(project, request)
    check_names(body, ("roleNames", "teamId"))
    project.teams[team_id] = _roles(project, body)
    events.record(organisation, project, "TEAM_ROLES_MODIFIED", request=request, teamId=team_id)
    return list_project_teams(organisation, request)


def remove_project_team(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    team_id = _assigned(project, request)
    del project.teams[team_id]
    events.record(organisation, project, "TEAM_REMOVED_FROM_GROUP", request=request, teamId=team_id)
    return gone()


def list_org_teams(organisation: Organisation, request: Request) -> Answer:
    teams = [
        {"id": team.id, "links": [request.link("orgs", organisation.id, "teams", team.id)], "name": team.name}
        for team in organisation.teams.values()
    ]
    return Answer(body=page(request, teams))


def list_team_users(organisation: Organisation, request: Request) -> Answer:
    team = team_of(organisation, request.parameters["teamId"])
    people = filtered(organisation, [organisation.people[each] for each in team.members], request)
    return Answer(body=page(request, [org_user(organisation, each) for each in people]))


def add_team_user(organisation: Organisation, request: Request) -> Answer:
    team, person = team_of(organisation, request.parameters["teamId"]), _named(organisation, request)
    if person.id not in team.members:
        team.members.append(person.id)
    return Answer(body=org_user(organisation, person))


def remove_team_user(organisation: Organisation, request: Request) -> Answer:
    team, person = team_of(organisation, request.parameters["teamId"]), _named(organisation, request)
    if person.id not in team.members:
        raise AtlasError("USER_NOT_FOUND", person.id)
    team.members.remove(person.id)
    return Answer(body=org_user(organisation, person))


def _named(organisation: Organisation, request: Request) -> Person:
    body = request.document()
    check_names(body, ("id",))
    identifier = needed(body, "id")
    if _ID.fullmatch(identifier) is None:
        raise AtlasError("INVALID_USER_ID", identifier)
    person = organisation.people.get(identifier)
    if person is None or status_of(organisation, person) not in (ACTIVE, PENDING):
        raise AtlasError("USER_NOT_IN_ORG", identifier, organisation.id)
    return person


def _roles(project: Project, body: dict[str, Any]) -> list[str]:
    if body.get("roleNames") == []:
        raise AtlasError("NO_ROLES_IN_ASSIGNMENT")
    roles = texts(body, "roleNames")
    check_roles(project, roles)
    return roles


def _assigned(project: Project, request: Request) -> str:
    team_id = request.parameters["teamId"]
    if team_id not in project.teams:
        raise AtlasError("TEAM_NOT_IN_GROUP")
    return team_id


def _role(project: Project, team_id: str, request: Request) -> dict[str, Any]:
    return {
        "links": [request.link("groups", project.id, "teams", team_id)],
        "roleNames": list(project.teams[team_id]),
        "teamId": team_id,
    }


ROUTES = (
    Route("GET", _OF_PROJECT, _VERSION, (READ_ONLY, ACCESS_MANAGER), list_project_teams),
    Route("POST", _OF_PROJECT, _VERSION, (ACCESS_MANAGER,), add_project_teams),
    Route("GET", f"{_OF_PROJECT}/{{teamId}}", _VERSION, (READ_ONLY, ACCESS_MANAGER), get_project_team),
    Route("PATCH", f"{_OF_PROJECT}/{{teamId}}", _VERSION, (ACCESS_MANAGER,), change_project_team),
    Route("DELETE", f"{_OF_PROJECT}/{{teamId}}", _VERSION, (ACCESS_MANAGER,), remove_project_team),
    Route("GET", _OF_ORG, _VERSION, (ORG_MEMBER, ORG_READ_ONLY), list_org_teams),
    Route("GET", f"{_OF_ORG}/{{teamId}}/users", VERSION, (ORG_MEMBER, ORG_READ_ONLY), list_team_users, older=OLDER),
    Route("POST", f"{_OF_ORG}/{{teamId}}:addUser", VERSION, (ORG_OWNER,), add_team_user),
    Route("POST", f"{_OF_ORG}/{{teamId}}:removeUser", VERSION, (ORG_OWNER,), remove_team_user),
)
