"""Ends what a user still has running, on every member of the target, and looks until nothing is seen twice in a row."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pymongo.errors import OperationFailure

from workers.provisioners.base import ProvisionerError
from workers.provisioners.mongodb.accounts import Moment, accounts_after, session_owner
from workers.provisioners.mongodb.servers import USERS_DATABASE, Client, Servers

_SECONDS_FOR_KILLING = 1.5
_SECONDS_BETWEEN_LOOKS = 0.005
_LONGEST_PAUSE = 0.1
_CLEAN_LOOKS = 2


@dataclass(slots=True)
class Look:
    """What was seen and ended on one member, by username."""

    ended: dict[str, int] = field(default_factory=dict)
    running: dict[str, int] = field(default_factory=dict)
    powerful: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Ending:
    """What was found on each member."""

    looks: Mapping[str, Look | ProvisionerError]

    def facts(self, username: str) -> dict[str, Any]:
        seen = {member: look for member, look in self.looks.items() if isinstance(look, Look)}
        return {
            "operations": sum(look.running.get(username, 0) for look in seen.values()),
            "operations_ended": sum(look.ended.get(username, 0) for look in seen.values()),
            "members": sorted(seen),
        }

    def remains(self, username: str) -> list[str]:
        sentences = []
        for member, look in sorted(self.looks.items()):
            if isinstance(look, ProvisionerError):
                sentences.append(f"It may still work on {member}. {look}")
            elif username in look.powerful:
                sentences.append(f"It may still work on {member}, which has not heard of the end yet.")
            elif look.running.get(username):
                sentences.append(
                    f"It still runs {look.running[username]} operations on {member}. They were told to end."
                )
        return sentences


def end_everything(servers: Servers, *, usernames: Sequence[str], after: Moment | None) -> Ending:
    """End sessions, transactions, cursors and operations of these users wherever they may run.

    `after` is when their power was taken: each member has to have heard of it before a look at it counts.
    """
    if not usernames:
        # To the server, "kill the sessions of nobody in particular" means those of everybody.
        return Ending({})

    def wake() -> None:
        # A change stream that waits for news is not interrupted, only marked: it ends when the next news comes. Where
        # we may not write this note, the server's own heartbeat does it, within ten seconds.
        with contextlib.suppress(OperationFailure):
            servers.main.admin.command("appendOplogNote", data={"accessRequests": "wake"})

    return Ending(servers.on_each(servers.members(), lambda client: _end_on(client, usernames, after, wake)))


def _end_on(client: Client, usernames: Sequence[str], after: Moment | None, wake: Callable[[], None]) -> Look:
    accounts = accounts_after(client, usernames=usernames, moment=after)
    look = Look(
        powerful=frozenset(account.username for account in accounts if account.roles),
        ended=_count(_running(client, usernames)),
    )
    deadline = time.monotonic() + _SECONDS_FOR_KILLING
    clean_looks, pause = 0, _SECONDS_BETWEEN_LOOKS
    _kill_sessions(client, usernames)
    while True:
        operations = _running(client, usernames)
        look.running = _count(operations)
        clean_looks = 0 if operations else clean_looks + 1
        if clean_looks == _CLEAN_LOOKS or time.monotonic() > deadline:
            return look
        if operations:
            _kill_operations(client, operations)
            # Something may have been opened between the order and the look.
            _kill_sessions(client, usernames)
            wake()
            pause = min(2 * pause, _LONGEST_PAUSE)
            for username, count in look.running.items():
                look.ended[username] = max(look.ended.get(username, 0), count)
        time.sleep(pause)


def _kill_sessions(client: Client, usernames: Iterable[str]) -> None:
    """Unlike killAllSessions, this finds the sessions of a dropped user, and takes any number of users at once."""
    patterns = [{"uid": session_owner(username)} for username in usernames]
    client.admin.command("killAllSessionsByPattern", patterns)


def _kill_operations(client: Client, operations: Iterable[Mapping[str, Any]]) -> None:
    for operation in operations:
        # Transactions and cursors that wait have no number; they went with their session.
        if "opid" in operation:
            client.admin.command("killOp", op=operation["opid"])


def _running(client: Client, usernames: Sequence[str]) -> list[Mapping[str, Any]]:
    """Active operations, with a session or without, open transactions and cursors. Idle connections do not count."""
    owners = {session_owner(username): username for username in usernames}
    pipeline: list[Mapping[str, Any]] = [
        {"$currentOp": {"allUsers": True, "idleConnections": False, "idleSessions": True, "idleCursors": True}},
        {
            "$match": {
                "$or": [
                    {"effectiveUsers": {"$elemMatch": {"db": USERS_DATABASE, "user": {"$in": list(usernames)}}}},
                    # An open transaction between two commands has an owner but no effective user.
                    {"lsid.uid": {"$in": list(owners)}},
                ]
            }
        },
        {"$project": {"opid": 1, "effectiveUsers": 1, "lsid": 1}},
    ]
    found = list(client.admin.aggregate(pipeline))
    wanted = set(usernames)
    for operation in found:
        users = [user["user"] for user in operation.get("effectiveUsers", ()) if user["user"] in wanted]
        operation["owner"] = users[0] if users else owners[operation["lsid"]["uid"]]
    return list(found)


def _count(operations: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counted: dict[str, int] = {}
    for operation in operations:
        counted[operation["owner"]] = counted.get(operation["owner"], 0) + 1
    return counted
