"""Faults to order: which of the next calls go wrong, and how."""

from __future__ import annotations

import threading
import time

from sandbox.atlas.buckets import Buckets, exhausted
from sandbox.atlas.wire import AtlasError
from sandbox.faults import Dropped, Fault

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
