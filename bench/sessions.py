"""What users leave open at their deadline: a connection, a cursor, an operation that runs, a transaction."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from bench.door import Login
from bench.held import TARGET, hold
from bench.rows import Row
from bench.sizes import Sizes
from bench.world import World

Client = MongoClient[dict[str, Any]]
SLOW = {"$where": "sleep(50); return true"}
SECONDS_TO_OPEN = 0.1
AFTER = 5.0  # seconds after the last deadline at which everything is looked at


@dataclass
class _Open:
    """Something of one user, and whether it still does anything when it is asked."""

    client: Client
    still: Callable[[], object]


def sessions(running: World, sizes: Sizes) -> Row:
    with MongoClient[dict[str, Any]](running.root_uri(TARGET)) as root:
        root.shop.touched.insert_one({"number": -1})  # transactions that all make one collection end each other
    held = hold(running, sizes.held * len(_KINDS), seconds=2.0, role="readWrite@shop", to_open=SECONDS_TO_OPEN)
    opened: dict[str, list[_Open]] = {kind: [] for kind in _KINDS}
    for number, login in enumerate(held):
        kind = list(_KINDS)[number % len(_KINDS)]
        if time.time() < login.deadline - SECONDS_TO_OPEN:
            opened[kind].append(_KINDS[kind](_client(running, login), number))
    too_late = len(held) - sum(len(ones) for ones in opened.values())
    time.sleep(max(0.0, max(login.deadline for login in held) + AFTER - time.time()))
    alive = {kind: sum(_is_alive(one) for one in ones) for kind, ones in opened.items()}
    running_still = _operations(running, {login.username for login in held})
    return Row(
        name="open at the deadline",
        means=f"{AFTER:.0f} s after the last deadline: connections that still read, cursors that still give documents, "
        "operations that still run (by the server's own list, too), transactions that still commit.",
        n=len(held),
        at_a_time=len(held),
        ours={
            **{f"{kind} alive": number for kind, number in alive.items()},
            "operations listed": running_still,
            "opened too late": too_late,
        },
        goal="100 % ended",
        is_met=not any(alive.values()) and not running_still and not too_late,
    )


def _connection(client: Client, _: int) -> _Open:
    client.shop.orders.find_one()
    return _Open(client, client.shop.orders.find_one)


def _cursor(client: Client, _: int) -> _Open:
    cursor = client.shop.orders.find({}, batch_size=2)
    next(cursor)

    def still() -> None:
        try:
            for _ in range(10):
                next(cursor)
        finally:
            with suppress(PyMongoError):
                cursor.close()

    return _Open(client, still)


def _operation(client: Client, _: int) -> _Open:
    ended = threading.Event()

    def run() -> None:
        with suppress(PyMongoError):
            while True:
                list(client.shop.orders.find(SLOW))
        ended.set()

    threading.Thread(target=run, daemon=True).start()

    def still() -> None:
        if ended.wait(0.5):
            raise PyMongoError("It was ended.")

    return _Open(client, still)


def _transaction(client: Client, number: int) -> _Open:
    session = client.start_session()
    session.start_transaction()
    client.shop.touched.insert_one({"number": number}, session=session)
    return _Open(client, session.commit_transaction)


_KINDS: dict[str, Callable[[Client, int], _Open]] = {
    "connections": _connection,
    "cursors": _cursor,
    "operations": _operation,
    "transactions": _transaction,
}


def _client(running: World, login: Login) -> Client:
    return MongoClient(
        running.host(TARGET),
        username=login.username,
        password=login.password,
        authMechanism="SCRAM-SHA-256",
        directConnection=True,
        retryReads=False,
        retryWrites=False,
    )


def _is_alive(one: _Open) -> bool:
    try:
        one.still()
    except PyMongoError:
        return False
    finally:
        one.client.close()
    return True


def _operations(running: World, usernames: set[str]) -> int:
    with MongoClient[dict[str, Any]](running.root_uri(TARGET)) as root:
        pipeline: list[dict[str, Any]] = [
            {"$currentOp": {"allUsers": True, "idleConnections": False}},
            {"$match": {"effectiveUsers.user": {"$in": sorted(usernames)}}},
        ]
        return len(list(root.admin.aggregate(pipeline)))
