"""Tells each step of the tour in one line with its milliseconds, and says what was expected where one fails."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import httpx2
from pymongo.errors import PyMongoError

from sandbox.bare_mongo import BareError


class TourFailed(Exception):
    """A step did not go as it must; the message names the step and what was expected."""


class Unexpected(Exception):
    """What a step found instead of what it expected."""


class Narrator:
    """Prints the story. Every step is a sentence that is true once its line is printed."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._begun = time.monotonic()
        self.steps = 0

    def chapter(self, title: str) -> None:
        self._say(f"\n{title}")

    @contextlib.contextmanager
    def step(self, sentence: str) -> Iterator[Callable[[str], None]]:
        """One line. What the block passes to the given function is said behind the sentence."""
        begun = time.monotonic()
        details: list[str] = []
        try:
            yield details.append
        except (Unexpected, httpx2.HTTPError, PyMongoError, BareError, OSError, LookupError) as error:
            found = str(error) or type(error).__name__
            raise TourFailed(f"The tour failed. Expected: {sentence} Found: {found}") from error
        self.steps += 1
        self._say(f"  {(time.monotonic() - begun) * 1000:>6.0f} ms  {' '.join([sentence, *details])}")

    def sum_up(self) -> None:
        self._say(f"\nThe tour went well: {self.steps} steps in {time.monotonic() - self._begun:.1f} s.")


def expect(*, holds: bool, found: object) -> None:
    """:raises Unexpected: unless it holds."""
    if not holds:
        raise Unexpected(str(found))
