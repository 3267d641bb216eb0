"""What the target itself lists: its users, and which of them can still sign in and do something. Nothing of our tables."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from pymongo import MongoClient

Root = MongoClient[dict[str, Any]]


def with_power(root: Root) -> set[str]:
    """The users that hold a role and may come from this machine, read straight from the server's own collection."""
    found = root.admin["system.users"].find(
        {"roles": {"$ne": []}}, {"user": 1, "authenticationRestrictions": 1, "_id": 0}
    )
    return {user["user"] for user in found if not _is_shut(user)}


def wait_for_power(root: Root, names: Iterable[str], *, patience: float, every: float = 0.02) -> dict[str, float]:
    """When each was first seen to have power. Who never came is left out."""
    wanted, seen = set(names), dict[str, float]()
    deadline = time.monotonic() + patience
    while wanted - seen.keys() and time.monotonic() < deadline:
        now = time.perf_counter()
        seen.update(dict.fromkeys((with_power(root) & wanted) - seen.keys(), now))
        time.sleep(every)
    return seen


def _is_shut(user: dict[str, Any]) -> bool:
    """Whether it may come from nowhere that anybody is: a list of addresses that lacks ours."""
    for restriction in user.get("authenticationRestrictions") or ():
        sources = restriction.get("clientSource") or []
        if sources and not any(source.partition("/")[0] in {"127.0.0.1", "0.0.0.0"} for source in sources):
            return True
    return False
