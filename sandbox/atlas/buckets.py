"""Rate limits: a bucket of tokens for each set of endpoints and each project, organisation or caller.

Atlas ("Atlas Administration API Rate Limits"): capacities as seen in answers. Half a bucket comes back every minute,
at once, as in the one body that shows a refill.
"""

from __future__ import annotations

import math
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.atlas.wire import AtlasError


class UnknownBucket(ValueError):
    """There is no such set of endpoints, or the numbers make no bucket."""


@dataclass(slots=True)
class EndpointSet:
    """What shares a bucket: the endpoints whose template matches."""

    name: str
    scope: str  # GROUP, ORGANIZATION or USER: for each of them there is a bucket of its own.
    pattern: re.Pattern[str]
    capacity: int
    refill: int
    seconds: int = 60


def _endpoints(name: str, scope: str, pattern: str, capacity: int) -> EndpointSet:
    return EndpointSet(name, scope, re.compile(pattern), capacity, capacity // 2)


_PROJECT = r"/groups/\{groupId\}"
_ORG = r"/orgs/\{orgId\}"
_SETS = (
    ("certs", "GROUP", rf"{_PROJECT}/databaseUsers/\{{username\}}/certs", 1200),
    ("databaseUsers", "GROUP", rf"{_PROJECT}/databaseUsers.*", 10_000),
    ("clusters", "GROUP", rf"{_PROJECT}/clusters.*", 10_000),
    ("customDBRoles", "GROUP", rf"{_PROJECT}/customDBRoles.*", 2000),
    ("accessList", "GROUP", rf"{_PROJECT}/accessList.*", 1200),
    ("userSecurity", "GROUP", rf"{_PROJECT}/userSecurity.*", 1200),
    ("groupUsers", "GROUP", rf"{_PROJECT}/users.*", 1200),
    ("groupTeams", "GROUP", rf"{_PROJECT}/teams.*", 1200),
    ("alertConfigs", "GROUP", rf"{_PROJECT}/alertConfigs.*", 1200),
    ("dbAccessHistory", "GROUP", rf"{_PROJECT}/dbAccessHistory.*", 1200),
    ("groupEvents", "GROUP", rf"{_PROJECT}/events.*", 300),
    ("processes", "GROUP", rf"{_PROJECT}/processes.*", 300),
    ("groups", "GROUP", rf"{_PROJECT}.*", 1200),
    ("orgEvents", "ORGANIZATION", rf"{_ORG}/events.*", 500),
    ("orgs", "ORGANIZATION", rf"{_ORG}.*", 1200),
    ("groupsOfCaller", "USER", r"/groups", 1200),
    ("orgsOfCaller", "USER", r"/orgs", 300),
    ("rateLimits", "USER", r"/rateLimits.*", 300),
    ("root", "USER", r".*", 1200),
)


@dataclass(slots=True)
class _Bucket:
    left: int
    refilled: float


class Buckets:
    """All of them; made when they are first used."""

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.sets = tuple(_endpoints(*each) for each in _SETS)
        self._clock = clock
        self._lock = threading.Lock()
        self._buckets: dict[tuple[str, str], _Bucket] = {}
        self._remaining: dict[str, int] = {}  # What a set's buckets are to begin with, where it is not their capacity.

    def set_of(self, template: str) -> EndpointSet:
        """The first set that the template belongs to; the last one takes whatever is left."""
        return next(each for each in self.sets if each.pattern.fullmatch(template))

    def take(self, *, template: str, parameters: Mapping[str, str], key: str) -> dict[str, str]:
        """Spend one call, and say what is left in headers.

        :raises AtlasError: there is none left; the error's parameters say for how long.
        """
        endpoints = self.set_of(template)
        owner = {"GROUP": parameters.get("groupId", key), "ORGANIZATION": parameters.get("orgId", key), "USER": key}
        with self._lock:
            bucket = self._bucket(endpoints, owner[endpoints.scope])
            if bucket.left < 1:
                wait = max(1, math.ceil(bucket.refilled + endpoints.seconds - self._clock()))
                raise exhausted(template=template, endpoints=endpoints, wait=wait)
            bucket.left -= 1
            return {"RateLimit-Limit": str(endpoints.capacity), "RateLimit-Remaining": str(bucket.left)}

    def _bucket(self, endpoints: EndpointSet, owner: str) -> _Bucket:
        now = self._clock()
        first = self._remaining.get(endpoints.name, endpoints.capacity)
        bucket = self._buckets.setdefault((endpoints.name, owner), _Bucket(left=first, refilled=now))
        times = int((now - bucket.refilled) // endpoints.seconds)
        if times > 0:
            bucket.left = min(endpoints.capacity, bucket.left + times * endpoints.refill)
            bucket.refilled += times * endpoints.seconds
        return bucket

    def change(self, name: str, values: Mapping[str, Any]) -> None:
        """Give a set another capacity, refill or period, and its buckets so many calls (`remaining`).

        :raises UnknownBucket: no such set, or numbers that make no bucket.
        """
        found = next((each for each in self.sets if each.name == name), None)
        known = {"capacity", "refill", "seconds", "remaining"}
        if found is None or not values.keys() <= known or not all(_is_count(value) for value in values.values()):
            raise UnknownBucket(
                f"Name one of {', '.join(each.name for each in self.sets)} and whole numbers for {sorted(known)}."
            )
        with self._lock:
            found.capacity = values.get("capacity", found.capacity)
            found.refill = values.get("refill", found.refill)
            found.seconds = max(1, values.get("seconds", found.seconds))
            self._remaining[name] = values.get("remaining", found.capacity)
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if key[0] != name}

    def as_list(self) -> list[dict[str, Any]]:
        return [
            {"name": each.name, "capacity": each.capacity, "refill": each.refill, "seconds": each.seconds}
            for each in self.sets
        ]


def exhausted(*, template: str, endpoints: EndpointSet, wait: int) -> AtlasError:
    """The refusal of an empty bucket: path, seconds to wait, capacity, refill and its period."""
    path = f"api/atlas/v2{template}"
    limits = (endpoints.capacity, endpoints.refill, endpoints.seconds)
    return AtlasError("RATE_LIMITED_TOKEN_BUCKET", path, wait, *limits, retry_after=wait)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
