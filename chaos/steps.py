"""The named steps of a process of the product: before and after each commit, each call to a target, and each part of a relay's turn.

Nothing of the product knows of them. They are laid around it from outside, in a process that is meant to die.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import pymongo.monitoring
from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

Passed = Callable[[str], None]

OPERATIONS = "accessrequests.operations"
# Each is one statement that commits by itself.
STATEMENTS = ("claim", "mark_sent")
TURN: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "workers.expiry": ("Deadlines", ("end_what_is_due",)),
    "workers.publisher": ("Publisher", ("offer",)),
    "workers.children": ("Children", ("offer",)),
    "workers.probes": ("Probes", ("ask",)),
    "workers.relay": ("Periodic", ("file",)),
}
SLACK = ("post", "update", "whisper")
ATLAS = "/api/atlas/v2/"
# The driver's own talk.
QUIET = frozenset({"hello", "ismaster", "isMaster", "saslStart", "saslContinue", "endSessions", "ping"})
# Of what a driver and a relay do, this changes nothing anywhere.
LOOKS = frozenset(
    {
        *(
            "aggregate",
            "connectionStatus",
            "find",
            "getMore",
            "replSetGetConfig",
            "rolesInfo",
            "usersInfo",
            "whatsmyuri",
        ),
        *("listDatabases", "listCollections", "collStats", "getLog", "GET"),
    }
)


class Wire(CommandListener):
    """Each call to a mongod."""

    def __init__(self, passed: Passed) -> None:
        self._passed = passed

    def started(self, event: CommandStartedEvent) -> None:
        if event.command_name not in QUIET:
            self._passed(f"before {event.command_name} on the target")

    def succeeded(self, event: CommandSucceededEvent) -> None:
        if event.command_name not in QUIET:
            self._passed(f"after {event.command_name} on the target")

    def failed(self, event: CommandFailedEvent) -> None:
        if event.command_name not in QUIET:
            self._passed(f"after {event.command_name} failed on the target")


def is_look(step: str) -> bool:
    """Whether what is done there only reads."""
    return step.split()[1] in LOOKS


def surrounded(function: Callable[..., Any], name: str, passed: Passed) -> Callable[..., Any]:
    @functools.wraps(function)
    def passing(*args: Any, **kwargs: Any) -> Any:
        passed(f"before {name}")
        outcome = function(*args, **kwargs)
        passed(f"after {name}")
        return outcome

    return passing


def lay_of_web(passed: Passed) -> None:
    """Every operation commits once, at its end. For good: there is no way back."""
    package = importlib.import_module(OPERATIONS)
    for found in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f"{OPERATIONS}.{found.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            is_own = function.__module__ == module.__name__ and not name.startswith("_")
            # The decorator that makes it one transaction keeps what it was wrapped around.
            if is_own and (hasattr(function, "__wrapped__") or (found.name == "outbox" and name in STATEMENTS)):
                setattr(module, name, surrounded(function, f"{found.name}.{name}", passed))


def lay(passed: Passed) -> None:
    """The same, for who also calls targets and Slack."""
    lay_of_web(passed)
    pymongo.monitoring.register(Wire(passed))
    http = importlib.import_module("httpx2")
    http.Client.send = _calls_of_atlas(http.Client.send, passed)
    slack = importlib.import_module("workers.channels.slack")
    for name in SLACK:
        setattr(slack, name, surrounded(getattr(slack, name), f"{name} in Slack", passed))
    for path, (owner, names) in TURN.items():
        kind = getattr(importlib.import_module(path), owner)
        for name in names:
            setattr(kind, name, surrounded(getattr(kind, name), f"{name} of the relay's turn", passed))


def set_clock(*, ahead: float) -> None:
    """What this process takes for its machine's clock is so many seconds ahead."""
    clocks = importlib.import_module("workers.clocks")
    true_wall = clocks.wall
    setattr(clocks, "wall", lambda: true_wall() + timedelta(seconds=ahead))  # noqa: B010 - a module's name is replaced


def _calls_of_atlas(send: Callable[..., Any], passed: Passed) -> Callable[..., Any]:
    @functools.wraps(send)
    def sending(client: Any, request: Any, **options: Any) -> Any:
        path = request.url.path
        if not path.startswith(ATLAS):
            return send(client, request, **options)
        # /api/atlas/v2/groups/{id}/{what}/…
        segments = path.removeprefix(ATLAS).split("/")
        name = f"{request.method} {segments[2] if len(segments) > 2 else segments[0]} on Atlas"  # noqa: PLR2004
        passed(f"before {name}")
        answer = send(client, request, **options)
        passed(f"after {name}")
        return answer

    return sending
