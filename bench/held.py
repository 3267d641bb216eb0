"""Access in numbers: asked for, live, its password taken, each with a deadline that lies where a measure wants it."""

from __future__ import annotations

import math
import sys
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx2

from bench import world
from bench.door import Login
from bench.together import AT_A_TIME
from bench.world import World

TARGET = "shop-dev"  # where everybody has what they ask for, at once
# An end is counted from when the workers begin: with so few on their way, each begins soon after it was asked for.
ON_THEIR_WAY = 24
REHEARSED = 24
REHEARSED_LENGTH = "PT1H"
MARGIN = 1.5  # of what a rehearsal took: with thousands their holders are told of near ends meanwhile
SECONDS_TO_BEGIN = 30.0  # and for what an outage or a storm before it has left to do
LOOK_SECONDS = 0.2
PATIENCE = 30.0
TOLD_SECONDS = 10.0


def hold(running: World, number: int, *, seconds: float, role: str = "read@shop", to_open: float = 0.0) -> list[Login]:
    """So many, live, with ends spread over so many seconds, soon after all can be there and something was opened with each.

    How soon that is, a rehearsal says. The ends are the target's own word. Nobody is left to be told.
    """
    client = running.client("alice")
    for_one = _rehearsed(running, client, role)
    begin = time.time() + SECONDS_TO_BEGIN + number * (for_one * MARGIN + to_open)
    ends = [begin + seconds * index / number for index in range(number)]
    _say(f"{number:,} accesses are to be live in {begin - time.time():.0f} s.")
    live = _all_live(client, role, number, lambda index: f"PT{max(5, math.ceil(ends[index] - time.time()))}S")
    found = list(live.values())
    _wait(running)
    late = time.time() - min(login.deadline for login in found)
    if late > 0:
        raise RuntimeError(
            f"All {number:,} were ready {late:.0f} s after the first of them ended. Is the machine busy?"
        )
    return found


def _rehearsed(running: World, client: httpx2.Client, role: str) -> float:
    """What one takes, of some that are released again: asked for, made, revealed, everybody told."""
    _wait(running)
    began = time.monotonic()
    live = _all_live(client, role, REHEARSED, lambda _: REHEARSED_LENGTH)
    _wait(running)
    taken = time.monotonic() - began
    for grant_id in live:
        client.post(f"grants/{grant_id}/release/", json={}).raise_for_status()
    _wait(running)
    return taken / REHEARSED


def _all_live(client: httpx2.Client, role: str, number: int, length: Callable[[int], str]) -> dict[int, Login]:
    """One look at the list for all that are on their way: if each asked for its own all the time, they would take the
    processors from the workers that they wait for.
    """
    left, on_their_way, found = deque(range(number)), set[int](), dict[int, Login]()
    moved_at = told_at = time.monotonic()

    def ask(index: int) -> int:
        granted = world.ask(client, target=TARGET, role=role, duration=length(index))
        return int(granted["grant"]["id"])

    def take(grant_id: int) -> Login:
        revealed = world.reveal(client, grant_id)
        return Login(revealed["username"], revealed["password"], world.moment(revealed["expires_at"]))

    with ThreadPoolExecutor(max_workers=AT_A_TIME) as pool:
        while left or on_their_way:
            more = [left.popleft() for _ in range(min(len(left), ON_THEIR_WAY - len(on_their_way)))]
            on_their_way.update(pool.map(ask, more))
            live = sorted(on_their_way - _pending(client))
            found |= zip(live, pool.map(take, live), strict=True)
            on_their_way.difference_update(live)
            now = time.monotonic()
            moved_at = now if live else moved_at
            if now - moved_at > PATIENCE:
                raise RuntimeError(f"Nothing became live for {PATIENCE:.0f} s, after {len(found):,} of {number:,}.")
            if now - told_at > TOLD_SECONDS:
                told_at = now
                _say(f"{len(found):,} of {number:,} are live.")
            time.sleep(LOOK_SECONDS)
    return found


def _wait(running: World) -> None:
    """Until everybody is told but the channels in Slack, which take one message a second, however many there are."""
    world.wait_until_idle(running, every=LOOK_SECONDS, but_for=(*world.PACED, *world.IN_ITS_TIME))


def _pending(client: httpx2.Client) -> set[int]:
    """Which of their grants the workers have not made true yet."""
    answer = client.get("grants/", params={"state": "pending", "page_size": ON_THEIR_WAY})
    answer.raise_for_status()
    return {grant["id"] for grant in answer.json()["results"]}


def _say(line: str) -> None:
    sys.stderr.write(f"  {line}\n")
    sys.stderr.flush()
