"""Socket Mode: connections that the app has opened, and envelopes that go to one of them and are acknowledged.

As on Slack's page "Using Socket Mode": the address comes from apps.connections.open and opens one connection, `hello`
comes first, every envelope goes to one connection, chosen at random, and `disconnect` tells the app to come again.
"""

from __future__ import annotations

import contextlib
import json
import random
import secrets
import socket
import threading
from typing import Any
from uuid import uuid4

from sandbox.slack.frames import CLOSE, PING, PONG, TEXT, Closed, Source, frame, read_message
from sandbox.slack.wire import Document

MOST = 10


class Connection:
    """One open websocket."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._writing = threading.Lock()

    def write(self, payload: bytes, *, kind: int = TEXT) -> None:
        """:raises OSError: the app has gone."""
        with self._writing:
            self._channel.sendall(frame(payload, kind=kind))

    def say(self, document: Document) -> None:
        """:raises OSError: the app has gone."""
        self.write(json.dumps(document).encode())

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self.write(b"", kind=CLOSE)
            self._channel.shutdown(socket.SHUT_RDWR)


class Sockets:
    """All connections of the app."""

    def __init__(self, *, app_id: str) -> None:
        self._app_id = app_id
        self._lock = threading.Lock()
        self._tickets: set[str] = set()
        self._open: list[Connection] = []
        self._waiting: dict[str, tuple[threading.Event, list[Any]]] = {}

    def ticket(self) -> str:
        """Opens one connection."""
        made = secrets.token_urlsafe(18)
        with self._lock:
            self._tickets.add(made)
        return made

    def admit(self, ticket: str) -> bool:
        with self._lock:
            if ticket not in self._tickets or len(self._open) >= MOST:
                return False
            self._tickets.discard(ticket)
            return True

    @property
    def count(self) -> int:
        return len(self._open)

    def serve(self, channel: socket.socket, source: Source) -> None:
        """Stay with one connection until it ends."""
        connection = Connection(channel)
        with self._lock:
            self._open.append(connection)
        try:
            connection.say(
                {
                    "type": "hello",
                    "num_connections": self.count,
                    "debug_info": {"host": "stand-in", "approximate_connection_time": 18060},
                    "connection_info": {"app_id": self._app_id},
                }
            )
            while True:
                kind, payload = read_message(source)
                if kind == PING:
                    connection.write(payload, kind=PONG)
                elif kind == TEXT:
                    self._acknowledged(payload)
                elif kind == CLOSE:
                    return
        except (Closed, OSError):
            return
        finally:
            with self._lock:
                self._open.remove(connection)
            connection.close()

    def send(self, envelope: Document, *, seconds: float) -> tuple[bool, Any]:
        """Whether it was acknowledged in time, and what came with that.

        :raises ConnectionError: nobody is connected.
        """
        identifier = str(uuid4())
        acknowledged, answers = threading.Event(), list[Any]()
        with self._lock:
            if not self._open:
                raise ConnectionError
            connection = random.choice(self._open)
            self._waiting[identifier] = (acknowledged, answers)
        try:
            connection.say({"envelope_id": identifier, **envelope})
            came = acknowledged.wait(seconds)
        except OSError:
            came = False
        finally:
            with self._lock:
                del self._waiting[identifier]
        return came, answers[0] if answers else None

    def disconnect(self, reason: str) -> None:
        """Tell every connection to come again, or why it may not, and end it."""
        with self._lock:
            found = list(self._open)
        for connection in found:
            with contextlib.suppress(OSError):
                connection.say({"type": "disconnect", "reason": reason, "debug_info": {"host": "stand-in"}})
            connection.close()

    def _acknowledged(self, payload: bytes) -> None:
        with contextlib.suppress(ValueError):
            said = json.loads(payload)
            identifier = said.get("envelope_id") if isinstance(said, dict) else None
            with self._lock:
                acknowledged, answers = self._waiting.get(str(identifier), (None, []))
            if acknowledged is not None:
                answers.append(said.get("payload"))
                acknowledged.set()
