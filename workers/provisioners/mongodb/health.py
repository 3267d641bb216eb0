"""Looks at a target as a whole: members, clocks, versions, and the rights of the worker's own account."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from accessrequests.domain.privileges import Privilege, Resource
from workers.provisioners.base import Health, ProvisionerError
from workers.provisioners.mongodb.inventory import privileges_of
from workers.provisioners.mongodb.servers import Client, Servers

_LARGEST_SKEW = 2.0
_OLDEST_WIRE_VERSION = 13  # MongoDB 5.0

_CLUSTER = Resource(cluster=True)
_ANY = Resource()
_ADMIN = Resource(database="admin")
NEEDED = (
    Privilege(Resource(database="admin", collection="system.users"), frozenset({"find"})),
    Privilege(Resource(database="admin", collection="system.roles"), frozenset({"find"})),
    Privilege(
        _ADMIN,
        frozenset(
            {"createUser", "dropUser", "viewUser", "changePassword", "changeCustomData", "setAuthenticationRestriction"}
        ),
    ),
    Privilege(_ANY, frozenset({"createRole", "dropRole", "grantRole", "revokeRole", "viewRole"})),
    Privilege(_ANY, frozenset({"listCollections", "collStats"})),
    Privilege(
        _CLUSTER,
        frozenset({"killAnySession", "inprog", "killop", "replSetGetConfig", "listDatabases", "appendOplogNote"}),
    ),
)
# None of our work needs these; whoever steals the worker's account should not get them.
_TOO_MUCH = frozenset({"anyAction", "find", "insert", "update", "remove", "dropDatabase", "shutdown", "impersonate"})


@dataclass(frozen=True, slots=True)
class _Answer:
    skew: float
    wire_version: int


def check(servers: Servers, *, wall_clock: Callable[[], float]) -> Health:
    """Ask every member, and compare what our account may do with what our work needs."""
    members = servers.members()
    answers = servers.on_each(members, lambda client: _ask(client, wall_clock))
    heard = {member: answer for member, answer in answers.items() if isinstance(answer, _Answer)}
    warnings = [f"{member}: {answer}" for member, answer in answers.items() if isinstance(answer, ProvisionerError)]
    if not heard:
        raise ProvisionerError("No member of the target answered.", unreachable=True)  # its clock is not known then
    skew = max((answer.skew for answer in heard.values()), key=abs)
    if abs(skew) > _LARGEST_SKEW:
        warnings.append(f"The target's clock differs from ours by {skew:.1f} seconds. Correct the clock that is wrong.")
    old = sorted(member for member, answer in heard.items() if answer.wire_version < _OLDEST_WIRE_VERSION)
    if old:
        warnings.append(f"The servers {', '.join(old)} are older than MongoDB 5.0. Upgrade them.")
    missing, too_much = _rights(servers.main)
    if missing:
        warnings.append(f"The worker's account lacks rights: {', '.join(missing)}. Give it these.")
    if too_much:
        warnings.append(f"The worker's account may do more than it needs: {', '.join(too_much)}. Take it away.")
    return Health(
        ok=len(heard) == len(members) and not missing and not old,
        members=members,
        clock_skew=skew,
        warnings=tuple(warnings),
    )


def _ask(client: Client, wall_clock: Callable[[], float]) -> _Answer:
    client.admin.command("ping")  # So that the next answer is not late by the time of a login.
    sent, started = wall_clock(), time.monotonic()
    hello: dict[str, Any] = client.admin.command("hello")
    halfway = sent + (time.monotonic() - started) / 2
    return _Answer(skew=hello["localTime"].timestamp() - halfway, wire_version=hello["maxWireVersion"])


def _rights(client: Client) -> tuple[list[str], list[str]]:
    info = client.admin.command("connectionStatus", showPrivileges=True)["authInfo"]
    held = privileges_of(info["authenticatedUserPrivileges"])
    missing = sorted(
        action for needed in NEEDED for action in needed.actions if not _holds(held, needed.resource, action)
    )
    return missing, sorted(_actions(held) & _TOO_MUCH)


def _holds(held: Iterable[Privilege], on: Resource, action: str) -> bool:
    """By the server's own rules, which count `admin` among "every database"."""
    return any(
        action in privilege.actions
        and privilege.resource.cluster == on.cluster
        and privilege.resource.database in {"", on.database}
        and privilege.resource.collection == on.collection
        for privilege in held
    )


def _actions(held: Iterable[Privilege]) -> set[str]:
    """What the account may do in databases that are not the server's own, or to the server."""
    return {
        action
        for privilege in held
        for action in privilege.actions
        if privilege.resource.cluster or privilege.resource.database not in {"admin", "config", "local"}
    }
