"""What somebody can still be doing when their access ends, each of which must end with it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from bson.int64 import Int64
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from sandbox.bare_mongo import BareClient, BareError
from sandbox.tour.narrator import Unexpected, expect

Document = dict[str, Any]

UNAUTHORIZED = 13
# AuthenticationFailed for who is not there, MechanismUnavailable for who has no password any more, UserNotFound for
# who went in the middle of the login.
LOGIN_REFUSED = frozenset({18, 334, 11})
OUT_OF_TIME = 50
# Server-side JavaScript that takes long on every document, so that only being killed ends it early.
_SLOWLY = {"$where": "sleep(20) || false"}


class Running:
    """A call that should never come to its own end, in a thread of its own."""

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._error: Exception | None = None
        self._came_through = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
            self._came_through = True
        except (PyMongoError, BareError, OSError) as error:
            self._error = error

    def is_running(self) -> bool:
        return self._thread.is_alive()

    def expect_killed(self, *, within: float) -> None:
        """:raises Unexpected: it still runs, or it was allowed to finish."""
        self._thread.join(timeout=within)
        expect(holds=not self.is_running(), found="it still runs")
        expect(holds=not self._came_through and self._error is not None, found="it came to its own end")


# Plain commands instead of the driver's cursors: those would try to close themselves later, in the background, and
# complain to the terminal that they are no longer allowed to.


def long_command(client: MongoClient[Document]) -> Running:
    """One find that takes minutes, in a session, as drivers send it."""
    return Running(lambda: client.shop.command("find", "orders", filter=_SLOWLY))


def change_stream(client: MongoClient[Document]) -> Running:
    """Waits on the server for a change that does not come."""

    def watch() -> None:
        pipeline = [{"$changeStream": {}}, {"$match": {"operationType": "never"}}]
        with client.start_session() as session:
            opened = client.shop.command("aggregate", "orders", pipeline=pipeline, cursor={}, session=session)
            cursor = Int64(opened["cursor"]["id"])
            while True:
                client.shop.command("getMore", cursor, collection="orders", maxTimeMS=120_000, session=session)

    return Running(watch)


def without_session(reveal: Mapping[str, str], host: str) -> Running:
    """The same long find from a client that sends no session, which killing sessions does not reach."""
    client = BareClient(host=host, username=reveal["username"], password=reveal["password"])

    def find() -> None:
        try:
            client.command("shop", {"find": "orders", "filter": _SLOWLY})
        finally:
            client.close()

    return Running(find)


class OpenTransaction:
    """Changes an order, never commits, and so holds the lock on it."""

    def __init__(self, client: MongoClient[Document], *, order: int) -> None:
        self._order = order
        self._session = client.start_session()
        self._session.start_transaction()
        client.shop.orders.update_one({"_id": order}, {"$set": {"status": "held"}}, session=self._session)

    def expect_blocking(self, root: MongoClient[Document]) -> None:
        """:raises Unexpected: another writer gets through."""
        code = refusal(lambda: self._write_as(root, milliseconds=300))
        expect(holds=code == OUT_OF_TIME, found=f"the other writer was answered with code {code}")

    def expect_released(self, root: MongoClient[Document]) -> None:
        """:raises OperationFailure: the other writer still waits."""
        self._write_as(root, milliseconds=1000)

    def _write_as(self, root: MongoClient[Document], *, milliseconds: int) -> None:
        update = {"q": {"_id": self._order}, "u": {"$inc": {"revision": 1}}}
        root.shop.command("update", "orders", updates=[update], maxTimeMS=milliseconds)

    def close(self) -> None:
        self._session.end_session()


def refusal(call: Callable[[], object]) -> int | None:
    """The code with which the server refuses it.

    :raises Unexpected: it is not refused.
    """
    try:
        call()
    except OperationFailure as error:
        return error.code
    raise Unexpected("it was allowed")


def expect_refused(call: Callable[[], object], code: int) -> None:
    """:raises Unexpected: it is allowed, or refused for another reason."""
    found = refusal(call)
    expect(holds=found == code, found=f"it was refused with code {found}, not {code}")


def expect_login_refused(connection_string: str) -> None:
    """:raises Unexpected: the login works."""
    with MongoClient[Document](connection_string, serverSelectionTimeoutMS=5000) as client:
        code = refusal(lambda: client.admin.command("ping"))
        expect(holds=code in LOGIN_REFUSED, found=f"it was refused with code {code}, which is no refused login")
