"""Turns what the driver raises into sentences: chosen by the error's code, never made of its text."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import pymongo
from bson.errors import BSONError
from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure, PyMongoError

from workers.provisioners.base import ProvisionerError

STEP_SECONDS = 5.0
REACH_SECONDS = 2.0

UNAUTHORIZED = 13
USER_NOT_FOUND = 11
AUTHENTICATION_FAILED = 18
ROLE_NOT_FOUND = 31
COMMAND_NOT_FOUND = 59
NO_REPLICATION = 76
ROLE_EXISTS = 51002
USER_EXISTS = 51003

_SENTENCES = {
    USER_NOT_FOUND: "The user is no longer on the target.",
    UNAUTHORIZED: "The target does not allow the worker's account to do this. Give it the missing rights.",
    AUTHENTICATION_FAILED: "The target refused the login. Check the account in the worker's connection record.",
    ROLE_NOT_FOUND: "The target no longer has a role that was approved.",
    64: "Too few members of the target confirmed the change.",
    100: "The target has too few members to confirm the change.",
}
_PERMANENT = frozenset({USER_NOT_FOUND, ROLE_NOT_FOUND})
# Codes of a server that is alive but not in a state to serve: shutting down, electing, still starting.
_NOT_SERVING = frozenset({6, 7, 89, 91, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436})

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S", bound="Reaching")


class Reaching(Protocol):
    """Knows whether its target answers at all."""

    def reach(self) -> None: ...


def step(what: str) -> Callable[[Callable[Concatenate[S, P], R]], Callable[Concatenate[S, P], R]]:
    """Bound a whole step in time, and let nothing but a ProvisionerError out of it."""

    def decorate(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
        @functools.wraps(method)
        def bounded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
            try:
                with pymongo.timeout(STEP_SECONDS):
                    # A target that is down is found out in less time than a step may take.
                    with pymongo.timeout(REACH_SECONDS):
                        self.reach()
                    return method(self, *args, **kwargs)
            except ProvisionerError as error:
                failure = error
            except (PyMongoError, BSONError, ValueError) as error:
                failure = explain(error, what=what)
            # Raised out here and bare: the frames of the step and of the driver hold the command with the password.
            failure.__context__ = failure.__traceback__ = None
            raise failure

        return bounded

    return decorate


def explain(error: Exception, *, what: str) -> ProvisionerError:
    """The sentence for `error`, which happened while we tried to `what`."""
    failed = f"We could not {what}."
    if isinstance(error, OperationFailure):
        code = error.code
        if code in _NOT_SERVING:
            return ProvisionerError(f"{failed} The target cannot take it right now (code {code}).", unreachable=True)
        if code in _SENTENCES:
            return ProvisionerError(f"{failed} {_SENTENCES[code]}", permanent=code in _PERMANENT)
        if not error.timeout:
            return ProvisionerError(f"{failed} The target answered with code {code}.")
    if isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and error.timeout):
        return ProvisionerError(f"{failed} The target did not answer in time.", unreachable=True)
    if isinstance(error, ConfigurationError | BSONError | ValueError):
        return ProvisionerError(f"{failed} The driver refused the values of this step.", permanent=True)
    return ProvisionerError(f"{failed} The connection to the target failed.", unreachable=True)
