"""Roles of our own: made where a granted role must be narrower than the server can grant it, and dropped afterwards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.errors import OperationFailure

from accessrequests.domain import naming
from accessrequests.domain.privileges import Privilege, narrow, normalise
from workers.provisioners.base import GrantedRole, GrantSpec, ProvisionerError
from workers.provisioners.mongodb.accounts import find_accounts, find_documents
from workers.provisioners.mongodb.failures import ROLE_EXISTS, ROLE_NOT_FOUND
from workers.provisioners.mongodb.inventory import privileges_of
from workers.provisioners.mongodb.servers import Client, Document, change


@dataclass(frozen=True, slots=True)
class OwnRole:
    """A role that we make for one user, because the server cannot narrow a granted role to a collection."""

    name: str
    database: str
    privileges: tuple[Privilege, ...]


def find_roles(client: Client, *, where: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and database of the roles that match."""
    return [(document["role"], document["db"]) for document in find_documents(client, "system.roles", where)]


def roles_made_for(client: Client, username: str) -> list[tuple[str, str]]:
    """Every role, in any database, that carries the name of a role of ours for this user."""
    found = find_roles(client, where={"role": {"$regex": f"^{re.escape(username)}-r"}})
    return [(name, database) for name, database in found if naming.username_of_role(name) == username]


def holders_of(client: Client, name: str, database: str) -> list[str]:
    """Users and roles that hold the role."""
    where = {"roles": {"$elemMatch": {"role": name, "db": database}}}
    users = [account.shown for account in find_accounts(client, where=where)]
    return sorted([*users, *(f"role {role}@{home}" for role, home in find_roles(client, where=where))])


def needs_own_role(role: GrantedRole) -> bool:
    """What is narrower than a database, or is no role at all but single actions."""
    return bool(role.collection) or role.is_made_of_actions


def narrowed(spec: GrantSpec) -> list[GrantedRole]:
    """The grant's roles that need one of our own, in an order that does not depend on how they were listed."""
    return sorted(filter(needs_own_role, spec.roles), key=lambda role: (role.database, role.collection, role.name))


def own_roles(spec: GrantSpec) -> tuple[OwnRole, ...]:
    """The roles of our own that the grant needs, one for each of `narrowed`."""
    return tuple(
        OwnRole(
            name=naming.role_name_for(spec.username, ordinal=ordinal),
            database=role.database,
            privileges=narrow(role.privileges, database=role.database, collection=role.collection)
            if role.collection
            else normalise(role.privileges),
        )
        for ordinal, role in enumerate(narrowed(spec), start=1)
    )


def granted_roles(spec: GrantSpec) -> frozenset[tuple[str, str]]:
    """What the user shall hold: whole-database roles as they are, and our own for what is narrower."""
    whole = {(role.name, role.database) for role in spec.roles if not needs_own_role(role)}
    return frozenset(whole | {(role.name, role.database) for role in own_roles(spec)})


def ensure_role(client: Client, role: OwnRole, *, username: str) -> None:
    """Make the role, or set it to exactly what was approved."""
    found = read_role(client, role.name, role.database)
    if found is None:
        try:
            change(client, "createRole", role.name, database=role.database, privileges=_said(role.privileges), roles=[])
            return
        except OperationFailure as error:
            if error.code != ROLE_EXISTS:
                raise
    elif is_exactly(found, role):
        return
    strangers = set(holders_of(client, role.name, role.database)) - {username}
    if strangers:
        raise ProvisionerError(
            f"The role {role.name}@{role.database} is held by {', '.join(sorted(strangers))}. Remove it there first.",
            permanent=True,
        )
    change(client, "updateRole", role.name, database=role.database, privileges=_said(role.privileges), roles=[])


def read_role(client: Client, name: str, database: str) -> Document | None:
    answer = client[database].command(
        "rolesInfo", {"role": name, "db": database}, showPrivileges=True, showAuthenticationRestrictions=True
    )
    return answer["roles"][0] if answer["roles"] else None


def is_exactly(found: Mapping[str, Any], role: OwnRole) -> bool:
    """Whether the role on the target gives what was approved and nothing else, by itself or through another role."""
    unrestricted = not found.get("inheritedAuthenticationRestrictions")
    held = normalise(privileges_of(found["inheritedPrivileges"]))
    return not found["roles"] and unrestricted and held == normalise(role.privileges)


def drop_role(client: Client, name: str, database: str) -> list[str]:
    """Drop a role of ours once nobody holds it; if somebody does, take its power and say who."""
    holders = holders_of(client, name, database)
    try:
        if not holders:
            change(client, "dropRole", name, database=database)
            return []
        change(client, "updateRole", name, database=database, privileges=[], roles=[])
    except OperationFailure as error:
        if error.code != ROLE_NOT_FOUND:
            raise
        return []
    return [f"The role {name}@{database}, emptied by us, is held by {', '.join(holders)}. Revoke it there."]


def role_documents(roles: Iterable[tuple[str, str]]) -> list[Document]:
    return [{"role": name, "db": database} for name, database in sorted(roles)]


def _said(privileges: Iterable[Privilege]) -> list[Document]:
    return [
        {"resource": {"db": p.resource.database, "collection": p.resource.collection}, "actions": sorted(p.actions)}
        for p in privileges
    ]
