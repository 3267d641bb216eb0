"""A world whose workers are stopped, and ours in their place, which end nothing."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from bench.world import World
from sandbox.commands import COMMANDS, WORKER, WORKER_URGENT
from sandbox.units import program_path


@contextmanager
def workers(running: World) -> Iterator[None]:
    """The same commands with the app of `bench.sabotage`, in the environment of those that they replace."""
    told = {name: running.environment(name) for name in (WORKER, WORKER_URGENT)}
    running.stop(WORKER, WORKER_URGENT)
    processes = [
        subprocess.Popen(_command(name), env=told[name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for name in told
    ]
    try:
        yield
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(timeout=20)


def _command(name: str) -> list[str]:
    program, *arguments = COMMANDS[name]
    return [program_path(program), *(one.replace("workers.app", "bench.sabotage") for one in arguments)]
