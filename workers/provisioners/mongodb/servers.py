"""The servers of one target: a client for the set, one for each member that takes logins, and the powerless probe."""

from __future__ import annotations

import contextlib
import contextvars
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import pymongo
from pymongo import MongoClient
from pymongo.errors import InvalidOperation, OperationFailure, PyMongoError, WTimeoutError

from workers.provisioners.base import ProvisionerError
from workers.provisioners.connection_entry import InvalidConnection
from workers.provisioners.connection_record import SCRAM, ConnectionRecord
from workers.provisioners.mongodb.failures import (
    AUTHENTICATION_FAILED,
    COMMAND_NOT_FOUND,
    NO_REPLICATION,
    UNAUTHORIZED,
    explain,
)

Document = dict[str, Any]
Client = MongoClient[Document]
T = TypeVar("T")

PROBE_NAME = "access-requests-probe"
USERS_DATABASE = "admin"
MEMBER_SECONDS = 2.0
_DRIVER_MILLISECONDS = 2000
_DEFAULT_PORT = 27017


def change(client: Client, command: str, name: str, *, database: str, patience: float = 2.0, **values: Any) -> None:
    """Give an order about a user or a role; with patience, wait that long for a majority of the members to have it.

    :raises WTimeoutError: the member that takes writes has it, too few others have.
    """
    concern = {"w": "majority", "wtimeout": int(patience * 1000)} if patience else {"w": 1}
    answer = client[database].command(command, name, **values, writeConcern=concern)
    # The driver leaves this part of an answer to whoever gave the order.
    if "writeConcernError" in answer:
        raise WTimeoutError("", answer["writeConcernError"].get("code"))


class Servers:
    """Clients are made when first needed and kept; threads may share them."""

    def __init__(self, record: ConnectionRecord) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._members: dict[str, Client] = {}
        client = self._main_client()
        if client is None:
            raise InvalidConnection(
                f"Target {record.slug}: the driver refused the connection record. Check hosts, options and ca_file."
            )
        self.main = client

    def address(self) -> tuple[str, int]:
        """Host and port of the member that takes writes."""
        try:
            address = self.main.address
        except InvalidOperation:
            raise ProvisionerError("The target is a sharded cluster, which is not supported.", permanent=True) from None
        if address is None:
            raise ProvisionerError("The target has no member that takes writes.", unreachable=True)
        return address[0], address[1] or _DEFAULT_PORT

    def own_address(self) -> str:
        """Our own address as the server sees it, which behind a proxy or a container's network only it can know."""
        # The answer is "127.0.0.1:41456" or "[::1]:41456".
        return str(self.main.admin.command("whatsmyuri")["you"]).rpartition(":")[0].strip("[]")

    def members(self) -> tuple[str, ...]:
        """Every member that takes logins, the hidden ones too; arbiters hold no users."""
        try:
            config = self.main.admin.command("replSetGetConfig")["config"]
        except OperationFailure as error:
            if error.code == NO_REPLICATION:
                return self._record.hosts[:1]
            if error.code == COMMAND_NOT_FOUND:
                raise ProvisionerError(
                    "The target is a sharded cluster, which is not supported.", permanent=True
                ) from None
            raise
        return tuple(member["host"] for member in config["members"] if not member.get("arbiterOnly"))

    def on_each(self, members: Sequence[str], work: Callable[[Client], T]) -> dict[str, T | ProvisionerError]:
        """Do `work` on every member at the same time; a member's failure is its result."""
        if len(members) == 1:
            # A set of one may know itself by a name that only it can resolve; we have its address already.
            return {members[0]: self._attempt(lambda: self.main, work)}
        with ThreadPoolExecutor(max_workers=len(members), thread_name_prefix="member") as pool:
            jobs = {
                # The deadline of the whole step lives in the context, which a new thread does not inherit by itself.
                member: pool.submit(
                    contextvars.copy_context().run, self._attempt, lambda m=member: self._member(m), work
                )
                for member in members
            }
            return {member: job.result() for member, job in jobs.items()}

    def probe(self, *, username: str, password: str, database: str, collection: str) -> None:
        """Log in with the new password and find that it can do nothing.

        :raises ProvisionerError: the login was refused, or it can do something.
        """
        host, port = self.address()
        login = {"username": username, "password": password, "appname": PROBE_NAME}
        with MongoClient[Document](host, port, directConnection=True, **{**self._options(), **login}) as client:
            refusal = _what_it_may(client, database=database, collection=collection)
        # Raised out here, because the driver's frames hold the password.
        if refusal is not None:
            raise refusal

    def close(self) -> None:
        with self._lock:
            members, self._members = self._members, {}
        for client in (self.main, *members.values()):
            client.close()

    def _main_client(self) -> Client | None:
        # The driver's own complaint is left behind: its frames hold the password.
        with contextlib.suppress(PyMongoError, ValueError, OSError):
            return MongoClient(list(self._record.hosts), **{**self._options(), **self._record.options})
        return None

    def _member(self, address: str) -> Client:
        with self._lock:
            if address not in self._members:
                host = address.rsplit(":", 1)
                self._members[address] = MongoClient(
                    host[0].strip("[]"), int(host[1]), directConnection=True, **self._options()
                )
            return self._members[address]

    @staticmethod
    def _attempt(client: Callable[[], Client], work: Callable[[Client], T]) -> T | ProvisionerError:
        try:
            with pymongo.timeout(MEMBER_SECONDS):
                return work(client())
        except PyMongoError as error:
            return explain(error, what="look at this member")

    def _options(self) -> Mapping[str, Any]:
        record = self._record
        return {
            "username": record.username,
            "password": record.password,
            "authSource": USERS_DATABASE,
            # Named, not negotiated: a false server could otherwise ask for the password in the clear.
            "authMechanism": SCRAM,
            "appname": "access-requests",
            "connect": False,
            "tls": record.tls,
            **({"tlsCAFile": record.ca_file} if record.ca_file else {}),
            "serverSelectionTimeoutMS": _DRIVER_MILLISECONDS,
            "connectTimeoutMS": _DRIVER_MILLISECONDS,
            "socketTimeoutMS": 2 * _DRIVER_MILLISECONDS,
            "waitQueueTimeoutMS": _DRIVER_MILLISECONDS,
            # Who calls us tries again, and looks first; the driver must not do it behind our back.
            "retryWrites": False,
            "retryReads": False,
        }


def _what_it_may(client: Client, *, database: str, collection: str) -> ProvisionerError | None:
    """None when the login is let in and then refused everything."""
    try:
        info = client.admin.command("connectionStatus", showPrivileges=True)["authInfo"]
    except OperationFailure as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
        return ProvisionerError("The target refused the new user's own login.")
    if not info["authenticatedUserRoles"] and not info["authenticatedUserPrivileges"]:
        try:
            client[database].command("find", collection, limit=1, singleBatch=True)
        except OperationFailure as error:
            if error.code != UNAUTHORIZED:
                raise
            return None
    return ProvisionerError("The new user can do something before its access was opened.", permanent=True)
