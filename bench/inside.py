"""Runs a file of `bench.within` in the environment of a part of the world: `python -m bench.inside NAME`.

What it is told comes by standard input, what it says is one line of JSON.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from typing import Any

import django

from bench.world import World


def asked(running: World, part: str, name: str, told: str = "") -> Any:
    """The answer of a process that is like `part`, which must be running or have been when the world began."""
    command = [sys.executable, "-m", "bench.inside", name]
    like = {**running.environment(part), "ACCESS_LOG_LEVEL": "WARNING"}
    done = subprocess.run(command, input=told, text=True, env=like, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    django.setup()
    answer = importlib.import_module(f"bench.within.{sys.argv[1]}").run(sys.stdin.read())
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    os._exit(0)  # a relay has threads that nobody else ends


if __name__ == "__main__":
    main()
