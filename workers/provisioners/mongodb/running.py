"""Ends what still runs with privileges that a user has lost: one operation at a time, and nothing else of that user."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accessrequests.domain.privileges import Privilege, Resource, covers, difference
from workers.provisioners.mongodb.servers import Client

# Clocks of the product's database and of the target may differ by this much before anybody is told.
_CLOCKS_APART = timedelta(seconds=2)
_SECONDS_FOR_KILLING = 1.2  # a member has two seconds for all of it
_PAUSE = 0.05
_IDLE = "idleSession"
_WRITES = {"insert": "insert", "update": "update", "remove": "remove", "delete": "remove", "findAndModify": "update"}
_READS = {"query", "getmore", "find", "aggregate", "count", "distinct", "getMore"}
# Where a pipeline names other collections: $lookup, $graphLookup, $unionWith, $out and $merge.
_ELSEWHERE = {"from", "coll", "into", "$out", "$unionWith"}


@dataclass(frozen=True, slots=True)
class Loss:
    """What a user could do and can no more, and since when they could."""

    username: str
    database: str
    lost: tuple[Privilege, ...]
    since: datetime | None

    @property
    def principal(self) -> Mapping[str, str]:
        return {"user": self.username, "db": self.database}

    def is_of(self, operation: Mapping[str, Any]) -> bool:
        """Whether the operation began since, and needs something of what was lost. In doubt it does."""
        if not self._began_since(operation):
            return False
        if operation.get("type") == _IDLE:
            # Nobody can tell what an open transaction has written, and committing it needs no privilege at all.
            return "transaction" in operation
        return any(self._needs(database, collection, action) for database, collection, action in _touched(operation))

    def _began_since(self, operation: Mapping[str, Any]) -> bool:
        started = (operation.get("transaction") or {}).get("startWallClockTime")
        if self.since is None or not (started or "currentOpTime" in operation):
            return True
        began = datetime.fromisoformat(started or operation["currentOpTime"])
        if not started:
            began -= timedelta(microseconds=int(operation.get("microsecs_running", 0)))
        return began >= self.since - _CLOCKS_APART

    def _needs(self, database: str, collection: str, action: str) -> bool:
        place = Resource(database=database, collection=collection)
        if action:
            return covers(self.lost, Privilege(place, frozenset({action})))
        return any(covers(self.lost, Privilege(place, frozenset({one}))) for held in self.lost for one in held.actions)


def loss_of(*, principal: str, taken: Iterable[Privilege], kept: Iterable[Privilege], since: datetime | None) -> Loss:
    """What is gone with the roles that were taken, where nothing that the user keeps allows it too."""
    username, _, database = principal.rpartition("@")
    return Loss(username, database, difference(taken, kept), since)


def end_what_needs(client: Client, loss: Loss) -> int:
    """End it on this member, and count what still runs when the time for that is over."""
    deadline = time.monotonic() + _SECONDS_FOR_KILLING
    while operations := list(_of_the_user(client, loss)):
        if time.monotonic() > deadline:
            break
        for operation in operations:
            _end(client, operation)
        time.sleep(_PAUSE)
    return len(operations)


def _end(client: Client, operation: Mapping[str, Any]) -> None:
    if "opid" in operation:
        client.admin.command("killOp", op=operation["opid"])
    elif "lsid" in operation:
        # An open transaction between two commands: what it has written could still be committed.
        session = {"lsid": {"id": operation["lsid"]["id"], "uid": operation["lsid"]["uid"]}}
        client.admin.command("killAllSessionsByPattern", [session])


def _of_the_user(client: Client, loss: Loss) -> Iterator[Mapping[str, Any]]:
    # An open transaction between two commands has an owner but no effective user.
    owner = hashlib.sha256(f"{loss.username}@{loss.database}".encode()).digest()
    match = {"$or": [{"effectiveUsers": {"$elemMatch": loss.principal}}, {"lsid.uid": owner}]}
    pipeline: list[Mapping[str, Any]] = [
        {"$currentOp": {"allUsers": True, "idleConnections": False, "idleSessions": True}},
        {"$match": match},
    ]
    yield from (operation for operation in client.admin.aggregate(pipeline) if loss.is_of(operation))


def _touched(operation: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Database, collection and action, as far as they can be told; no action: whatever there may be."""
    database, _, collection = str(operation.get("ns", "")).partition(".")
    command = operation.get("command") or {}
    name = next(iter(command), "")
    what = str(operation.get("op", "")) if operation.get("op") != "command" else name
    action = _WRITES.get(what, "find" if what in _READS else "")
    if collection == "$cmd":
        collection = str(command.get(name, "")) if isinstance(command.get(name), str) else ""
    yield database, collection, action
    origin = (operation.get("cursor") or {}).get("originatingCommand") or command
    for place in _named_in(origin.get("pipeline") or []):
        yield database, place, ""


def _named_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key in _ELSEWHERE and isinstance(inner, str):
                yield inner
            else:
                yield from _named_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _named_in(inner)
