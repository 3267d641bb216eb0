"""People on the other side of a MongoDB target: the holder of a grant, and the four who will not let go."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from pymongo import MongoClient, ReadPreference
from pymongo.errors import OperationFailure, PyMongoError

from workers.provisioners.base import GrantSpec

Client = MongoClient[dict[str, Any]]

SLOW = {"$where": "sleep(50); return true"}


def connect(host: str, spec: GrantSpec) -> Client:
    return MongoClient(
        host,
        username=spec.username,
        password=spec.password,
        authSource="admin",
        authMechanism="SCRAM-SHA-256",
        directConnection=True,
        retryReads=False,
        retryWrites=False,
        serverSelectionTimeoutMS=10_000,
    )


def code_of(action: Callable[[], object]) -> int | None:
    """The code with which the server refuses, or None when it lets us."""
    try:
        action()
    except OperationFailure as error:
        return error.code
    return None


@dataclass(frozen=True)
class Holder:
    """Logs in and reads `orders`, or does not."""

    host: str

    def login(self, spec: GrantSpec) -> int | None:
        with connect(self.host, spec) as client:
            return code_of(lambda: client.admin.command("ping"))

    def find(self, spec: GrantSpec, *, database: str, collection: str) -> int | None:
        with connect(self.host, spec) as client:
            return code_of(client[database][collection].find_one)

    def can_log_in(self, spec: GrantSpec) -> bool:
        return self.login(spec) is None

    def can_work(self, spec: GrantSpec) -> bool:
        return self.find(spec, database=spec.roles[0].database, collection=spec.roles[0].collection or "orders") is None


@dataclass
class Hostile:
    """Something that a user started and does not end by itself for a long time."""

    client: Client
    act: Callable[[Client], object]
    is_hidden: bool = False
    outcome: object = None

    def start(self) -> None:
        self.client.admin.command("ping")
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ended_with(self) -> object:
        """The code that ended it; fails when it still runs or came to its own end."""
        self._thread.join(timeout=10)
        if self._thread.is_alive():
            pytest.fail("It still runs.")
        return self.outcome

    def _run(self) -> None:
        try:
            self.outcome = f"came to its own end with {self.act(self.client)!r}"
        except OperationFailure as error:
            self.outcome = error.code
        except PyMongoError as error:
            self.outcome = type(error).__name__


def long_find(database: str) -> Callable[[Client], object]:
    anywhere = ReadPreference.SECONDARY_PREFERRED
    return lambda client: len(list(client[database].get_collection("orders", read_preference=anywhere).find(SLOW)))


def long_find_without_session(database: str) -> Callable[[Client], object]:
    """A driver always sends a session; a hand-made message need not."""

    def act(client: Client) -> object:
        with client._conn_for_reads(ReadPreference.PRIMARY, None, "find") as (connection, _):
            return connection.command(database, {"find": "orders", "filter": SLOW})

    return act


def patient_change_stream(database: str) -> Callable[[Client], object]:
    def act(client: Client) -> object:
        with client[database].orders.watch(max_await_time_ms=60_000) as stream:
            while stream.alive:
                stream.try_next()
        return None

    return act


@contextmanager
def open_transaction(client: Client, database: str) -> Iterator[Callable[[], object]]:
    """A transaction that holds a document's lock and then does nothing. Yields an attempt to commit it."""
    session = client.start_session()
    session.start_transaction()
    client[database].orders.update_one({"_id": 1}, {"$inc": {"touched": 1}}, session=session)
    yield session.commit_transaction


def wait_until_running(root: Client, username: str, *, number: int) -> None:
    """Until the server itself lists that many operations of the user."""
    deadline = time.monotonic() + 10
    pipeline: list[dict[str, Any]] = [
        {"$currentOp": {"allUsers": True, "idleConnections": False}},
        {"$match": {"effectiveUsers.user": username}},
    ]
    while len(list(root.admin.aggregate(pipeline))) < number:
        if time.monotonic() > deadline:
            pytest.fail("The operations did not start.")
        time.sleep(0.02)


@contextmanager
def detour(host: str, *, source: str) -> Iterator[str]:
    """A way to the server on which it sees its visitors come from another loopback address."""
    address, _, port = host.rpartition(":")
    entrance = socket.create_server(("127.0.0.1", 0))

    def carry(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def converse(visitor: socket.socket) -> None:
        with visitor, socket.create_connection((address, int(port)), source_address=(source, 0)) as server:
            answers = threading.Thread(target=carry, args=(server, visitor), daemon=True)
            answers.start()
            carry(visitor, server)
            answers.join()

    def admit() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=converse, args=(entrance.accept()[0],), daemon=True).start()

    threading.Thread(target=admit, daemon=True).start()
    try:
        yield f"127.0.0.1:{entrance.getsockname()[1]}"
    finally:
        entrance.shutdown(socket.SHUT_RDWR)
        entrance.close()
