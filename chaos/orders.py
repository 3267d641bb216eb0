"""Orders to a process of the product: at this named step, die or stand still. They are files, since a process dies without a word."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

_NEXT, _DIARY = "next", "diary"


class Deed(StrEnum):
    """What happens to whoever passes the step."""

    KILL = "kill"
    STOP = "stop"
    TELL = "tell"  # nothing, but whoever gave the order knows

    @property
    def signal(self) -> int:
        return {Deed.KILL: signal.SIGKILL, Deed.STOP: signal.SIGSTOP, Deed.TELL: 0}[self]


Step = tuple[str, str]  # a part of the product, and the name


@dataclass(frozen=True, slots=True)
class Order:
    """For whoever first passes one of the steps.

    `whole`: with all that belongs to the part, as when a container is killed; otherwise the one process alone.
    """

    number: int
    steps: frozenset[Step]
    deed: Deed
    whole: bool

    @classmethod
    def read(cls, text: str) -> Order:
        said = json.loads(text)
        steps = frozenset((part, step) for part, step in said["steps"])
        return cls(said["number"], steps, Deed(said["deed"]), said["whole"])

    def written(self) -> str:
        return json.dumps({**asdict(self), "steps": sorted(self.steps)})


@dataclass(frozen=True, slots=True)
class Hit:
    """The order was carried out: at which step, by which process, of which group, when."""

    part: str
    step: str
    pid: int
    group: int
    at: float


class Obeying:
    """A process's side: it looks for its order at every step."""

    def __init__(self, directory: Path, *, part: str) -> None:
        self._directory = directory
        self._part = part
        self._next = directory / _NEXT

    def passed(self, step: str) -> None:
        with (
            contextlib.suppress(FileNotFoundError),
            os.fdopen(os.open(self._directory / _DIARY, os.O_WRONLY | os.O_APPEND), "w") as diary,
        ):
            diary.write(f"{self._part}\t{step}\n")
        order = self._mine(step)
        if order is not None:
            self._obey(order, step)

    def _mine(self, step: str) -> Order | None:
        """Of several processes that pass at once, one gets it."""
        try:
            order = Order.read(self._next.read_text(encoding="utf-8"))
            if (self._part, step) not in order.steps:
                return None
            self._next.rename(self._directory / f"taken-{order.number}")
        except FileNotFoundError:
            return None
        return order

    def _obey(self, order: Order, step: str) -> None:
        hit = Hit(self._part, step, os.getpid(), os.getpgrp(), time.time())
        draft = self._directory / f"draft-{order.number}"
        draft.write_text(json.dumps(asdict(hit)), encoding="utf-8")
        draft.rename(self._directory / f"hit-{order.number}")
        if order.whole:
            os.killpg(os.getpgrp(), order.deed.signal)
        else:
            os.kill(os.getpid(), order.deed.signal)


class Giving:
    """The other side: one order at a time."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory

    @contextlib.contextmanager
    def writing_down(self) -> Any:
        """Meanwhile every process writes down the steps that it passes."""
        (self._directory / _DIARY).touch()
        yield
        (self._directory / _DIARY).rename(self._directory / "read")

    def written_down(self) -> set[Step]:
        """Each part with each step that it has passed."""
        lines = (self._directory / "read").read_text(encoding="utf-8").splitlines()
        return {(part, step) for part, _, step in (line.partition("\t") for line in lines)}

    def give(self, order: Order) -> None:
        draft = self._directory / "order"
        draft.write_text(order.written(), encoding="utf-8")
        draft.rename(self._directory / _NEXT)

    def await_hit(self, order: Order, *, seconds: float) -> Hit | None:
        """None when nobody came by in time; the order is taken back then."""
        deadline = time.monotonic() + seconds
        while (hit := self._hit(order)) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        if hit is None:
            with contextlib.suppress(FileNotFoundError):
                (self._directory / _NEXT).unlink()
                return None
            while (hit := self._hit(order)) is None:  # It was taken at the last moment.
                time.sleep(0.02)
        return hit

    def _hit(self, order: Order) -> Hit | None:
        with contextlib.suppress(FileNotFoundError):
            return Hit(**json.loads((self._directory / f"hit-{order.number}").read_text(encoding="utf-8")))
        return None
