"""Runs one of the product's own commands in a running world, on the terminal of whoever asked for it."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sandbox.processes import end, spawn
from sandbox.units import ROOT, program_path

_STREAMS = 3
_OF_WORKERS = frozenset({"break_glass_kit"})  # it needs their file of targets
_LOOK_EVERY = 0.1
_PATIENCE = 2.0


class OrderRefused(RuntimeError):
    """The world did not carry out an order; the message says why."""


class Errands:
    """`manage.py …` as the operator, where the command needs it on the machine of the workers. Only a child of the world
    may: nothing else accepts a sandbox's settings.
    """

    def __init__(self, environment: Mapping[str, str], *, of_workers: Mapping[str, str]) -> None:
        self._environment = environment
        self._of_workers = of_workers

    def run(self, order: Mapping[str, Any], *, streams: Sequence[int], asker: socket.socket) -> int:
        """The exit code. The command ends when whoever asked for it goes away.

        :raises OrderRefused: the order does not say what to run, where and on which streams.
        """
        arguments, directory = order.get("arguments"), Path(str(order.get("directory")))
        if not (isinstance(arguments, list) and arguments and len(streams) == _STREAMS and directory.is_dir()):
            raise OrderRefused("Say which command to run, in which directory, and on which three streams.")
        process = spawn(
            [program_path("python"), ROOT / "manage.py", *map(str, arguments)],
            environment=self._of_workers if arguments[0] in _OF_WORKERS else self._environment,
            directory=directory,
            streams=streams,
        )
        return _awaited(process, asker)


def _awaited(process: subprocess.Popen[bytes], asker: socket.socket) -> int:
    asker.settimeout(None)
    while process.poll() is None:
        heard, _, _ = select.select([asker], [], [], _LOOK_EVERY)
        if heard and not asker.recv(1):
            end(process, stop_signal=signal.SIGTERM, patience=_PATIENCE)
    return process.wait()


@contextmanager
def received(connection: socket.socket, *, longest: int) -> Iterator[tuple[bytes, Sequence[int]]]:
    """One line, and the streams that came with it, which are closed again afterwards."""
    line, streams = b"", list[int]()
    try:
        while len(line) < longest and not line.endswith(b"\n"):
            words, came, _, _ = socket.recv_fds(connection, longest - len(line), _STREAMS)
            streams += came
            if not words:
                break
            line += words
        yield line, streams
    finally:
        for stream in streams:
            os.close(stream)
