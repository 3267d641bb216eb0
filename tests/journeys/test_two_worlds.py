"""Guards that worlds live side by side, start fast, walk their tour to the end, and leave nothing on the machine."""

from __future__ import annotations

import contextlib
import os
import re
import time
from pathlib import Path

import httpx2
import pytest

from tests.journeys.people import Login
from tests.journeys.test_redis_and_workers_are_away import release
from tests.journeys.world import World

READY_SECONDS = 10.0
END_SECONDS = 10.0
WENT_WELL = "The tour went well"


def is_crowded() -> bool:
    """Whether more wants to run on this machine than can, so that a time tells nothing of what is timed."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


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


def walked(world: World) -> str | None:
    """All that a world said on its tour, once that is over."""
    told = world.output.read_text(encoding="utf-8")
    return told if WENT_WELL in told or world.process.poll() is not None else None


class TestTwoWorlds:
    @pytest.mark.slow
    @pytest.mark.timeout(300)
    def test_they_do_not_meet_and_the_one_that_ends_leaves_nothing(self, world: World, tmp_path: Path) -> None:
        mine = world.opened(target="shop-dev", duration="PT10M")
        second = World(tmp_path, options=["--tour-only"])
        try:
            directory = Path(second.state()["logs"]).parent
            was_crowded = is_crowded()
            assert second.state()["web"] != world.state()["web"]
            assert world.users_of(mine)
            assert second.users_of(mine) == []
            assert processes_of(second.process.pid, directory), "They can be found while they are there."

            told = second.wait_for(lambda: walked(second), what="the tour is over", seconds=240)
            over = time.monotonic()
            second.process.wait(timeout=2 * END_SECONDS)
            seconds = time.monotonic() - over
        finally:
            second.end()

        assert (second.process.returncode, WENT_WELL in told) == (0, True), told
        assert "Traceback" not in told
        assert seconds < END_SECONDS, f"It took {seconds:.1f} s to end."
        assert processes_of(second.process.pid, directory) == []
        assert not directory.exists()
        assert not second.state_file.exists()
        ready = re.search(r"Ready after (\S+) s", told)
        assert ready is not None
        assert httpx2.get(f"{world.state()['web']}/readyz", trust_env=False).is_success
        assert mine.login() is Login.WORKS
        assert was_crowded or float(ready.group(1)) <= READY_SECONDS
        release(world, mine)
        print(f"A second world: ready after {ready.group(1)} s, ended in {seconds:.1f} s.")
