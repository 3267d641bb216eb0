"""The organisation and its projects themselves, with what else is only looked at: alerts, rate limits, the system."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from sandbox.atlas.buckets import Buckets, EndpointSet
from sandbox.atlas.dates import stamp
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from sandbox.atlas.routes import ORG_MEMBER, ORG_READ_ONLY, READ_ONLY, Route
from sandbox.atlas.wire import API, Answer, AtlasError, Request, page

_VERSION = "2023-01-01"
_RATE_LIMITS_VERSION = "2025-03-12"
_ALERTS = "/groups/{groupId}/alertConfigs"
_METHODS = ("GET", "POST", "PATCH", "DELETE")
_SCOPES = {"groupId": "GROUP", "orgId": "ORGANIZATION", "userId": "USER", "ipAddress": "IP"}


def get_system(organisation: Organisation, request: Request) -> Answer:
    """That there is an API, and who asks."""
    account = request.account
    identifier = organisation.account_facts.get(account.key, {}).get("id", account.key)
    key = {"id": identifier, "publicKey": account.key, "accessList": [], "roles": []}
    system = {"apiKey": key, "appName": "MongoDB Atlas", "build": "stand-in", "throttling": False}
    return Answer(body={**system, "ipAddress": request.peer, "links": [request.link()]})


def list_projects(organisation: Organisation, request: Request) -> Answer:
    """Those in which the caller has a role."""
    account = request.account
    sees_all = bool({"ORG_OWNER", ORG_READ_ONLY} & {*account.org_roles})
    seen = [each for each in organisation.projects.values() if sees_all or each.id in account.project_roles]
    return Answer(body=page(request, [_project(organisation, each, request) for each in seen]))


def get_project(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=_project(organisation, project, request))


def list_organisations(organisation: Organisation, request: Request) -> Answer:
    name = request.first("name")
    is_asked_for = name is None or organisation.name.startswith(name)
    return Answer(body=page(request, [_organisation(organisation, request)] if is_asked_for else []))


def get_organisation(organisation: Organisation, request: Request) -> Answer:
    return Answer(body=_organisation(organisation, request))


def list_organisations_projects(organisation: Organisation, request: Request) -> Answer:
    name = request.first("name")
    projects = [each for each in organisation.projects.values() if name in (None, each.name)]
    return Answer(body=page(request, [_project(organisation, each, request) for each in projects]))


def list_alerts(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=page(request, [_alert(project, each, request) for each in project.alert_configs]))


def get_alert(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    for each in project.alert_configs:
        if each["id"] == request.parameters["alertConfigId"]:
            return Answer(body=_alert(project, each, request))
    raise AtlasError("RESOURCE_NOT_FOUND", request.parameters["alertConfigId"])


def list_rate_limits(_organisation: Organisation, request: Request) -> Answer:
    """The usual limits, of one scope if the query names somebody whose they are."""
    scopes = {scope for name, scope in _SCOPES.items() if request.first(name) is not None}
    names, paths = request.query.get("name", ()), request.query.get("endpointPath", ())
    found = [
        shown
        for each in Buckets().sets
        if (not scopes or each.scope in scopes) and (not names or each.name in names)
        if (shown := _rate_limit(each)) and (not paths or any(end["path"] in paths for end in shown["endpoints"]))
    ]
    return Answer(body=page(request, found))


def get_rate_limit(_organisation: Organisation, request: Request) -> Answer:
    for each in Buckets().sets:
        if each.name == request.parameters["endpointSetId"]:
            return Answer(body=_rate_limit(each))
    raise AtlasError("RESOURCE_NOT_FOUND", request.parameters["endpointSetId"])


def _project(organisation: Organisation, project: Project, request: Request) -> dict[str, Any]:
    return {
        "clusterCount": len(project.clusters),
        "created": stamp(project.created_at),
        "id": project.id,
        "links": [request.link("groups", project.id)],
        "name": project.name,
        "orgId": organisation.id,
        "tags": [],
        "withDefaultAlertsSettings": True,
    }


def _organisation(organisation: Organisation, request: Request) -> dict[str, Any]:
    return {
        "id": organisation.id,
        "isDeleted": False,
        "links": [request.link("orgs", organisation.id)],
        "name": organisation.name,
        "skipDefaultAlertsSettings": False,
    }


def _alert(project: Project, alert: dict[str, Any], request: Request) -> dict[str, Any]:
    return {**alert, "groupId": project.id, "links": [request.link("groups", project.id, "alertConfigs", alert["id"])]}


def _rate_limit(endpoints: EndpointSet) -> dict[str, Any]:
    return {
        "capacity": {"defaultValue": endpoints.capacity, "value": endpoints.capacity},
        "endpointSetId": endpoints.name,
        "endpointSetName": endpoints.name,
        "endpoints": [{"method": method, "path": path} for path in _paths(endpoints.pattern) for method in _METHODS],
        "refillDurationSeconds": {"defaultValue": endpoints.seconds, "value": endpoints.seconds},
        "refillRate": {"defaultValue": endpoints.refill, "value": endpoints.refill},
        "scope": endpoints.scope,
    }


def _paths(pattern: re.Pattern[str]) -> Iterable[str]:
    """The root of what the pattern takes, in Atlas's spelling."""
    yield API + re.sub(r"\\(.)", r"\1", pattern.pattern).removesuffix(".*")


ROUTES = (
    Route("GET", "/", _VERSION, (), get_system),
    Route("GET", "/groups", _VERSION, (), list_projects),
    Route("GET", "/groups/{groupId}", _VERSION, (READ_ONLY,), get_project),
    Route("GET", "/orgs", _VERSION, (), list_organisations),
    Route("GET", "/orgs/{orgId}", _VERSION, (ORG_MEMBER, ORG_READ_ONLY), get_organisation),
    Route("GET", "/orgs/{orgId}/groups", _VERSION, (ORG_MEMBER, ORG_READ_ONLY), list_organisations_projects),
    Route("GET", _ALERTS, _VERSION, (READ_ONLY,), list_alerts),
    Route("GET", f"{_ALERTS}/{{alertConfigId}}", _VERSION, (READ_ONLY,), get_alert),
    Route("GET", "/rateLimits", _RATE_LIMITS_VERSION, (), list_rate_limits),
    Route("GET", "/rateLimits/{endpointSetId}", _RATE_LIMITS_VERSION, (), get_rate_limit),
)
