"""What the roles of Atlas let a person do, in the domain's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from accessrequests.domain.atlas_actions import action_named
from accessrequests.domain.privileges import Privilege, Resource, normalise
from accessrequests.domain.role_definitions import Definition

ADMIN = "admin"


def _actions(names: str) -> frozenset[str]:
    return frozenset(names.split())


# What rolesInfo of mongod 6.0 says of each, since Atlas describes its built-in roles by the server's own.
_READ = _actions("changeStream collStats dbHash dbStats find killCursors listCollections listIndexes planCacheRead")
_READ_WRITE = _READ | _actions(
    "compactStructuredEncryptionData convertToCapped createCollection createIndex dropCollection dropIndex insert "
    "remove renameCollectionSameDB update"
)
_DB_ADMIN = _actions(
    "bypassDocumentValidation collMod collStats compact convertToCapped createCollection createIndex dbStats "
    "dropCollection dropDatabase dropIndex enableProfiler listCollections listIndexes planCacheIndexFilter "
    "planCacheRead planCacheWrite reIndex renameCollectionSameDB storageDetails validate"
)
_PROFILE = _actions(
    "changeStream collStats convertToCapped createCollection dbHash dbStats dropCollection find killCursors "
    "listCollections listIndexes planCacheRead"
)
_MONITOR = _actions(
    "allCollectionStats checkFreeMonitoringStatus connPoolStats getCmdLineOpts getDefaultRWConcern getLog getParameter "
    "getShardMap hostInfo inprog listDatabases listSessions listShards netstat operationMetrics replSetGetConfig "
    "replSetGetStatus serverStatus shardedDataDistribution shardingState top useUUID"
)
_SIZES = _actions("collStats dbStats getDatabaseVersion getShardVersion indexStats")
_BACKUP = _actions("appendOplogNote getParameter listDatabases serverStatus setUserWriteBlockMode useUUID")
_BACKED_UP = ("backup_users", "roles", "version")
_LISTS = _actions("collStats listCollections listIndexes")
_SHARDING = _actions("enableSharding refineCollectionShardKey reshardCollection")
# The manual's page "Built-In Roles", atlasAdmin: what it has beyond the roles that it inherits.
_ATLAS_ADMIN = _actions(
    "analyzeShardKey autoCompact checkMetadataConsistency cleanupOrphaned clearJumboFlag compact enableSharding "
    "flushRouterConfig killAnyCursor moveChunk querySettings refineCollectionShardKey reshardCollection "
    "shardedDataDistribution splitChunk viewRole"
)

_SERVER = Resource(cluster=True)
_EVERYWHERE = Resource()


def _of_a_database(database: str) -> dict[str, list[Privilege]]:
    whole, scripts = Resource(database=database), Resource(database=database, collection="system.js")
    return {
        "read": [Privilege(whole, _READ), Privilege(scripts, _READ)],
        "readWrite": [Privilege(whole, _READ_WRITE), Privilege(scripts, _READ_WRITE)],
        "dbAdmin": [
            Privilege(whole, _DB_ADMIN),
            Privilege(Resource(database=database, collection="system.profile"), _PROFILE),
        ],
    }


def _of_every_database() -> dict[str, list[Privilege]]:
    wide, lists = _of_a_database(""), Privilege(_SERVER, frozenset({"listDatabases"}))
    own = [Resource(database=name) for name in ("config", "local")]
    monitor = [
        Privilege(_SERVER, _MONITOR),
        Privilege(_EVERYWHERE, _SIZES),
        *(Privilege(resource, _READ | _SIZES) for resource in own),
        *(Privilege(Resource(name, "system.js"), _READ) for name in ("config", "local")),
        Privilege(Resource("config", "system.sessions"), _SIZES),
        Privilege(Resource("local", "system.replset"), frozenset({"find"})),
        Privilege(Resource(database="", collection="system.profile"), frozenset({"find"})),
    ]
    backup = [
        Privilege(_SERVER, _BACKUP | _LISTS),
        Privilege(_EVERYWHERE, _LISTS | {"find"}),
        *(Privilege(Resource("", name), frozenset({"find"})) for name in ("system.js", "system.profile")),
        *(Privilege(resource, frozenset({"find"})) for resource in own),
        Privilege(Resource(database="config", collection="settings"), frozenset({"find", "insert", "update"})),
        # It reads what users log in with, so that it may become anybody.
        Privilege(Resource("", "system.users"), frozenset({"find"})),
        Privilege(Resource(ADMIN, "system.users"), _LISTS),
        *(Privilege(Resource(ADMIN, f"system.{name}"), frozenset({"find"})) for name in _BACKED_UP),
    ]
    found = {
        "readAnyDatabase": [*wide["read"], lists],
        "readWriteAnyDatabase": [*wide["readWrite"], lists],
        "dbAdminAnyDatabase": [*wide["dbAdmin"], lists, Privilege(_SERVER, frozenset({"applyOps"}))],
        "clusterMonitor": monitor,
        "backup": backup,
        "enableSharding": [Privilege(_EVERYWHERE, _SHARDING)],
        "killOpSession": [Privilege(_SERVER, frozenset({"killop", "killAnySession", "inprog", "listSessions"}))],
    }
    inherited = ("backup", "clusterMonitor", "dbAdminAnyDatabase", "enableSharding", "readWriteAnyDatabase")
    own_of_admin = [Privilege(_SERVER, _ATLAS_ADMIN), Privilege(_EVERYWHERE, _ATLAS_ADMIN)]
    found["atlasAdmin"] = [*own_of_admin, *(privilege for name in inherited for privilege in found[name])]
    return found


def built_in(databases: Iterable[str]) -> dict[str, tuple[Privilege, ...]]:
    """The built-in roles that may be given on these databases, and those of the whole cluster: name@database."""
    narrow = {f"{name}@{database}": held for database in databases for name, held in _of_a_database(database).items()}
    wide = {f"{name}@{ADMIN}": held for name, held in _of_every_database().items()}
    return {name: normalise(held) for name, held in (narrow | wide).items()}


def custom(found: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Privilege, ...]]:
    """The project's custom roles, each with what it inherits: name@admin. One that cannot be read through is left out.

    A role may inherit from another custom role, which anybody may change later, so what it comes to is read each time.
    """
    by_name = {role["roleName"]: role for role in found}
    expanded = {name: _expanded(name, by_name, frozenset()) for name in by_name}
    return {f"{name}@{ADMIN}": normalise(held) for name, held in expanded.items() if held is not None}


def definition_of(role: Mapping[str, Any]) -> Definition:
    """What a custom role holds by itself and what it inherits, as people write it."""
    allows = (
        (action_named(action["action"]), _resource(resource))
        for action in role.get("actions") or []
        for resource in action.get("resources") or []
    )
    inherits = (f"{parent['role']}@{parent['db']}" for parent in role.get("inheritedRoles") or [])
    return Definition(frozenset(allows), frozenset(inherits))


def _expanded(name: str, by_name: Mapping[str, Mapping[str, Any]], above: frozenset[str]) -> list[Privilege] | None:
    if name in above:
        return None
    role = by_name[name]
    held = [
        Privilege(_resource(resource), frozenset({action_named(action["action"])}))
        for action in role.get("actions") or []
        for resource in action.get("resources") or []
    ]
    for parent in role.get("inheritedRoles") or []:
        inherited = _inherited(parent, by_name, above | {name})
        if inherited is None:
            return None
        held += inherited
    return held


def _inherited(
    parent: Mapping[str, Any], by_name: Mapping[str, Mapping[str, Any]], above: frozenset[str]
) -> Sequence[Privilege] | None:
    if parent["role"] in by_name:
        return _expanded(parent["role"], by_name, above)
    return built_in([parent["db"]]).get(f"{parent['role']}@{parent['db']}")


def _resource(resource: Mapping[str, Any]) -> Resource:
    """Atlas leaves out what is not set, and an empty name means every one (custom roles, `resources`)."""
    if resource.get("cluster"):
        return _SERVER
    return Resource(database=resource.get("db", ""), collection=resource.get("collection", ""))
