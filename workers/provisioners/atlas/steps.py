"""Bounds a step in time, and lets nothing out of it but a failure that holds no secret."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Concatenate, ParamSpec, TypeVar

from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.base import ProvisionerError

STEP_SECONDS = 5.0
CONNECT_SECONDS = 2.0

_deadline: ContextVar[float | None] = ContextVar("deadline_of_a_step_on_atlas", default=None)

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


def seconds_left() -> float:
    """Until this step must be over; a call outside of any step has a whole step's time."""
    deadline = _deadline.get()
    return STEP_SECONDS if deadline is None else max(0.0, deadline - time.monotonic())


def timeouts(most: float = STEP_SECONDS) -> dict[str, float]:
    """For one call: to connect and to wait for the answer take no longer than what is left, together."""
    left = max(0.01, min(most, seconds_left()))
    connect = min(CONNECT_SECONDS, left / 2)
    return {"connect": connect, "pool": connect, "write": left - connect, "read": left - connect}


@contextmanager
def bounded(seconds: float = STEP_SECONDS) -> Iterator[None]:
    """Calls inside have this long together. A step within a step cannot make it longer."""
    token = _deadline.set(time.monotonic() + min(seconds, seconds_left()))
    try:
        yield
    finally:
        _deadline.reset(token)


def step(what: str) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """A step of a provisioner: five seconds, and a failure says what we were at."""

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def inner(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                with bounded():
                    return method(self, *args, **kwargs)
            except AtlasFailure as error:
                failure: ProvisionerError = error
                failure.args = (f"We could not {what}. {error}",)
            except ProvisionerError as error:
                failure = error
            except (KeyError, TypeError, ValueError):
                failure = AtlasFailure(f"We could not {what}. Atlas answered in a form that we do not know.")
            # Raised out here and bare: the frames of the step and of the client hold the body with the password.
            failure.__context__ = failure.__cause__ = failure.__traceback__ = None
            raise failure

        return inner

    return decorate
