"""The product's database stopped across many deadlines: python -m chaos.without_database --deadlines 50.

The sweep alone ends them, which is looked at by the holders' own logins; on return the rows and the trail must tell it truly.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from pathlib import Path

from chaos.login import Key, Login
from chaos.person import Answer, GaveUp, Person
from sandbox.processes import scratch_directory
from sandbox.world import World

LATEST = 60.0  # an end may be so late, and no later
TARGETS = ("shop-dev", "shop-staging")
LENGTH = 90  # seconds: longer than it takes to make them all
ACTIVE_SECONDS, RETURN_SECONDS = 60.0, 90.0
LOOK_EVERY = 0.5


@dataclass(slots=True)
class Access:
    """One that has to end while the database is away."""

    grant_id: int
    key: Key
    expires_at: float
    refused_at: float = 0.0

    @property
    def late(self) -> float:
        return self.refused_at - self.expires_at if self.refused_at else float("inf")


@dataclass(slots=True)
class Result:
    """What came of it; `wrong` are sentences, and there should be none."""

    deadlines: int
    lateness: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def as_text(self) -> str:
        lateness = sorted(self.lateness) or [0.0]
        middle, last = lateness[len(lateness) // 2], lateness[-1]
        told = f"{self.deadlines} deadlines without a database: cut {middle:.1f} s late (median), {last:.1f} s (latest)"
        return "\n".join([told, *self.wrong])


def across(world: World, *, deadlines: int) -> Result:
    """Make so many accesses, stop PostgreSQL before the first ends, let all end, and ask what is told afterwards."""
    state = world.state()
    alice, dave = (Person(name, web=state["web"], token=state["tokens"][name]) for name in ("alice", "dave"))
    result = Result(deadlines)
    try:
        accesses = _made(alice, deadlines)
        world.units["postgres"].stop()
        if time.time() > min(access.expires_at for access in accesses):
            result.wrong.append("The machine was too slow: the first had ended before the database was stopped.")
        with ThreadPoolExecutor(max_workers=8) as pool:
            list(pool.map(_await_refusal, accesses))
        world.units["postgres"].start()
        result.lateness = [access.late for access in accesses]
        result.wrong += [
            f"grant {one.grant_id} was let in {LATEST:.0f} s after its end" for one in accesses if one.late > LATEST
        ]
        result.wrong += [why for access in accesses for why in _untrue(access, alice, dave)]
        if not dave.get("audit-events/verify/")["ok"]:
            result.wrong.append("The audit trail does not verify.")
    finally:
        for person in (alice, dave):
            person.close()
    return result


def _made(alice: Person, deadlines: int) -> list[Access]:
    asked = [_asked(alice, TARGETS[number % len(TARGETS)]) for number in range(deadlines)]
    return [_revealed(alice, one["grant"]["id"]) for one in asked]


def _asked(alice: Person, target: str) -> Answer:
    body = {
        "target": target,
        "kind": "database_user",
        "roles": ["read@shop.orders"],
        "authentication": "scram",
        "duration": f"PT{LENGTH}S",
        "reason": "The database is going to be away.",
    }
    answer = alice.post("access-requests/", body)
    if answer.status_code != HTTPStatus.CREATED:
        raise GaveUp(f"The ask was answered with {answer.status_code}: {answer.text[:300]}")
    asked: Answer = answer.json()
    return asked


def _revealed(alice: Person, grant_id: int) -> Access:
    deadline = time.monotonic() + ACTIVE_SECONDS
    while alice.get(f"grants/{grant_id}/")["credential"] != "ready":
        if time.monotonic() > deadline:
            raise GaveUp(f"grant {grant_id} is not active after {ACTIVE_SECONDS:.0f} s.")
        time.sleep(0.1)
    told = alice.post(f"grants/{grant_id}/reveal/").json()
    key = Key.revealed(told["connection_string"], source="")
    if key.log_in() is not Login.WORKS:
        raise GaveUp(f"grant {grant_id} does not let its holder in.")
    return Access(grant_id, key, _moment(alice.get(f"grants/{grant_id}/")["expires_at"]))


def _await_refusal(access: Access) -> None:
    """By new logins, and by the connection that was open all the time."""
    until = access.expires_at + 2 * LATEST
    while time.time() < until:
        is_open = access.key.read() is Login.WORKS
        if not is_open and access.key.log_in() is Login.REFUSED:
            access.refused_at = time.time()
            return
        time.sleep(LOOK_EVERY)


def _untrue(access: Access, alice: Person, dave: Person) -> list[str]:
    """What rows and trail say of it otherwise than it was."""
    deadline = time.monotonic() + RETURN_SECONDS
    while (grant := alice.get(f"grants/{access.grant_id}/"))["state"] != "revoked":
        if time.monotonic() > deadline:
            return [f"grant {access.grant_id} is {grant['state']} long after the database is back"]
        time.sleep(0.3)
    trail = dave.get("audit-events/", subject=f"grant/{access.grant_id}", page_size=50)["results"]
    facts = {event["event"]: event["facts"] for event in trail}
    if grant["reason"] != "expiry" or "grant.swept" not in facts:
        return [f"grant {access.grant_id} ended by {grant['reason']}, and its trail has {sorted(facts)}"]
    swept_at = _moment(facts["grant.swept"]["swept_at"])
    if not access.expires_at <= swept_at <= access.refused_at + LOOK_EVERY:
        return [f"grant {access.grant_id} was cut otherwise than at {facts['grant.swept']['swept_at']}"]
    return []


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m chaos.without_database", description=__doc__)
    parser.add_argument("--deadlines", type=int, default=50)
    parser.add_argument("--json", type=Path, help="append the figures to this file")
    options = parser.parse_args(arguments)
    with scratch_directory() as directory:
        world = World(directory)
        try:
            world.start()
            result = across(world, deadlines=options.deadlines)
        finally:
            world.end()
    sys.stdout.write(result.as_text() + "\n")
    if options.json:
        with options.json.open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({"deadlines": result.deadlines, "late": result.lateness, "wrong": result.wrong}) + "\n"
            )
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
