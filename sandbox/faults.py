"""Orders at a stand-in's desk: which of the next calls go wrong, and how."""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

_FIELDS = frozenset({"fault", "method", "path", "account", "times", "skip", "seconds"})


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
    """The orders that stand; the first one that fits a call takes it. `kinds`: what can be ordered at all."""

    def __init__(self, *, kinds: Collection[str]) -> None:
        self._kinds = frozenset(kinds)
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._orders: list[Fault] = []

    def order(self, said: Mapping[str, Any]) -> Fault:
        """Take an order: {fault, method, path, account, times, skip, seconds}; only `fault` has to be there.

        :raises UnknownFault: it cannot be read.
        """
        unknown = said.keys() - _FIELDS
        if unknown or said.get("fault") not in self._kinds:
            raise UnknownFault(f"`fault` is one of {', '.join(sorted(self._kinds))}; not known: {sorted(unknown)}.")
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

    def take(
        self, *, method: str, path: str, account: str | None, kinds: Collection[str] | None = None
    ) -> Fault | None:
        """The order that this call falls under, if any; `path` is searched as it was sent. `kinds`: only of these."""
        with self._lock:
            for fault in self._orders:
                fits = fault.method.fullmatch(method) and fault.path.search(path)
                if (
                    not fits
                    or (kinds is not None and fault.fault not in kinds)
                    or fault.hits >= fault.times
                    or fault.account not in (None, account)
                ):
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
