"""The user of an offline kit on self-managed MongoDB, and who logs in with it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from pymongo.errors import OperationFailure

from accessrequests.domain.offline_kits import KitLogin
from workers.provisioners.base import ProvisionerError
from workers.provisioners.connection_record import SCRAM
from workers.provisioners.kit_keeper import KitSpec
from workers.provisioners.mongodb.accounts import (
    KIT_FIELD,
    Moment,
    by_username,
    find_documents,
    is_kit,
    principal_of,
)
from workers.provisioners.mongodb.ending import end_everything
from workers.provisioners.mongodb.failures import UNAUTHORIZED, USER_EXISTS, USER_NOT_FOUND, step
from workers.provisioners.mongodb.servers import USERS_DATABASE, Client, Document, Servers, change
from workers.provisioners.tag import Tagger

_NOT_OURS = "A user named {} is on the target and our tag does not prove that it is of our kit. We did not touch it."
_GONE = "The kit's user is no longer on the target."
_BLIND = (
    "The worker's account may not read the server's log (getLog), so that a login that is over within ten seconds could be "
    "missed. Give it that right."
)
# Log messages "Authentication succeeded" (MongoDB 4.4 to 6.0) and "Successfully authenticated" (since 6.1).
_LET_IN = frozenset({20250, 5286306})


class MongoDBKit:
    """See `workers.provisioners.kit_keeper.KitKeeper` for what each step promises.

    A mongod keeps no history of logins. What it has is looked at every few seconds, on each member: connections that are
    open ($currentOp), and the last 1,024 lines of its log, which it keeps in memory (command getLog).
    """

    def __init__(self, *, servers: Servers, tagger: Tagger) -> None:
        self._servers = servers
        self._tagger = tagger

    def reach(self) -> None:
        self._servers.main.admin.command("ping")

    @step("make the kit's user")
    def make(self, kit: KitSpec) -> None:
        tag = self._tagger.make_kit(principal=principal_of(kit.username))
        says: Document = {
            "pwd": kit.password,
            "roles": [_document(role) for role in kit.roles],
            "mechanisms": [SCRAM],
            "customData": {KIT_FIELD: tag},
        }
        try:
            self._change("createUser", kit, **says)
        except OperationFailure as error:
            if error.code != USER_EXISTS:
                raise
            self._own(kit)
            self._change("updateUser", kit, **says)

    @step("change the kit's password")
    def rotate(self, kit: KitSpec) -> None:
        self._own(kit)
        self._change("updateUser", kit, pwd=kit.password, mechanisms=[SCRAM])

    @step("look at the kit's user")
    def look(self, kit: KitSpec) -> str:
        found = self._find(kit)
        if found is None:
            return _GONE
        if not is_kit(found, tagger=self._tagger):
            return _NOT_OURS.format(kit.username)
        held = {f"{role['role']}@{role['db']}" for role in found.get("roles", ())}
        if held != set(kit.roles):
            has = ", ".join(sorted(held)) or "no role"
            return f"Its user has {has}, and should have {', '.join(sorted(kit.roles))}."
        if found.get("authenticationRestrictions"):
            return "Somebody limited the addresses from which its user may log in."
        return "" if self._reads_log() else _BLIND

    @step("look who logged in with the kit")
    def logins(self, kit: KitSpec, *, since: datetime, until: datetime) -> Sequence[KitLogin]:
        """The log goes back as far as it goes: `since` is of no use, as the clocks of the servers are their own."""
        members = self._servers.on_each(self._servers.members(), lambda client: _seen(client, kit, at=until))
        answers = [found for found in members.values() if isinstance(found, list)]
        if not answers:
            raise next(failure for failure in members.values() if isinstance(failure, ProvisionerError))
        return [login for found in answers for login in found]

    @step("end the kit's user")
    def end(self, kit: KitSpec) -> Mapping[str, Any]:
        if self._find(kit) is not None:
            self._own(kit)
            try:
                self._change("dropUser", kit)
            except OperationFailure as error:
                if error.code != USER_NOT_FOUND:
                    raise
        now = Moment.of(self._servers.main.admin.command("ping"))
        ending = end_everything(self._servers, usernames=[kit.username], after=now)
        remains = ending.remains(kit.username)
        if self._find(kit) is not None or remains:
            raise ProvisionerError(" ".join(["The kit's user is not gone yet. Try again.", *remains]))
        return {"users": 0, **ending.facts(kit.username)}

    def _find(self, kit: KitSpec) -> Document | None:
        return next(iter(find_documents(self._servers.main, "system.users", by_username([kit.username]))), None)

    def _own(self, kit: KitSpec) -> None:
        """:raises ProvisionerError: it is gone, or not proved to be of our kit."""
        found = self._find(kit)
        if found is None:
            raise ProvisionerError(_GONE, permanent=True)
        if not is_kit(found, tagger=self._tagger):
            raise ProvisionerError(_NOT_OURS.format(kit.username), permanent=True)

    def _change(self, command: str, kit: KitSpec, **values: Any) -> None:
        change(self._servers.main, command, kit.username, database=USERS_DATABASE, **values)

    def _reads_log(self) -> bool:
        try:
            self._servers.main.admin.command("getLog", "global")
        except OperationFailure as error:
            if error.code != UNAUTHORIZED:
                raise
            return False
        return True


def _document(role: str) -> Document:
    name, _, database = role.partition("@")
    return {"role": name, "db": database}


def _seen(client: Client, kit: KitSpec, *, at: datetime) -> list[KitLogin]:
    """On one member: those that its log still tells of, and those that are connected. A connection is known by its number,
    which begins anew with each start of the server, and by that start.
    """
    process = str(client.admin.command("hello")["topologyVersion"]["processId"])
    pipeline: list[Document] = [
        {"$currentOp": {"allUsers": True, "idleConnections": True}},
        {"$match": {"effectiveUsers": {"$elemMatch": {"user": kit.username, "db": USERS_DATABASE}}}},
    ]
    found = {
        f"conn{one['connectionId']}": (at, str(one.get("client", "")))
        for one in client.admin.aggregate(pipeline)
        if "connectionId" in one
    }
    try:
        found |= dict(_told_of(client.admin.command("getLog", "global")["log"], kit))
    except OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise
    return [KitLogin(f"{process} {key}", moment, _address(said)) for key, (moment, said) in sorted(found.items())]


def _told_of(lines: Sequence[str], kit: KitSpec) -> Iterator[tuple[str, tuple[datetime, str]]]:
    for line in lines:
        if kit.username not in line:
            continue
        try:
            entry = json.loads(line)
            said = entry["attr"]
            who = said.get("principalName") or said.get("user")
            source = said.get("authenticationDatabase") or said.get("db")
            if entry["id"] in _LET_IN and (who, source) == (kit.username, USERS_DATABASE):
                at = datetime.fromisoformat(entry["t"]["$date"])
                yield entry["ctx"], (at, str(said.get("remote") or said.get("client") or ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # a line that was cut off, or of somebody who put the name into what they sent


def _address(said: str) -> str:
    """Without the port: 127.0.0.1 of 127.0.0.1:50172."""
    return said.rpartition(":")[0].strip("[]") or "an address that the target does not tell"
