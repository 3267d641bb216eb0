"""People in a journey: what they do over REST with their own token, and what they see at a target with a password."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

import httpx2
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from sandbox.tour.hostile import LOGIN_REFUSED, UNAUTHORIZED

Answer = dict[str, Any]

READ_ORDERS = "read@shop.orders"
# A connection that is kept may be closed by the server just when it is used again.
FRESH = httpx2.Limits(max_connections=40, max_keepalive_connections=0)
REASON = "Refund totals are off for twelve orders."


class Person:
    """Speaks to the API exactly as any client would."""

    def __init__(self, name: str, *, web: str, token: str) -> None:
        self.name = name
        self.api = httpx2.Client(
            base_url=f"{web}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=15,
            trust_env=False,
            limits=FRESH,
        )

    def close(self) -> None:
        self.api.close()

    def get(self, path: str, **query: str | int) -> Answer:
        return expect(self.api.get(path, params=query), 200)

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, expected: int = 200) -> Answer:
        return expect(self.api.post(path, json=dict(body or {})), expected)

    def ask(
        self, *, target: str, roles: tuple[str, ...] = (READ_ORDERS,), duration: str, reason: str = REASON, **more: Any
    ) -> Answer:
        body = {"target": target, "kind": "database_user", "roles": list(roles), "authentication": "scram"}
        return self.post("access-requests/", {**body, "duration": duration, "reason": reason, **more}, expected=201)

    def approve(self, access_request: Answer, *, expected: int = 200) -> Answer:
        body = {"revision": access_request["revision"], "comment": "Agreed."}
        return self.post(f"access-requests/{access_request['id']}/approve/", body, expected=expected)

    def grant(self, grant_id: int) -> Answer:
        return self.get(f"grants/{grant_id}/")

    def reveal(self, grant_id: int) -> Answer:
        return self.post(f"grants/{grant_id}/reveal/")


def expect(response: httpx2.Response, status: int) -> Answer:
    """The body of an answer that must have this status."""
    asked = f"{response.request.method} {response.request.url.path}"
    assert response.status_code == status, f"{asked} answered {response.status_code}, not {status}: {response.text}"
    body: Answer = response.json()
    return body


@dataclass(slots=True)
class Access:
    """One approved request, its grant as last seen, and the password that was revealed for it."""

    person: Person
    access_request: Answer
    grant: Answer
    credential: Answer = field(default_factory=dict)

    @property
    def expires_at(self) -> datetime:
        return datetime.fromisoformat(self.grant["expires_at"])

    @property
    def username(self) -> str:
        return str(self.grant["username"])

    def connect(self) -> MongoClient[Answer]:
        """A connection with the connection string exactly as it was revealed."""
        return MongoClient(self.credential["connection_string"], serverSelectionTimeoutMS=5000)

    def login(self) -> Login:
        return log_in(self.credential["connection_string"])


class Login(Enum):
    """What becomes of a new connection, as the target says."""

    WORKS = "it gets in and may read"
    POWERLESS = "it gets in and may do nothing"
    REFUSED = "it does not get in"


def log_in(connection_string: str) -> Login:
    """Open a new connection and read an order.

    :raises PyMongoError: the target does not answer.
    """
    with MongoClient[Answer](connection_string, serverSelectionTimeoutMS=2000) as client:
        try:
            client.shop.command("find", "orders", limit=1, singleBatch=True)
        except OperationFailure as error:
            if error.code in LOGIN_REFUSED:
                return Login.REFUSED
            if error.code == UNAUTHORIZED:  # between the two: its roles are taken away first, then its password
                return Login.POWERLESS
            raise
        return Login.WORKS


def is_cut_off(client: MongoClient[Answer]) -> bool:
    """Whether the next command on an open connection is refused."""
    with suppress(PyMongoError):
        client.shop.command("find", "orders", limit=1, singleBatch=True)
        return False
    return True
