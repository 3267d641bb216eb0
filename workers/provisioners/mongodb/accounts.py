"""Users as the target holds them: what the servers' own collection says."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bson.timestamp import Timestamp
from pymongo.read_concern import ReadConcern

from workers.provisioners.base import GrantSpec
from workers.provisioners.mongodb.servers import USERS_DATABASE, Client, Document
from workers.provisioners.tag import Tag, Tagger

TAG_FIELD = "accessRequests"
KIT_FIELD = "accessRequestsKit"
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


def principal_of(username: str) -> str:
    return f"{username}@{USERS_DATABASE}"


def session_owner(username: str) -> bytes:
    """How the server marks the sessions of a user: also once the user is dropped."""
    return hashlib.sha256(principal_of(username).encode()).digest()


def find_accounts(client: Client, *, where: Mapping[str, Any]) -> list[Account]:
    """The users that match, as a majority of the members has them."""
    return [_account(document) for document in find_documents(client, "system.users", where)]


def accounts_after(
    client: Client, *, usernames: Sequence[str], moment: Moment | None, level: str = "local"
) -> list[Account]:
    """The users of these names on this very member, once it has heard of everything up to `moment`."""
    command: Document = {"find": "system.users", "filter": by_username(usernames), "projection": _WITHOUT_SECRETS}
    concern: Document = {"level": level}
    if moment is not None:
        # By hand, because the driver has no causal sessions with hidden members.
        concern["afterClusterTime"] = moment.operation
        command["$clusterTime"] = moment.cluster
    answer = client.admin.command({**command, "readConcern": concern, "batchSize": len(usernames), "singleBatch": True})
    return [_account(document) for document in answer["cursor"]["firstBatch"]]


def is_kit(document: Mapping[str, Any], *, tagger: Tagger) -> bool:
    """Whether it is the user of an offline kit, as our tag proves."""
    tag = (document.get("customData") or {}).get(KIT_FIELD)
    return document["db"] == USERS_DATABASE and tagger.proves_kit(tag, principal=principal_of(document["user"]))


def by_username(usernames: Iterable[str]) -> Document:
    return {"_id": {"$in": [f"{USERS_DATABASE}.{username}" for username in usernames]}}


def networks(addresses: Iterable[str]) -> frozenset[str]:
    """Addresses in one spelling, so that 10.0.0.1 and 10.0.0.1/32 are the same."""
    return frozenset(str(ipaddress.ip_network(address, strict=False)) for address in addresses)


def restrictions(addresses: Sequence[str]) -> list[Document]:
    return [{"clientSource": list(addresses)}] if addresses else []


def tag_data(tagger: Tagger, *, spec: GrantSpec) -> Document:
    return {TAG_FIELD: tagger.make(principal=principal_of(spec.username), grant_id=spec.grant_id, end=spec.expires_at)}


def find_documents(client: Client, collection: str, where: Mapping[str, Any]) -> list[Document]:
    """What a collection of the server's own holds, as a majority of the members has it."""
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
