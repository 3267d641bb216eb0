"""Users and roles as the target holds them: what the servers' own collections say, read at majority."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bson import Binary
from bson.timestamp import Timestamp
from pymongo.errors import OperationFailure
from pymongo.read_concern import ReadConcern

from accessrequests.domain import naming
from accessrequests.domain.privileges import Privilege, narrow, normalise
from workers.provisioners.base import GrantSpec, ProvisionerError
from workers.provisioners.mongodb.failures import ROLE_EXISTS, ROLE_NOT_FOUND
from workers.provisioners.mongodb.inventory import privileges_of
from workers.provisioners.mongodb.servers import USERS_DATABASE, Client, Document
from workers.provisioners.tag import Tag, Tagger

TAG_FIELD = "accessRequests"
MAJORITY: Mapping[str, Any] = {"w": "majority", "wtimeout": 4000}
# From a block that is reserved for documentation: nobody can come from there, so no new login is let in.
NOBODY = "192.0.2.1/32"
_READ_MAJORITY = ReadConcern("majority")
# They stay on the server, even hashed.
_WITHOUT_SECRETS = {"credentials": 0}


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in the servers' log, as an answer gives it."""

    operation: Timestamp
    cluster: Mapping[str, Any]

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> Moment | None:
        """None on a server that keeps no log."""
        if "operationTime" not in answer or "$clusterTime" not in answer:
            return None
        return cls(answer["operationTime"], answer["$clusterTime"])


@dataclass(frozen=True, slots=True)
class Account:
    """A user as the server stores it, without its credentials."""

    username: str
    database: str
    roles: frozenset[tuple[str, str]]
    sources: frozenset[str] | None
    tag: Mapping[str, Any] | None

    @property
    def principal(self) -> str:
        return f"{self.username}@{self.database}"

    @property
    def shown(self) -> str:
        return self.username if self.database == USERS_DATABASE else self.principal

    def proof(self, tagger: Tagger) -> Tag | None:
        return tagger.verify(self.tag, principal=self.principal) if self.database == USERS_DATABASE else None


@dataclass(frozen=True, slots=True)
class OwnRole:
    """A role that we make for one user, because the server cannot narrow a granted role to a collection."""

    name: str
    database: str
    privileges: tuple[Privilege, ...]


def principal_of(username: str) -> str:
    return f"{username}@{USERS_DATABASE}"


def session_owner(username: str) -> Binary:
    """How the server marks the sessions of a user: also once the user is dropped."""
    return Binary(hashlib.sha256(principal_of(username).encode()).digest())


def find_accounts(client: Client, *, where: Mapping[str, Any]) -> list[Account]:
    """The users that match, as a majority of the members has them."""
    return [_account(document) for document in _find(client, "system.users", where)]


def accounts_after(client: Client, *, usernames: Sequence[str], moment: Moment | None) -> list[Account]:
    """The users of these names on this very member, once it has heard of everything up to `moment`."""
    command: Document = {"find": "system.users", "filter": by_username(usernames), "projection": _WITHOUT_SECRETS}
    concern: Document = {"level": "majority"}
    if moment is not None:
        # By hand, because the driver has no causal sessions with hidden members.
        concern["afterClusterTime"] = moment.operation
        command["$clusterTime"] = moment.cluster
    answer = client.admin.command({**command, "readConcern": concern, "batchSize": len(usernames), "singleBatch": True})
    return [_account(document) for document in answer["cursor"]["firstBatch"]]


def by_username(usernames: Iterable[str]) -> Document:
    return {"_id": {"$in": [f"{USERS_DATABASE}.{username}" for username in usernames]}}


