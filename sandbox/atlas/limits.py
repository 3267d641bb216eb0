"""How many users, custom roles and entries a project can have, and has."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from sandbox.atlas.routes import READ_ONLY, Route
from sandbox.atlas.settings import Settings
from sandbox.atlas.wire import Answer, AtlasError, Request

DATABASE_USERS = "atlas.project.security.databaseAccess.users"
CUSTOM_ROLES = "atlas.project.security.databaseAccess.customRoles"
ENTRIES = "atlas.project.security.networkAccess.entries"
_CROSS_REGION = "atlas.project.security.networkAccess.crossRegionEntries"
_CLUSTERS = "atlas.project.deployment.clusters"
_LIMITS = "/groups/{groupId}/limits"


@dataclass(frozen=True, slots=True)
class _Limit:
    usual: Callable[[Settings], int]
    most: int  # What Atlas raises it to when asked.
    used: Callable[[Project], int]


_KNOWN: Mapping[str, _Limit] = {
    _CLUSTERS: _Limit(lambda _: 25, 100, lambda project: len(project.clusters)),
    CUSTOM_ROLES: _Limit(lambda settings: settings.custom_role_limit, 1400, lambda project: len(project.custom_roles)),
    DATABASE_USERS: _Limit(lambda settings: settings.user_limit, 100, lambda project: len(project.database_users)),
    _CROSS_REGION: _Limit(lambda _: 40, 220, lambda _: 0),
    ENTRIES: _Limit(lambda settings: settings.access_list_limit, 200, lambda project: len(project.access_list)),
}


def limit_of(organisation: Organisation, project: Project, name: str) -> int:
    """The project's own limit, or else the usual one."""
    return project.limits.get(name, _KNOWN[name].usual(organisation.settings))


def list_limits(organisation: Organisation, request: Request) -> Answer:
    """A bare array."""
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=[_shown(organisation, project, name) for name in _KNOWN])


def get_limit(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    name = request.parameters["limitName"]
    if name not in _KNOWN:
        raise AtlasError("RESOURCE_NOT_FOUND", name)
    return Answer(body=_shown(organisation, project, name))


def _shown(organisation: Organisation, project: Project, name: str) -> dict[str, Any]:
    limit, value = _KNOWN[name], limit_of(organisation, project, name)
    return {
        "currentUsage": limit.used(project),
        "defaultLimit": limit.usual(organisation.settings),
        "maximumLimit": max(limit.most, value),
        "name": name,
        "value": value,
    }


ROUTES = (
    Route("GET", _LIMITS, "2023-01-01", (READ_ONLY,), list_limits),
    Route("GET", f"{_LIMITS}/{{limitName}}", "2023-01-01", (READ_ONLY,), get_limit),
)
