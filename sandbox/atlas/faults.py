"""Faults to order: which of the next calls go wrong, and how."""

from __future__ import annotations

import itertools
import re
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.atlas.buckets import Buckets, exhausted
from sandbox.atlas.wire import AtlasError

# What each kind does: before the call is carried out, or after it was.
BEFORE = {
    "drop_before": "The connection ends before anything is done.",
    "error_before": "500, and nothing is done.",
    "rate_limited": "429 in the older form: so many calls in so many minutes.",
    "rate_limited_bucket": "429 of an empty bucket, with Retry-After.",
    "unavailable": "503, with Retry-After.",
    "late": "Nothing happens for `seconds`; then the call is carried out and answered.",
}
AFTER = {
    "error_after_commit": "500, but it is done.",
    "drop_after_commit": "The connection ends without an answer, but it is done.",
    "slow": "It is done at once, and answered after `seconds`.",
}


class UnknownFault(ValueError):
    """The order cannot be read."""


class Dropped(Exception):
    """The connection has to end without an answer."""


@dataclass(slots=True)
class Fault:
    """An order: the next `times` calls that match go wrong, after `skip` matching ones that do not."""

    id: int
    fault: str
    method: re.Pattern[str]
    path: re.Pattern[str]
    account: str | None
    times: int
    skip: int
    seconds: float
    hits: int = 0

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "fault": self.fault,
            "method": self.method.pattern,
            "path": self.path.pattern,
            "account": self.account,
            "times": self.times,
            "skip": self.skip,
            "seconds": self.seconds,
            "hits": self.hits,
        }


class Faults:
    """The orders that stand; the first one that fits a call takes it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._orders: list[Fault] = []

    def order(self, said: Mapping[str, Any]) -> Fault:
        """Take an order: {fault, method, path, account, times, skip, seconds}; only `fault` has to be there.

        :raises UnknownFault: it cannot be read.
        """
        unknown = said.keys() - {"fault", "method", "path", "account", "times", "skip", "seconds"}
        if unknown or said.get("fault") not in {*BEFORE, *AFTER}:
            raise UnknownFault(
                f"`fault` is one of {', '.join(sorted({*BEFORE, *AFTER}))}; not known: {sorted(unknown)}."
            )
        try:
            with self._lock:
                fault = Fault(
                    id=next(self._ids),
                    fault=said["fault"],
                    method=re.compile(said.get("method", ".*")),
                    path=re.compile(said.get("path", "")),
                    account=said.get("account"),
                    times=int(said.get("times", 1)),
                    skip=int(said.get("skip", 0)),
                    seconds=float(said.get("seconds", 1.0)),
                )
                self._orders.append(fault)
        except (re.error, TypeError, ValueError) as error:
            raise UnknownFault(f"The order cannot be read: {error}.") from error
        return fault

    def take(self, *, method: str, path: str, account: str | None) -> Fault | None:
        """The order that this call falls under, if any; `path` is searched as it was sent."""
        with self._lock:
            for fault in self._orders:
                fits = fault.method.fullmatch(method) and fault.path.search(path)
                if not fits or fault.hits >= fault.times or fault.account not in (None, account):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.hits += 1
                return fault
        return None

    def forget(self, number: int | None = None) -> None:
        """Take back one order, or all."""
        with self._lock:
            self._orders = [] if number is None else [each for each in self._orders if each.id != number]

    def as_list(self) -> list[dict[str, Any]]:
        with self._lock:
            return [each.as_dict() for each in self._orders]


def before(fault: Fault | None, *, template: str, buckets: Buckets) -> None:
    """What goes wrong instead of the call.

    :raises AtlasError: with the answer to give.
    :raises Dropped: without one.
    """
    kind = fault.fault if fault is not None else None
    if fault is None or kind in AFTER:
        return
    if kind == "drop_before":
        raise Dropped
    if kind == "error_before":
        raise AtlasError("UNEXPECTED_ERROR")
    if kind == "rate_limited":
        raise AtlasError("RATE_LIMITED", f"/api/atlas/v2{template}", 100, 1)
    if kind == "rate_limited_bucket":
        raise exhausted(template=template, endpoints=buckets.set_of(template), wait=max(1, round(fault.seconds)))
    if kind == "unavailable":
        raise AtlasError("SERVICE_UNAVAILABLE", retry_after=max(1, round(fault.seconds)))
    time.sleep(fault.seconds)


def after(fault: Fault | None) -> None:
    """What goes wrong once the call was carried out.

    :raises AtlasError: with the answer to give instead.
    :raises Dropped: without one.
    """
    if fault is None or fault.fault in BEFORE:
        return
    if fault.fault == "error_after_commit":
        raise AtlasError("UNEXPECTED_ERROR")
    if fault.fault == "drop_after_commit":
        raise Dropped
    time.sleep(fault.seconds)


class Overlaps:
    """What is being written just now: two writes of one project's access list, or of its roles, must not overlap."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._writing: set[str] = set()

    def begin(self, place: str) -> bool:
        """False: somebody else is at it."""
        with self._lock:
            if place in self._writing:
                return False
            self._writing.add(place)
            return True

    def finish(self, place: str) -> None:
        with self._lock:
            self._writing.discard(place)
