"""The way to the target, which can be shut, left hanging, and opened again."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Way:
    """A port that leads to the server. Shut: nobody listens. Hanging: it lets everybody in and carries nothing."""

    def __init__(self, host: str) -> None:
        address, _, port = host.rpartition(":")
        self._server = (address, int(port))
        self._entrance = socket.create_server(("127.0.0.1", 0))
        self._port = int(self._entrance.getsockname()[1])
        self._open: list[socket.socket] = []
        self._flows = threading.Event()
        self._flows.set()
        self._admit(self._entrance)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._port}"

    def shut(self) -> None:
        with suppress(OSError):
            self._entrance.shutdown(socket.SHUT_RDWR)
        self._entrance.close()
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()
        self._flows.set()

    def hang(self) -> None:
        self._flows.clear()

    def open(self) -> None:
        if self._entrance.fileno() == -1:
            self._entrance = socket.create_server(("127.0.0.1", self._port))
            self._admit(self._entrance)
        self._flows.set()

    def _admit(self, entrance: socket.socket) -> None:
        def admit() -> None:
            with suppress(OSError):
                while True:
                    threading.Thread(target=self._converse, args=(entrance.accept()[0],), daemon=True).start()

        threading.Thread(target=admit, daemon=True).start()

    def _converse(self, visitor: socket.socket) -> None:
        with visitor, suppress(OSError), socket.create_connection(self._server) as server:
            self._open += [visitor, server]
            answers = threading.Thread(target=self._carry, args=(server, visitor), daemon=True)
            answers.start()
            self._carry(visitor, server)
            answers.join()

    def _carry(self, one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError):
            while data := one.recv(65536):
                self._flows.wait()
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
