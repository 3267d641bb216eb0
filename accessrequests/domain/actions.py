"""What each MongoDB action may do, sorted by how much trust it needs."""

from __future__ import annotations

from collections.abc import Mapping

# Names as the MongoDB manual lists them on its page "Privilege Actions", and as rolesInfo of mongod 6.0 gives them for
# the built-in roles. An action in none of these sets is treated as admin: unknown is never harmless.

READ_ACTIONS = frozenset(
    {
        "changeStream",
        "collStats",
        "dbHash",
        "dbStats",
        "find",
        "indexStats",
        "killCursors",
        "listCollections",
        "listDatabases",
        "listIndexes",
        "listSearchIndexes",
        "planCacheRead",
    }
)

WRITE_ACTIONS = frozenset(
    {
        "cleanupStructuredEncryptionData",
        "compactStructuredEncryptionData",
        "convertToCapped",
        "createCollection",
        "createIndex",
        "createSearchIndexes",
        "dropCollection",
        "dropIndex",
        "dropSearchIndex",
        "insert",
        "remove",
        "renameCollectionSameDB",
        "update",
        "updateSearchIndex",
    }
)

# Whoever holds one of these can give access to others, to themselves again, or under another name. Changing one's own
# custom data counts: our tag lives there. applyOps writes to any collection, the one that holds the users included.
DELEGATING_ACTIONS = frozenset(
    {
        "anyAction",
        "applyOps",
        "authSchemaUpgrade",
        "changeCustomData",
        "changeOwnCustomData",
        "changeOwnPassword",
        "changePassword",
        "createRole",
        "createUser",
        "dropAllRolesFromDatabase",
        "dropAllUsersFromDatabase",
        "dropRole",
        "dropUser",
        "grantPrivilegesToRole",
        "grantRole",
        "grantRolesToRole",
        "grantRolesToUser",
        "impersonate",
        "internal",
        "revokePrivilegesFromRole",
        "revokeRole",
        "revokeRolesFromRole",
        "revokeRolesFromUser",
        "runAsLessPrivilegedUser",
        "setAuthenticationRestriction",
        "updateRole",
        "updateUser",
        "useTenant",
    }
)

# What still means something on one single collection. Actions that need the database (listCollections, dbStats,
# renameCollectionSameDB, dropDatabase, enableProfiler, everything about users and roles) are not among them.
COLLECTION_ACTIONS = frozenset(
    {
        "analyze",
        "bypassDocumentValidation",
        "changeStream",
        "cleanupStructuredEncryptionData",
        "collMod",
        "collStats",
        "compact",
        "compactStructuredEncryptionData",
        "convertToCapped",
        "createCollection",
        "createIndex",
        "createSearchIndexes",
        "dropCollection",
        "dropIndex",
        "dropSearchIndex",
        "find",
        "indexStats",
        "insert",
        "killAnyCursor",
        "killCursors",
        "listIndexes",
        "listSearchIndexes",
        "planCacheIndexFilter",
        "planCacheRead",
        "planCacheWrite",
        "reIndex",
        "remove",
        "storageDetails",
        "update",
        "updateSearchIndex",
        "validate",
    }
)

# Enough to put a view of any collection in the place of the one that was granted. mongod 6.0.5 asks for `find` on what
# is shown only of those who could read the view themselves; anybody else makes it for a second account of theirs.
VIEW_MAKING_ACTIONS = frozenset({"collMod", "createCollection"})

# The server keeps users, roles, settings and the oplog (a copy of all data) here.
SERVER_DATABASES = frozenset({"admin", "config", "local"})
SERVER_DATABASE_PREFIX = "__mdb_internal_"

# System collections that the built-in roles read and readWrite include, or that only hold ordinary data in another
# form. Every other one (the profiler's records of other people's queries, users, roles) needs admin.
ORDINARY_SYSTEM_COLLECTIONS = frozenset({"system.indexes", "system.js", "system.namespaces"})
ORDINARY_SYSTEM_PREFIX = "system.buckets."

