"""The actions of custom roles that a mongod 6.0 knows, under its own names; it refuses a role with any other."""

from __future__ import annotations

from collections.abc import Mapping

_SAID_OTHERWISE = {
    "BYPASS_USER_WRITE_BLOCK": "bypassWriteBlockingMode",
    "IN_PROG": "inprog",
    "KILL_OP": "killop",
    "NET_STAT": "netstat",
    "RENAME_COLLECTION_SAME_DB": "renameCollectionSameDB",
    "SET_USER_WRITE_BLOCK": "setUserWriteBlockMode",
    "USE_UUID": "useUUID",
}
_SAME_WORDS = (
    *("BYPASS_DOCUMENT_VALIDATION", "CHANGE_STREAM", "CLEAR_JUMBO_FLAG", "COLL_MOD", "COLL_STATS", "COMPACT"),
    *("CONN_POOL_STATS", "CONVERT_TO_CAPPED", "CREATE_COLLECTION", "CREATE_INDEX", "DB_HASH", "DB_STATS"),
    *("DROP_COLLECTION", "DROP_DATABASE", "DROP_INDEX", "ENABLE_PROFILER", "ENABLE_SHARDING", "FIND"),
    *("FLUSH_ROUTER_CONFIG", "GET_CMD_LINE_OPTS", "GET_LOG", "GET_PARAMETER", "GET_SHARD_MAP", "HOST_INFO", "INSERT"),
    *("KILL_ANY_CURSOR", "KILL_ANY_SESSION", "LIST_COLLECTIONS", "LIST_DATABASES", "LIST_INDEXES", "LIST_SESSIONS"),
    *("LIST_SHARDS", "MOVE_CHUNK", "REFINE_COLLECTION_SHARD_KEY", "REMOVE", "REPL_SET_GET_CONFIG"),
    *("REPL_SET_GET_STATUS", "RESHARD_COLLECTION", "RE_INDEX", "SERVER_STATUS", "SHARDED_DATA_DISTRIBUTION"),
    *("SHARDING_STATE", "SPLIT_CHUNK", "TOP", "UPDATE", "VALIDATE"),
)


def _camel_case(words: str) -> str:
    first, *others = words.lower().split("_")
    return first + "".join(word.capitalize() for word in others)


ACTIONS: Mapping[str, str] = {**{name: _camel_case(name) for name in _SAME_WORDS}, **_SAID_OTHERWISE}
