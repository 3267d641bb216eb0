"""Tries a login at a mongod, again and again, for two round trips each: SCRAM-SHA-256 by hand, keys derived once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure

AUTHENTICATION_FAILED, UNAUTHORIZED = 18, 13
USER_NOT_FOUND = 11  # dropped between the two steps of signing in
Keys = dict[tuple[str, bytes, int], bytes]
_HEADER = base64.b64encode(b"n,,").decode()


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody's user and password, and when they are to stop working."""

    username: str
    password: str
    deadline: float


class Door:
    """One connection to one server. It is nobody's before each try and after it. `keys` are what another has derived."""

    def __init__(self, host: str, *, keys: Keys | None = None) -> None:
        self.client = MongoClient[dict[str, Any]](
            host, directConnection=True, maxPoolSize=1, serverSelectionTimeoutMS=2000, retryReads=False
        )
        # A driver derives the keys for each new client, which costs more than the server's answer.
        self.keys: Keys = {} if keys is None else keys

    def lets_in(self, login: Login) -> bool:
        """Whether the server takes this login now.

        :raises PyMongoError: when there was another answer than yes or no.
        """
        try:
            self.enter(login)
        except OperationFailure as error:
            if error.code in {AUTHENTICATION_FAILED, USER_NOT_FOUND}:
                return False
            raise
        self.leave()
        return True

    def enter(self, login: Login) -> None:
        """Sign in, and stay (RFC 5802; the hash and the mechanism's name: RFC 7677)."""
        admin = self.client.admin
        name = login.username.replace("=", "=3D").replace(",", "=2C")
        first = f"n={name},r={secrets.token_urlsafe(18)}"
        options = {"skipEmptyExchange": True}
        answer = admin.command("saslStart", mechanism="SCRAM-SHA-256", payload=f"n,,{first}".encode(), options=options)
        said = bytes(answer["payload"]).decode()
        fields = dict(part.split("=", 1) for part in said.split(","))
        last = f"c={_HEADER},r={fields['r']}"
        salted = self._key(login, base64.b64decode(fields["s"]), int(fields["i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), f"{first},{said},{last}".encode(), "sha256")
        proof = bytes(one ^ other for one, other in zip(client_key, signature, strict=True))
        payload = f"{last},p={base64.b64encode(proof).decode()}".encode()
        admin.command("saslContinue", conversationId=answer["conversationId"], payload=payload)

    def leave(self) -> None:
        try:
            self.client.admin.command("logout")
        except OperationFailure as error:
            if error.code != UNAUTHORIZED:  # the user was ended meanwhile, and with it who we were
                raise

    def close(self) -> None:
        self.client.close()

    def _key(self, login: Login, salt: bytes, iterations: int) -> bytes:
        known = (login.username, salt, iterations)
        if known not in self.keys:
            self.keys[known] = hashlib.pbkdf2_hmac("sha256", login.password.encode(), salt, iterations)
        return self.keys[known]


def prove(door: Door, held: Iterable[Login]) -> None:
    """Each of them works; and no key is derived any more when a thousand are tried at once.

    :raises RuntimeError: when one is refused.
    """
    for login in held:
        if not door.lets_in(login):
            raise RuntimeError(
                f"{login.username} was refused {login.deadline - time.time():.1f} s before its deadline."
            )


def refused_after(door: Door, login: Login, *, every: float, patience: float) -> float:
    """Seconds from the deadline until the login is refused, asked from a little before it on; infinite: it never was."""
    while (left := login.deadline - time.time()) > 0.25:
        time.sleep(min(left - 0.2, 1.0))
    while door.lets_in(login):
        if time.time() > login.deadline + patience:
            return float("inf")
        time.sleep(every)
    return time.time() - login.deadline
