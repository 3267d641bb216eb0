"""What a target holds: its roles with all that they let one do, its databases, collections and their rough sizes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pymongo.errors import OperationFailure

from accessrequests.domain.outside import OWN_LOGIN, UNRECORDED_KIT, Kind, Thing
from accessrequests.domain.privileges import Privilege, Resource, normalise
from workers.provisioners.base import InventorySnapshot
from workers.provisioners.mongodb.servers import Client

MOST_USERS = 2_000
SYSTEM_DATABASES = frozenset({"admin", "config", "local"})
# Sizes are for orientation. On a server with very many collections the rest of them go without.
_SECONDS_FOR_SIZES = 3.0


def read(
    client: Client,
    *,
    own: str,
    is_ours: Callable[[str], bool],
    is_kit: Callable[[Mapping[str, Any]], bool],
) -> InventorySnapshot:
    """Roles of every database, our own left out, and what is in the databases that hold people's data.

    `own`: whom we log in as.
    """
    names = [entry["name"] for entry in client.admin.command("listDatabases", nameOnly=True)["databases"]]
    plain = sorted(set(names) - SYSTEM_DATABASES)
    roles = {
        f"{role['role']}@{role['db']}": normalise(privileges_of(role["inheritedPrivileges"]))
        for database in ("admin", *plain)
        for role in _roles(client, database)
        if not is_ours(role["role"])
    }
    deadline = time.monotonic() + _SECONDS_FOR_SIZES
    databases = {name: _collections(client, name, deadline) for name in plain}
    users, kits = _users(client, is_ours, is_kit)
    others = [_thing(name, held, is_own=name == own) for name, held in users.items()]
    others += [Thing(Kind.USER, name, UNRECORDED_KIT, is_kit=True) for name in kits]
    return InventorySnapshot(roles=roles, databases=databases, clusters={}, quotas={}, users=users, others=others)


def _thing(name: str, roles: list[str], *, is_own: bool) -> Thing:
    detail = ", ".join(roles) or "no role"
    return Thing(Kind.USER, name, f"{OWN_LOGIN}; {detail}" if is_own else detail, is_own=is_own)


def _users(
    client: Client, is_ours: Callable[[str], bool], is_kit: Callable[[Mapping[str, Any]], bool]
) -> tuple[dict[str, list[str]], list[str]]:
    """Those who stand there anyway, each with the roles that were given to them; and users of offline kits."""
    every = client.admin["system.users"].find({}, {"user": 1, "db": 1, "roles": 1, "customData": 1}).limit(MOST_USERS)
    found = {f"{user['user']}@{user['db']}": user for user in every if not is_ours(user["user"])}
    kits = [name for name, user in found.items() if is_kit(user)]
    users = {
        name: sorted(f"{role['role']}@{role['db']}" for role in user.get("roles", ()))
        for name, user in found.items()
        if name not in kits
    }
    return users, kits


def privileges_of(documents: Iterable[Mapping[str, Any]]) -> tuple[Privilege, ...]:
    """The servers' privileges in the domain's words. Nothing is lost: what has no word becomes more, never less."""
    return tuple(
        Privilege(resource, actions)
        for document in documents
        for resource, actions in _privilege(document["resource"], frozenset(document["actions"]))
    )


def _privilege(resource: Mapping[str, Any], actions: frozenset[str]) -> list[tuple[Resource, frozenset[str]]]:
    kinds = set(resource)
    if kinds == {"db", "collection"}:
        return [(Resource(database=resource["db"], collection=resource["collection"]), actions)]
    if kinds == {"cluster"}:
        return [(Resource(cluster=True), actions)]
    if kinds <= {"db", "system_buckets"}:
        # The hidden collections of time series; without a name, those of every one of them.
        name = resource["system_buckets"]
        if name:
            return [(Resource(database=resource.get("db", ""), collection=f"system.buckets.{name}"), actions)]
        return [(Resource(database=resource.get("db", "")), actions)]
    # anyResource reaches the collections that hold users and roles, and so does, for all we know, a kind of resource
    # that came with a newer server.
    everywhere = [(Resource(), actions), (Resource(cluster=True), actions)]
    return [*everywhere, (Resource(database="admin", collection="system.users"), actions)]


def _roles(client: Client, database: str) -> list[dict[str, Any]]:
    answer = client[database].command("rolesInfo", 1, showPrivileges=True, showBuiltinRoles=True)
    found: list[dict[str, Any]] = answer["roles"]
    return found


def _collections(client: Client, database: str, deadline: float) -> dict[str, Mapping[str, int]]:
    answer = client[database].command("listCollections", nameOnly=False, cursor={"batchSize": 1_000_000})
    return {
        entry["name"]: _size(client, database, entry["name"])
        if _has_size(entry, deadline)
        else {"documents": 0, "bytes": 0}
        for entry in sorted(answer["cursor"]["firstBatch"], key=lambda entry: str(entry["name"]))
        if not entry["name"].startswith("system.")
    }


def _has_size(entry: Mapping[str, Any], deadline: float) -> bool:
    return entry["type"] != "view" and time.monotonic() < deadline


def _size(client: Client, database: str, collection: str) -> Mapping[str, int]:
    try:
        stats = client[database].command("collStats", collection)
    except OperationFailure:
        # Dropped since we listed it, or not for us to look at: a size is not worth losing the whole inventory.
        return {"documents": 0, "bytes": 0}
    return {"documents": int(stats.get("count", 0)), "bytes": int(stats.get("size", 0))}
