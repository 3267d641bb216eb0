"""Guards that worlds live side by side, start fast, walk their tour to the end, and leave nothing on the machine."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from sandbox.tour.target import Target
from tests.journeys.people import Person
from tests.sandbox.running import Running, eventually

READY_SECONDS = 10.0
END_SECONDS = 10.0
WENT_WELL = "The tour went well"


def expect_apart(first: Running, second: Running) -> None:
    """The second walks its tour; whoever works in the first goes on, and is nobody in the second."""
    alice = Person("alice", web=first.state["web"], token=first.state["tokens"]["alice"])
    number = alice.ask(target="shop-dev", duration="PT10M")["grant"]["id"]
    assert eventually(lambda: alice.grant(number)["state"] == "active", seconds=20)
    shown = alice.reveal(number)
    directory = Path(second.state["logs"]).parent
    was_crowded = os.getloadavg()[0] > (os.cpu_count() or 1)  # so that a time tells nothing of what is timed
    with MongoClient[dict[str, Any]](shown["connection_string"]) as client:
        assert client.shop.orders.find_one()
        assert first.state["web"] != second.state["web"]
        assert f"{shown['username']}@admin" in users_of(first) - users_of(second)
        assert processes_of(second.process.pid, directory), "They can be found while they are there."

        assert eventually(lambda: WENT_WELL in told(second) or second.process.poll() is not None, seconds=240)
        over = time.monotonic()
        assert second.process.wait(timeout=3 * END_SECONDS) == 0, told(second)[-2000:]
        seconds = time.monotonic() - over

        assert client.shop.orders.find_one(), "What ends elsewhere takes nothing from here."
    assert WENT_WELL in told(second)
    assert "Traceback" not in told(second)
    assert seconds < END_SECONDS, f"It took {seconds:.1f} s to end."
    assert processes_of(second.process.pid, directory) == []
    assert not directory.exists()
    assert not second.state_file.exists()
    ready = re.search(r"Ready after (\S+) s", told(second))
    assert ready is not None
    assert was_crowded or float(ready.group(1)) <= READY_SECONDS
    alice.post(f"grants/{number}/release/", expected=202)
    alice.close()


def users_of(world: Running) -> set[str]:
    with contextlib.closing(Target("shop-dev", state=world.state)) as target:
        return set(target.users())


def told(world: Running) -> str:
    return world.output.read_text(encoding="utf-8")


def processes_of(pid: int, directory: Path) -> list[str]:
    """Every process of that world: told by its environment, or by its directory among its arguments."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = (process / "environ").read_bytes().split(b"\0")
            arguments = (process / "cmdline").read_bytes()
            if f"ACCESS_SANDBOX={pid}".encode() in environment or str(directory).encode() in arguments:
                found.append(arguments.replace(b"\0", b" ").decode(errors="replace"))
    return found
