"""A small MongoDB client that sends commands without a session, as an old or hostile client may.

Drivers give every command a logical session (`lsid`); ending sessions then ends the command. To show that access ends
for those who send none, somebody has to send none. SCRAM-SHA-256 as in RFC 7677, messages as in MongoDB's OP_MSG.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from typing import Any

import bson

_OP_MSG = 2013
_HEADER = struct.Struct("<iiii")


class BareError(Exception):
    """The server refused a command."""

    def __init__(self, answer: dict[str, Any]) -> None:
        super().__init__(str(answer.get("errmsg")))
        self.code = answer.get("code")


class BareClient:
    """One connection, logged in, from one of this machine's addresses; every command is sent exactly as given."""

    def __init__(self, *, host: str, username: str, password: str, database: str = "admin", source: str = "") -> None:
        name, _, port = host.rpartition(":")
        self._socket = socket.create_connection((name, int(port)), timeout=60, source_address=(source, 0))
        try:
            self._log_in(username, password, database)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        self._socket.close()

    def command(self, database: str, command: dict[str, Any]) -> dict[str, Any]:
        """:raises BareError: the server's answer is not ok."""
        body = bson.encode({**command, "$db": database})
        payload = b"\0\0\0\0" + b"\0" + body
        self._socket.sendall(_HEADER.pack(_HEADER.size + len(payload), 1, 0, _OP_MSG) + payload)
        length, *_ = _HEADER.unpack(self._receive(_HEADER.size))
        answer: dict[str, Any] = bson.decode(self._receive(length - _HEADER.size)[5:])
        if not answer.get("ok"):
            raise BareError(answer)
        return answer

    def _receive(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            part = self._socket.recv(count - len(received))
            if not part:
                raise ConnectionError("The server closed the connection.")
            received += part
        return received

    def _log_in(self, username: str, password: str, database: str) -> None:
        name = username.replace("=", "=3D").replace(",", "=2C")
        first = f"n={name},r={secrets.token_urlsafe(24)}"
        start = {"saslStart": 1, "mechanism": "SCRAM-SHA-256", "payload": f"n,,{first}".encode()}
        answer = self.command(database, {**start, "options": {"skipEmptyExchange": True}})
        challenge = bytes(answer["payload"]).decode()
        fields = dict(part.split("=", 1) for part in challenge.split(","))
        final = f"c=biws,r={fields['r']}"
        salt = base64.b64decode(fields["s"])
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, int(fields["i"]))
        key = hmac.digest(salted, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(key).digest(), f"{first},{challenge},{final}".encode(), "sha256")
        proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature, strict=True))).decode()
        self.command(
            database,
            {
                "saslContinue": 1,
                "conversationId": answer["conversationId"],
                "payload": f"{final},p={proof}".encode(),
            },
        )
