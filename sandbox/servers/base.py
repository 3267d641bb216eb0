"""What every embedded server can do: start, stop, crash and come back on the same port and data."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar

from sandbox.processes import PortReservation, end, spawn

START_SECONDS = 30.0


class ServerError(RuntimeError):
    """A server did not start; the message holds the end of its log."""


class PortTakenError(ServerError):
    """Somebody else listens on the port that we meant to use."""


class Server(ABC):
    """One embedded server process; the port and the data stay the same over any number of stops and starts."""

    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    death_signal: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.directory = directory
        self.log = directory / "server.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._reservation: PortReservation | None = None
        self._is_prepared = False
        self._is_removed = False

    @property
    def port(self) -> int:
        if self._reservation is None:
            self._reservation = PortReservation()
        return self._reservation.port

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.is_running else None

    @property
    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self) -> None:
        """Start and wait until it serves; the first time it is set up as well. Does nothing when it runs already.

        :raises ServerError: it ended or did not answer in time.
        """
        if self.is_running:
            return
        if not self._is_prepared:
            self.directory.mkdir(parents=True, exist_ok=True)
            self.directory.chmod(0o711)  # Whatever the umask: PostgreSQL's own user must get through.
            self._prepare()
            self._is_prepared = True
        for _ in range(5):
            try:
                self._launch()
                return
            except PortTakenError:
                if self._was_started_before():
                    time.sleep(0.5)  # People know this port by now: wait for it rather than move.
                else:
                    self._reservation = None
        self._launch()

    def stop(self, *, patience: float = 8.0) -> None:
        """Stop cleanly; the data stays and start() brings the same server back."""
        if self.process is not None:
            end(self.process, stop_signal=self.stop_signal, patience=patience)

    def kill(self) -> None:
        """End it as a crash would."""
        if self.process is not None:
            end(self.process, stop_signal=signal.SIGKILL, patience=8.0)

    def remove(self) -> None:
        """Kill it, even while another thread is starting it, and give back its port and its directory."""
        self._is_removed = True
        self.kill()
        if self._reservation is not None:
            self._reservation.release()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _launch(self) -> None:
        port = self.port
        with self.log.open("ab") as output:
            offset = output.seek(0, os.SEEK_END)
        self._spawn(self._command(port), death_signal=self.death_signal)
        deadline = time.monotonic() + START_SECONDS
        try:
            while not self._listens(port):
                self._check_alive(offset, deadline)
                time.sleep(0.02)
            while not self._serves(port):
                self._check_alive(offset, deadline)
                time.sleep(0.01)
            self._check_alive(offset, deadline)  # An answer counts only while our own process holds the port.
        except BaseException:
            self.kill()
            raise

    def _spawn(
        self, command: Sequence[str | Path], *, death_signal: signal.Signals = signal.SIGKILL
    ) -> subprocess.Popen[bytes]:
        self.process = spawn(
            command,
            log=self.log,
            environment={"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"},
            directory=self.directory,
            uid=self._uid(),
            death_signal=death_signal,
        )
        if self._is_removed:
            # Either we see that it was removed, or whoever removes it sees this process; never neither.
            self.kill()
            raise ServerError(f"{self.name} was removed while it started.")
        return self.process

    def _check_alive(self, offset: int, deadline: float) -> None:
        if self.is_running and time.monotonic() < deadline:
            return
        with self.log.open("rb") as output:
            output.seek(offset)
            said = output.read().decode(errors="replace")[-2000:]
        # "Address already in use", or the shared memory of a killed PostgreSQL whose last children still end.
        if "ddress already in use" in said or "is still in use" in said:
            raise PortTakenError(f"{self.name} could not start on port {self.port}: it is taken.")
        if "error while loading shared libraries" in said:
            said += "\nInstall the system library that is named above (on Debian: apt-get install libcurl4 libssl3)."
        raise ServerError(f"{self.name} did not start. The end of its log says:\n{said}")

    @staticmethod
    def _listens(port: int) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    def _uid(self) -> int | None:
        return None

    def _prepare(self) -> None:  # noqa: B027 - not every server needs anything
        """Make what must exist before the first start."""

    @abstractmethod
    def _command(self, port: int) -> Sequence[str | Path]:
        """What to run, program first."""

    @abstractmethod
    def _serves(self, port: int) -> bool:
        """Whether it does real work for a client; the first time, finish the set-up."""

    @abstractmethod
    def _was_started_before(self) -> bool:
        """Whether what it needs to begin with was made."""


def start_all(servers: Sequence[Server]) -> None:
    """Start several servers at once and wait for all of them.

    :raises ServerError: one did not start; the others are left as they are.
    """
    with ThreadPoolExecutor(max_workers=max(1, len(servers))) as pool:
        for started in [pool.submit(server.start) for server in servers]:
            started.result()


def package_directory(name: str) -> Path:
    try:
        spec = importlib.util.find_spec(name)
    except ModuleNotFoundError:
        spec = None
    if spec is None or spec.origin is None:
        raise ServerError(f"The package {name} is not installed. Run `make install`.")
    return Path(spec.origin).resolve().parent


def executable(program: Path, directory: Path) -> Path:
    """The program itself, made executable (its wheel forgets to), or a copy where we may not change it."""
    if os.access(program, os.X_OK):
        return program
    with contextlib.suppress(PermissionError):
        program.chmod(0o755)
        return program
    copy = directory / program.name
    if not copy.exists():
        shutil.copy(program, copy)
        copy.chmod(0o755)
    return copy
