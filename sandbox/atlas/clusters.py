"""The clusters of a project: how to reach them, and whether they have what was changed last."""

from __future__ import annotations

from typing import Any

from sandbox.atlas.dates import stamp
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Cluster, Project
from sandbox.atlas.routes import READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, page

_VERSION = "2024-08-05"
_OLDER = ("2023-01-01", "2023-02-01")
_CLUSTERS = "/groups/{groupId}/clusters"
_CLUSTER = f"{_CLUSTERS}/{{clusterName}}"
_DISK_GIGABYTES = 10.0


def list_clusters(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=page(request, [_shown(project, each, request) for each in project.clusters.values()]))


def get_cluster(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=_shown(project, found(project, request), request))


def get_status(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    cluster = found(project, request)
    return Answer(
        body={
            "changeStatus": "APPLIED" if cluster.is_applied else "PENDING",
            "links": [request.link("groups", project.id, "clusters", cluster.name, "status")],
        }
    )


def list_processes(organisation: Organisation, request: Request) -> Answer:
    """Each mongod that serves, so those of clusters that are not paused."""
    project = organisation.project(request.parameters["groupId"])
    processes = [
        _process(project, cluster, host, request)
        for cluster in project.clusters.values()
        if not cluster.paused
        for host in cluster.hosts
    ]
    return Answer(body=page(request, processes))


def found(project: Project, request: Request) -> Cluster:
    """:raises AtlasError: the project has no such cluster."""
    name = request.parameters["clusterName"]
    if name not in project.clusters:
        raise AtlasError("CLUSTER_NOT_FOUND", name, project.id)
    return project.clusters[name]


def _shown(project: Project, cluster: Cluster, request: Request) -> dict[str, Any]:
    shown = {
        "backupEnabled": True,
        "clusterType": "REPLICASET",
        "connectionStrings": {} if cluster.paused else {"standard": cluster.standard},
        "createDate": stamp(cluster.created_at),
        "encryptionAtRestProvider": "NONE",
        "featureCompatibilityVersion": cluster.version.rpartition(".")[0],
        "groupId": project.id,
        "id": cluster.id,
        "labels": [],
        "links": [request.link("groups", project.id, "clusters", cluster.name)],
        "mongoDBMajorVersion": cluster.version.rpartition(".")[0],
        "mongoDBVersion": cluster.version,
        "name": cluster.name,
        "paused": cluster.paused,
        "pitEnabled": False,
        "rootCertType": "ISRGROOTX1",
        "stateName": "IDLE",
        "tags": [],
        "terminationProtectionEnabled": True,
        "versionReleaseSystem": "LTS",
    }
    specification = _specification(cluster)
    if request.version == _VERSION:
        return {**shown, "replicationSpecs": [specification]}
    shown |= {"diskSizeGB": _DISK_GIGABYTES, "replicationSpecs": [{**specification, "numShards": 1}]}
    if request.version == _OLDER[-1]:
        return shown
    return {**shown, "mongoURI": cluster.standard, "numShards": 1, "replicationFactor": 3}


def _specification(cluster: Cluster) -> dict[str, Any]:
    region = {
        "electableSpecs": {
            "diskSizeGB": _DISK_GIGABYTES,
            "ebsVolumeType": "STANDARD",
            "instanceSize": cluster.instance_size,
            "nodeCount": 3,
        },
        "priority": 7,
        "providerName": "AWS",
        "regionName": cluster.region,
    }
    return {"id": cluster.id, "regionConfigs": [region], "zoneId": cluster.id, "zoneName": "Zone 1"}


def _process(project: Project, cluster: Cluster, host: str, request: Request) -> dict[str, Any]:
    hostname, _, port = host.rpartition(":")
    return {
        "created": stamp(cluster.created_at),
        "groupId": project.id,
        "hostname": hostname,
        "id": host,
        "links": [request.link("groups", project.id, "processes", host)],
        "port": int(port),
        "replicaSetName": cluster.replica_set,
        "typeName": "REPLICA_PRIMARY",
        "userAlias": f"{cluster.name.lower()}-shard-00-00",
        "version": cluster.version,
    }


ROUTES = (
    Route("GET", _CLUSTERS, _VERSION, (READ_ONLY,), list_clusters, older=_OLDER),
    Route("GET", _CLUSTER, _VERSION, (READ_ONLY,), get_cluster, older=_OLDER),
    Route("GET", f"{_CLUSTER}/status", "2023-01-01", (READ_ONLY,), get_status),
    Route("GET", "/groups/{groupId}/processes", "2023-01-01", (READ_ONLY,), list_processes),
)
