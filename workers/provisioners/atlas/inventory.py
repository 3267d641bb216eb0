"""What an Atlas project offers: its clusters, roles and limits, with the databases that the worker's record names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import uri_parser

from workers.provisioners.atlas import roles
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.users import AtlasUser
from workers.provisioners.base import InventorySnapshot
from workers.provisioners.connection_record import AtlasRecord

_UNKNOWN_SIZE: Mapping[str, int] = {}  # and not 0, which would be told as a size
# Names as the limits endpoint of a project has them.
LIMITS = {
    "database_users": "atlas.project.security.databaseAccess.users",
    "custom_roles": "atlas.project.security.databaseAccess.customRoles",
    "access_list": "atlas.project.security.networkAccess.entries",
}
_OPTIONS = frozenset({"replicaSet", "directConnection", "loadBalanced"})


def read(project: AtlasProject, *, record: AtlasRecord) -> InventorySnapshot:
    """One look at the project; its lists, and the limits."""
    custom_roles, users = project.roles(), [AtlasUser(each) for each in project.users()]
    theirs = [user for user in users if not (user.is_labelled or user.is_labelled_kit)]
    used = {
        "database_users": len(users),
        "custom_roles": len(custom_roles),
        "access_list": sum(1 for _ in project.entries()),
    }
    limits = {limit["name"]: int(limit["value"]) for limit in project.limits()}
    return InventorySnapshot(
        roles=roles.built_in(record.databases) | roles.custom(custom_roles),
        databases={
            database: dict.fromkeys(collections, _UNKNOWN_SIZE) for database, collections in record.databases.items()
        },
        clusters={cluster["name"]: _connection(cluster) for cluster in project.clusters()},
        quotas={
            name: {"limit": limits[limit], "used": used[name]} for name, limit in LIMITS.items() if limit in limits
        },
        users={user.at: user.role_names for user in theirs}
        | {member["username"]: sorted(member["roles"]) for member in project.members()},
        reach={user.at: sorted(user.cluster_names) for user in theirs},
        custom_roles={role["roleName"]: roles.definition_of(role) for role in custom_roles},
    )


def _connection(cluster: Mapping[str, Any]) -> dict[str, Any]:
    """How people reach it. A cluster that is still being made has no address yet."""
    address = (cluster.get("connectionStrings") or {}).get("standard") or ""
    found: dict[str, Any] = {"hosts": [], "options": {}, "paused": bool(cluster.get("paused")), "tls": True}
    if not address:
        return found
    parsed = uri_parser.parse_uri(address, validate=False, warn=False, normalize=False)
    options = dict(parsed["options"])
    found["hosts"] = [f"{host}:{port}" for host, port in parsed["nodelist"]]
    found["options"] = {name: _text(value) for name, value in options.items() if name in _OPTIONS}
    found["tls"] = options.get("tls", options.get("ssl", "false")) in {True, "true"}
    return found


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