# They look and change nothing. Some need more trust than reading does, for what they cost or show.
LOOKING_ACTIONS = READ_ACTIONS | {"dbCheck", "exportCollection", "storageDetails", "validate"}

# To change something here is to make or change users and roles without asking the server's own commands.
PRINCIPAL_COLLECTIONS = frozenset({"system.backup_users", "system.new_users", "system.roles", "system.users"})

# Where what every user logs in with can be read. Whoever breaks a hash is that user, so reading is as good as making one.
# The log in `local` holds every change of every collection, these included.
CREDENTIAL_COLLECTIONS = PRINCIPAL_COLLECTIONS - {"system.roles"}
LOG_DATABASE, LOG_PREFIX = "local", "oplog."
CONTENT_ACTIONS = frozenset({"find", "changeStream"})

# How actions are said to people: verbs that share one sentence, and what stands between them and the place.
DEEDS: tuple[tuple[Mapping[str, str], str], ...] = (
    ({"find": "read"}, "documents in"),
    ({"changeStream": "follow"}, "changes as they happen in"),
    (
        dict.fromkeys(sorted(READ_ACTIONS - {"find", "changeStream"}), "see"),
        "names, sizes and indexes in",
    ),
    ({"insert": "insert", "update": "update", "remove": "delete"}, "documents in"),
    (
        {
            "createIndex": "make",
            "createSearchIndexes": "make",
            "updateSearchIndex": "change",
            "dropIndex": "drop",
            "dropSearchIndex": "drop",
        },
        "indexes in",
    ),
    (
        {"compactStructuredEncryptionData": "tidy", "cleanupStructuredEncryptionData": "tidy"},
        "what encrypted fields need in",
    ),
    ({"bypassDocumentValidation": "write"}, "documents that break the rules of"),
    ({"collMod": "change"}, "options and rules of"),
    ({"validate": "check", "compact": "compact", "reIndex": "rebuild"}, "what is stored of"),
    (
        {
            "createCollection": "make",
            "renameCollectionSameDB": "rename",
            "convertToCapped": "cap",
            "dropCollection": "drop",
        },
        "",
    ),
)
# What can be asked for by itself, in plain words, by what it is about. Every other action comes with a role only.
SINGLE_ACTIONS: Mapping[str, Mapping[str, str]] = {
    "Read": {
        "find": "read documents, count them, work with what is in them",
        "changeStream": "follow changes as they happen",
        "listIndexes": "see which indexes there are",
        "collStats": "see how much there is",
        "listSearchIndexes": "see which search indexes there are",
    },
    "Change documents": {
        "insert": "add documents",
        "update": "change documents",
        "remove": "delete documents",
        "bypassDocumentValidation": "write documents that break the rules of the collection",
    },
    "Indexes": {
        "createIndex": "make indexes",
        "dropIndex": "drop indexes",
        "createSearchIndexes": "make search indexes",
        "updateSearchIndex": "change search indexes",
        "dropSearchIndex": "drop search indexes",
    },
    "The collection itself": {
        "createCollection": "make the collection, or a view in its place",
        "collMod": "change its options and rules",
        "convertToCapped": "cap its size",
        "dropCollection": "drop it with all that is in it",
        "validate": "check that what is stored is sound",
        "compact": "give back space that it no longer needs",
        "reIndex": "build its indexes again",
    },
    "A whole database": {
        "listCollections": "see which collections there are",
        "dbStats": "see how much there is in all",
        "renameCollectionSameDB": "rename collections",
        "enableProfiler": "record slow operations",
        "dropDatabase": "drop the database with all that is in it",
    },
}
# Only Atlas has search indexes ("Atlas Search"); a server of one's own may not even know the names.
SEARCH_ACTIONS = frozenset({"createSearchIndexes", "dropSearchIndex", "listSearchIndexes", "updateSearchIndex"})

# Those that speak of collections as a whole, not of what is in them.
WHOLE_DEEDS = frozenset({9})
