"""Which roles a database user can have on which database, and which actions a custom role takes on which resources.

Facts of the Atlas manual ("Database User Privileges", "Custom Role Actions") and of the MongoDB manual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

# Built-in roles that exist on `admin` only, and those that are given on any database.
ON_ADMIN = frozenset(
    {
        *("atlasAdmin", "autoCompact", "backup", "clusterMonitor", "dbAdminAnyDatabase", "enableSharding"),
        *("killOpSession", "manageShardBalancer", "readAnyDatabase", "readWriteAnyDatabase"),
    }
)
ANYWHERE = frozenset({"dbAdmin", "read", "readWrite"})
NARROWABLE = frozenset({"read", "readWrite"})  # Only they can be given on one collection.
BUILT_IN = ON_ADMIN | ANYWHERE
# A mongod's own roles, which Atlas gives to nobody and after which no custom role can be named.
SERVERS_OWN = frozenset(
    {
        *("__queryableBackup", "__system", "clusterAdmin", "clusterManager", "dbOwner", "hostManager", "restore"),
        *("root", "userAdmin", "userAdminAnyDatabase"),
    }
)
RESERVED = BUILT_IN | SERVERS_OWN
SYSTEM_DATABASES = frozenset({"admin", "config", "local"})

_DATABASE = re.compile(r'[^/\\. "$*<>:|?\0]{1,63}')
_COLLECTION = re.compile(r"(?!system\.)[^$\0]{1,255}")

CLUSTER, DATABASE, COLLECTION = "cluster", "database", "collection"
_BOTH = frozenset({DATABASE, COLLECTION})
_FORMS: tuple[tuple[frozenset[str], tuple[str, ...]], ...] = (
    (
        _BOTH,
        (
            *("FIND", "INSERT", "REMOVE", "UPDATE", "BYPASS_DOCUMENT_VALIDATION", "CREATE_COLLECTION", "CREATE_INDEX"),
            *("DROP_COLLECTION", "ANALYZE", "CHANGE_STREAM", "COLL_MOD", "COMPACT", "CONVERT_TO_CAPPED", "DROP_INDEX"),
            *("RE_INDEX", "COLL_STATS", "DB_HASH", "LIST_INDEXES", "VALIDATE", "SQL_GET_SCHEMA", "SQL_SET_SCHEMA"),
            *("ENABLE_SHARDING", "MOVE_CHUNK", "SPLIT_CHUNK", "ANALYZE_SHARD_KEY", "REFINE_COLLECTION_SHARD_KEY"),
            *("CLEAR_JUMBO_FLAG", "RESHARD_COLLECTION", "CREATE_SEARCH_INDEX", "DROP_SEARCH_INDEX"),
            *("LIST_SEARCH_INDEXES", "UPDATE_SEARCH_INDEX"),
        ),
    ),
    (
        frozenset({DATABASE}),
        ("ENABLE_PROFILER", "DROP_DATABASE", "RENAME_COLLECTION_SAME_DB", "DB_STATS", "LIST_COLLECTIONS"),
    ),
    (frozenset({CLUSTER, *_BOTH}), ("KILL_ANY_CURSOR", "CHECK_METADATA_CONSISTENCY")),
    (
        frozenset({CLUSTER}),
        (
            *("USE_UUID", "KILL_OP", "BYPASS_DEFAULT_MAX_TIME_MS", "SET_USER_WRITE_BLOCK", "BYPASS_USER_WRITE_BLOCK"),
            *("LIST_SESSIONS", "KILL_ANY_SESSION", "CONN_POOL_STATS", "GET_CMD_LINE_OPTS", "GET_LOG", "GET_PARAMETER"),
            *("GET_SHARD_MAP", "HOST_INFO", "IN_PROG", "LIST_DATABASES", "LIST_SHARDS", "NET_STAT", "SERVER_STATUS"),
            *("REPL_SET_GET_CONFIG", "REPL_SET_GET_STATUS", "SHARDING_STATE", "TOP", "FLUSH_ROUTER_CONFIG"),
            "SHARDED_DATA_DISTRIBUTION",
        ),
    ),
    (  # No source says on what these act: either form is taken.
        frozenset({CLUSTER, *_BOTH}),
        (
            *("VIEW_ALL_HISTORY", "OUT_TO_S3", "OUT_TO_AZURE", "OUT_TO_GCS", "STORAGE_GET_CONFIG"),
            *("STORAGE_SET_CONFIG", "GET_STREAM_PROCESSOR", "CREATE_STREAM_PROCESSOR", "PROCESS_STREAM_PROCESSOR"),
            *("MODIFY_STREAM_PROCESSOR", "START_STREAM_PROCESSOR", "STOP_STREAM_PROCESSOR", "DROP_STREAM_PROCESSOR"),
            *("SAMPLE_STREAM_PROCESSOR", "LIST_STREAM_PROCESSORS", "LIST_CONNECTIONS", "STREAM_PROCESSOR_STATS"),
        ),
    ),
)
ACTION_FORMS: Mapping[str, frozenset[str]] = {action: forms for forms, actions in _FORMS for action in actions}


def is_database(name: str) -> bool:
    return _DATABASE.fullmatch(name) is not None


def is_collection(name: str) -> bool:
    return _COLLECTION.fullmatch(name) is not None