def find_roles(client: Client, *, where: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and database of the roles that match."""
    return [(document["role"], document["db"]) for document in _find(client, "system.roles", where)]


def roles_made_for(client: Client, username: str) -> list[tuple[str, str]]:
    """Every role, in any database, that carries the name of a role of ours for this user."""
    found = find_roles(client, where={"role": {"$regex": f"^{re.escape(username)}-r"}})
    return [(name, database) for name, database in found if naming.username_of_role(name) == username]


def holders_of(client: Client, name: str, database: str) -> list[str]:
    """Users and roles that hold the role."""
    where = {"roles": {"$elemMatch": {"role": name, "db": database}}}
    users = [account.shown for account in find_accounts(client, where=where)]
    return sorted([*users, *(f"role {role}@{home}" for role, home in find_roles(client, where=where))])


def own_roles(spec: GrantSpec) -> tuple[OwnRole, ...]:
    """The roles of our own that the grant needs, in an order that does not depend on how they were listed."""
    narrowed = sorted(
        (role for role in spec.roles if role.collection), key=lambda r: (r.database, r.collection, r.name)
    )
    return tuple(
        OwnRole(
            name=naming.role_name_for(spec.username, ordinal=ordinal),
            database=role.database,
            privileges=narrow(role.privileges, database=role.database, collection=role.collection),
        )
        for ordinal, role in enumerate(narrowed, start=1)
    )


def granted_roles(spec: GrantSpec) -> frozenset[tuple[str, str]]:
    """What the user shall hold: whole-database roles as they are, and our own for what is narrower."""
    whole = {(role.name, role.database) for role in spec.roles if not role.collection}
    return frozenset(whole | {(role.name, role.database) for role in own_roles(spec)})


def ensure_role(client: Client, role: OwnRole, *, username: str) -> None:
    """Make the role, or set it to exactly what was approved."""
    found = read_role(client, role.name, role.database)
    if found is None:
        try:
            client[role.database].command(
                "createRole", role.name, privileges=_said(role.privileges), roles=[], writeConcern=MAJORITY
            )
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
    client[role.database].command(
        "updateRole",
        role.name,
        privileges=_said(role.privileges),
        roles=[],
        writeConcern=MAJORITY,
    )


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
            client[database].command("dropRole", name, writeConcern=MAJORITY)
            return []
        client[database].command("updateRole", name, privileges=[], roles=[], writeConcern=MAJORITY)
    except OperationFailure as error:
        if error.code != ROLE_NOT_FOUND:
            raise
        return []
    return [f"The role {name}@{database}, emptied by us, is held by {', '.join(holders)}. Revoke it there."]


def networks(addresses: Iterable[str]) -> frozenset[str]:
    """Addresses in one spelling, so that 10.0.0.1 and 10.0.0.1/32 are the same."""
    return frozenset(str(ipaddress.ip_network(address, strict=False)) for address in addresses)


def restrictions(addresses: Sequence[str]) -> list[Document]:
    return [{"clientSource": list(addresses)}] if addresses else []


def role_documents(roles: Iterable[tuple[str, str]]) -> list[Document]:
    return [{"role": name, "db": database} for name, database in sorted(roles)]


def tag_data(tagger: Tagger, *, spec: GrantSpec) -> Document:
    return {TAG_FIELD: tagger.make(principal=principal_of(spec.username), grant_id=spec.grant_id, end=spec.expires_at)}


def end_of(tag: Tag | None) -> datetime | None:
    return tag.end if tag else None


def _find(client: Client, collection: str, where: Mapping[str, Any]) -> list[Document]:
    source = client.admin.get_collection(collection, read_concern=_READ_MAJORITY)
    return list(source.find(dict(where), _WITHOUT_SECRETS))


def _account(document: Mapping[str, Any]) -> Account:
    tag = (document.get("customData") or {}).get(TAG_FIELD)
    return Account(
        username=document["user"],
        database=document["db"],
        roles=frozenset((role["role"], role["db"]) for role in document.get("roles", ())),
        sources=_sources(document.get("authenticationRestrictions") or ()),
        tag=tag if isinstance(tag, Mapping) else None,
    )


def _sources(stored: Sequence[Mapping[str, Any]]) -> frozenset[str] | None:
    """Where the user may come from; empty means anywhere, None a rule that is not one of ours."""
    if not stored:
        return frozenset()
    if len(stored) != 1 or set(stored[0]) != {"clientSource"}:
        return None
    return networks(stored[0]["clientSource"])


def _said(privileges: Iterable[Privilege]) -> list[Document]:
    return [
        {"resource": {"db": p.resource.database, "collection": p.resource.collection}, "actions": sorted(p.actions)}
        for p in privileges
    ]
