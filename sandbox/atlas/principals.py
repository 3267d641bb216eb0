"""What a mongod has to hold for the users, custom roles and access list of a project, in the mongod's own words.

A community mongod speaks SCRAM and X.509. Users of AWS IAM, LDAP and OIDC therefore exist in the stand-in only: they are
listed, changed and deleted like all others, and nobody can log in as one.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.atlas.actions import ACTIONS

Document = dict[str, Any]

EXTERNAL = "$external"
_NOT_ON_A_MONGOD = ("awsIAMType", "ldapAuthType", "oidcAuthType")

# Roles of Atlas that a mongod does not have. Manual of Atlas, "Database User Privileges"; actions of newer servers are
# left out, since a mongod refuses what it does not know.
_ANYWHERE = {"db": "", "collection": ""}
_ATLAS_ROLES: Mapping[str, tuple[tuple[Document, ...], tuple[str, ...]]] = {
    "atlasAdmin": (
        (
            {
                "resource": _ANYWHERE,
                "actions": [
                    *("clearJumboFlag", "compact", "enableSharding", "killAnyCursor", "moveChunk"),
                    *("refineCollectionShardKey", "reshardCollection", "splitChunk", "viewRole"),
                ],
            },
            {"resource": {"cluster": True}, "actions": ["cleanupOrphaned", "flushRouterConfig", "killAnyCursor"]},
            {"resource": {"db": "config", "collection": "settings"}, "actions": ["update"]},
        ),
        ("backup", "clusterMonitor", "dbAdminAnyDatabase", "enableSharding", "readWriteAnyDatabase"),
    ),
    "killOpSession": (
        ({"resource": {"cluster": True}, "actions": ["inprog", "killAnySession", "killop", "listSessions"]},),
        (),
    ),
}
# Every other built-in role of a mongod: a custom role of Atlas may be named so, a mongod's own cannot.
_MONGODS_OWN = frozenset(
    {
        *("__queryableBackup", "__system", "clusterAdmin", "clusterManager", "dbOwner", "directShardOperations"),
        *("hostManager", "restore", "root", "userAdmin", "userAdminAnyDatabase"),
    }
)

Privileges = frozenset[tuple[tuple[tuple[str, Any], ...], frozenset[str]]]
Roles = frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Role:
    """A role on `admin`, which is where a role may speak of every database."""

    privileges: Privileges
    roles: Roles


@dataclass(frozen=True, slots=True)
class User:
    roles: Roles
    sources: tuple[str, ...]  # From where it may log in. From nowhere, if there is none.
    password: str | None = field(repr=False)  # None: by certificate.

    @property
    def mark(self) -> str:
        """Changes when anything but the password does; kept on the mongod to see what it has already."""
        return hashlib.sha256(json.dumps([sorted(self.roles), self.sources]).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Principals:
    """Roles by name; users by database and name."""

    roles: Mapping[str, Role]
    users: Mapping[tuple[str, str], User]


def principals_on(
    cluster: str,
    *,
    users: Iterable[Document],
    custom_roles: Iterable[Document],
    sources: Iterable[str],
    passwords: Mapping[tuple[str, str], str],
) -> Principals:
    """What one cluster's mongod has to hold. `sources`: the addresses and blocks from which it is open."""
    roles = {_name_on_mongod(document["roleName"]): _custom_role(document) for document in custom_roles}
    for name, (privileges, inherited) in _ATLAS_ROLES.items():
        roles[name] = Role(normalised(privileges), frozenset((each, "admin") for each in inherited))
    allowed = tuple(sorted(set(sources)))
    made: dict[tuple[str, str], User] = {}
    for document in users:
        if not is_on(document, cluster) or not is_known_to_a_mongod(document):
            continue
        for granted in document["roles"]:
            if granted.get("collectionName"):
                roles[_granted(granted)[0]] = _narrowed(granted)
        key = (document["databaseName"], document["username"])
        made[document["databaseName"], mongod_name(document)] = User(
            roles=frozenset(_granted(each) for each in document["roles"]),
            sources=allowed,
            password=passwords[key] if document.get("x509Type", "NONE") == "NONE" else None,
        )
    return Principals(roles=roles, users=made)


def is_on(user: Document, cluster: str) -> bool:
    """Whether a user is in the scope of a cluster; one without scopes is on every cluster."""
    scopes = user.get("scopes") or []
    return not scopes or any(scope["type"] == "CLUSTER" and scope["name"] == cluster for scope in scopes)


def is_known_to_a_mongod(user: Document) -> bool:
    return all(user.get(name, "NONE") == "NONE" for name in _NOT_ON_A_MONGOD)


def mongod_name(user: Document) -> str:
    """A certificate's subject, for X.509; Atlas takes the bare name of a managed user too."""
    name: str = user["username"]
    is_bare = user.get("x509Type") == "MANAGED" and not name.upper().startswith("CN=")
    return f"CN={name}" if is_bare else name


def normalised(privileges: Iterable[Mapping[str, Any]]) -> Privileges:
    """Privileges as a mongod shows them, one for each resource, to be compared."""
    actions: dict[tuple[tuple[str, Any], ...], set[str]] = defaultdict(set)
    for privilege in privileges:
        actions[tuple(sorted(privilege["resource"].items()))] |= set(privilege["actions"])
    return frozenset((resource, frozenset(found)) for resource, found in actions.items())


def spelt(privileges: Privileges) -> list[Document]:
    return [{"resource": dict(resource), "actions": sorted(actions)} for resource, actions in privileges]


def _custom_role(document: Document) -> Role:
    privileges = [
        {"resource": _resource(resource), "actions": [ACTIONS[each["action"]]]}
        for each in document.get("actions") or []
        if each["action"] in ACTIONS
        for resource in each.get("resources") or []
    ]
    inherited = document.get("inheritedRoles") or []
    return Role(
        privileges=normalised(privileges),
        roles=frozenset((_name_on_mongod(each["role"]), each["db"]) for each in inherited),
    )


def _resource(said: Mapping[str, Any]) -> Document:
    if said.get("cluster"):
        return {"cluster": True}
    return {"db": said.get("db", ""), "collection": said.get("collection", "")}


def _granted(granted: Document) -> tuple[str, str]:
    name, database = granted["roleName"], granted["databaseName"]
    if granted.get("collectionName"):
        return f"{name}:{database}.{granted['collectionName']}", "admin"
    return _name_on_mongod(name), database


def _narrowed(granted: Document) -> Role:
    """A mongod ignores the collection of a granted built-in role and gives the whole database, so it gets a role."""
    resource = {"db": granted["databaseName"], "collection": granted["collectionName"]}
    return Role(normalised([{"resource": resource, "actions": _NARROW[granted["roleName"]]}]), frozenset())


# What `read` and `readWrite` can do to a collection, of MongoDB 6.0.
_READ = ("changeStream", "collStats", "dbHash", "dbStats", "find", "killCursors", "listCollections", "listIndexes")
_WRITE = (
    *("convertToCapped", "createCollection", "createIndex", "dropCollection", "dropIndex", "insert", "remove"),
    *("renameCollectionSameDB", "update"),
)
_NARROW: Mapping[str, Collection[str]] = {
    "read": (*_READ, "planCacheRead"),
    "readWrite": (*_READ, *_WRITE, "planCacheRead", "compactStructuredEncryptionData"),
}


def _name_on_mongod(name: str) -> str:
    return f"atlas-{name}" if name in _MONGODS_OWN else name
