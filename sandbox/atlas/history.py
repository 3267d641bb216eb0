"""Database access history: who tried to log in to a cluster, out of its mongod's own log."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from sandbox.atlas.logins import Login, LoginLog
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Cluster, Project
from sandbox.atlas.routes import DATABASE_ACCESS, LOG_VIEWER, Route
from sandbox.atlas.wire import Answer, AtlasError, Request

_VERSION = "2023-01-01"
_HISTORY = "/groups/{groupId}/dbAccessHistory"
_MOST_LINES = 20_000
_EARLIEST = 1_199_145_600_000  # Milliseconds; the first of 2008, as the documents have it.
_LATEST = 10**14
_OURS = ("mms-", "__system")  # Users of Atlas itself.


@cache
def _log(path: str) -> LoginLog:
    return LoginLog(Path(path))


def of_cluster(organisation: Organisation, request: Request) -> Answer:
    project, name = organisation.project(request.parameters["groupId"]), request.parameters["clusterName"]
    if name not in project.clusters:
        raise AtlasError("CLUSTER_NOT_FOUND", name, project.id)
    return _answer(project, [project.clusters[name]], request)


def of_process(organisation: Organisation, request: Request) -> Answer:
    """By the host's name, with its port or without; without it may stand for several processes."""
    project, name = organisation.project(request.parameters["groupId"]), request.parameters["hostname"]
    clusters = [
        cluster
        for cluster in project.clusters.values()
        if any(name in (host, host.rpartition(":")[0]) for host in cluster.hosts)
    ]
    if not clusters:
        raise AtlasError("RESOURCE_NOT_FOUND", name)
    return _answer(project, clusters, request)


def _answer(project: Project, clusters: list[Cluster], request: Request) -> Answer:
    """Newest first."""
    start, end = _span(request)
    most = request.number("nLogs", _MOST_LINES, least=0, most=_MOST_LINES)
    result = request.flag("authResult", default=True) if request.first("authResult") is not None else None
    address = request.first("ipAddress")
    found = [
        (login, cluster)
        for cluster in clusters
        if cluster.log_path
        for login in _log(cluster.log_path).logins()
        if not login.username.startswith(_OURS)
        and (start is None or login.at >= start)
        and (end is None or login.at <= end)
        and (result is None or (not login.failure) is result)
        and (address is None or login.address == address)
    ]
    found.sort(key=lambda each: each[0].at, reverse=True)
    return Answer(body={"accessLogs": [_shown(project, cluster, login) for login, cluster in found[:most]]})


def _span(request: Request) -> tuple[datetime | None, datetime | None]:
    """:raises AtlasError: one of the two without the other, or no moments."""
    if (request.first("start") is None) is not (request.first("end") is None):
        raise AtlasError("INVALID_QUERY_PARAMETER", "start" if request.first("start") is None else "end")
    if request.first("start") is None:
        return None, None
    start, end = (request.number(name, 0, least=_EARLIEST, most=_LATEST) for name in ("start", "end"))
    return datetime.fromtimestamp(start / 1000, tz=UTC), datetime.fromtimestamp(end / 1000, tz=UTC)


def _shown(project: Project, cluster: Cluster, login: Login) -> dict[str, Any]:
    return {
        "authResult": not login.failure,
        "authSource": login.database,
        "failureReason": login.failure or None,
        "groupId": project.id,
        "hostname": cluster.hosts[0].rpartition(":")[0],
        "ipAddress": login.address,
        "logLine": login.line,
        "timestamp": f"{login.at:%Y-%m-%dT%H:%M:%S}.{login.at.microsecond // 1000:03}Z",
        "username": login.username,
    }


ROUTES = (
    Route("GET", f"{_HISTORY}/clusters/{{clusterName}}", _VERSION, (LOG_VIEWER, DATABASE_ACCESS), of_cluster),
    Route("GET", f"{_HISTORY}/processes/{{hostname}}", _VERSION, (LOG_VIEWER, DATABASE_ACCESS), of_process),
)
