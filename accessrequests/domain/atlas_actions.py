"""The actions that a custom role of Atlas can hold, by Atlas's names and the server's, and on what each may be allowed."""

from __future__ import annotations

from collections.abc import Mapping

from accessrequests.domain.privileges import Resource

# Administration API v2, schema DatabasePrivilegeAction; on what each acts, the manual's page "Privilege Actions".
# Those on streams are left out: they act on no database.
_ON_DOCUMENTS = """
    ANALYZE ANALYZE_SHARD_KEY BYPASS_DOCUMENT_VALIDATION CHANGE_STREAM CLEAR_JUMBO_FLAG COLL_MOD COLL_STATS COMPACT
    CONVERT_TO_CAPPED CREATE_COLLECTION CREATE_INDEX CREATE_SEARCH_INDEX DB_HASH DROP_COLLECTION DROP_INDEX
    DROP_SEARCH_INDEX ENABLE_SHARDING FIND INSERT LIST_INDEXES LIST_SEARCH_INDEXES MOVE_CHUNK
    REFINE_COLLECTION_SHARD_KEY REMOVE RESHARD_COLLECTION RE_INDEX SPLIT_CHUNK SQL_GET_SCHEMA SQL_SET_SCHEMA UPDATE
    UPDATE_SEARCH_INDEX VALIDATE
"""
_ON_WHOLE_DATABASES = "DB_STATS DROP_DATABASE ENABLE_PROFILER LIST_COLLECTIONS RENAME_COLLECTION_SAME_DB"
_ON_THE_SERVER = """
    BYPASS_DEFAULT_MAX_TIME_MS BYPASS_USER_WRITE_BLOCK CONN_POOL_STATS FLUSH_ROUTER_CONFIG GET_CMD_LINE_OPTS GET_LOG
    GET_PARAMETER GET_SHARD_MAP HOST_INFO IN_PROG KILL_ANY_SESSION KILL_OP LIST_DATABASES LIST_SESSIONS LIST_SHARDS
    NET_STAT OUT_TO_AZURE OUT_TO_GCS OUT_TO_S3 REPL_SET_GET_CONFIG REPL_SET_GET_STATUS SERVER_STATUS
    SET_USER_WRITE_BLOCK SHARDED_DATA_DISTRIBUTION SHARDING_STATE STORAGE_GET_CONFIG STORAGE_SET_CONFIG TOP USE_UUID
    VIEW_ALL_HISTORY
"""
_ON_SERVER_OR_DOCUMENTS = "CHECK_METADATA_CONSISTENCY KILL_ANY_CURSOR"


# Where the server's name is not the one that Atlas's would become.
_SPELLED = {
    "BYPASS_DEFAULT_MAX_TIME_MS": "bypassDefaultMaxTimeMS",
    "CREATE_SEARCH_INDEX": "createSearchIndexes",
    "IN_PROG": "inprog",
    "KILL_OP": "killop",
    "NET_STAT": "netstat",
    "RENAME_COLLECTION_SAME_DB": "renameCollectionSameDB",
    "SET_USER_WRITE_BLOCK": "setUserWriteBlockMode",
    "BYPASS_USER_WRITE_BLOCK": "bypassWriteBlockingMode",
    "USE_UUID": "useUUID",
}


def action_named(action: str) -> str:
    """The server's name of one of Atlas's actions: LIST_INDEXES is listIndexes."""
    first, *rest = action.lower().split("_")
    return _SPELLED.get(action, first + "".join(part.capitalize() for part in rest))


def _by_server_name(*names: str) -> Mapping[str, str]:
    return {action_named(name): name for group in names for name in group.split()}


_CLUSTER = _by_server_name(_ON_THE_SERVER, _ON_SERVER_OR_DOCUMENTS)
_COLLECTION = _by_server_name(_ON_DOCUMENTS, _ON_SERVER_OR_DOCUMENTS)
_DATABASE = {**_COLLECTION, **_by_server_name(_ON_WHOLE_DATABASES)}


def atlas_action(action: str, resource: Resource) -> str | None:
    """Atlas's name of one of the server's actions, or None where no custom role can allow it on that."""
    if resource.cluster:
        return _CLUSTER.get(action)
    return (_COLLECTION if resource.collection else _DATABASE).get(action)
