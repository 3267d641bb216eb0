"""A mongod that takes no more connections, and a set of two whose first member steps down."""

from __future__ import annotations

import contextlib
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from chaos.world import CONNECTIONS, CROWDED, ChaosWorld
from sandbox.servers import Mongod, ServerError

OF_TWO = "shop-staging"
AWAY_SECONDS = 8
JOIN_SECONDS = 60.0


@contextlib.contextmanager
def out_of_connections(world: ChaosWorld) -> Iterator[None]:
    """Somebody holds all that are left."""
    address = ("127.0.0.1", world.mongods[CROWDED].port)
    with contextlib.ExitStack() as held:
        for _ in range(CONNECTIONS):
            with contextlib.suppress(OSError):
                held.enter_context(socket.create_connection(address, timeout=1))
        yield


@contextlib.contextmanager
def steps_down(world: ChaosWorld) -> Iterator[None]:
    """A second member joins; the first hands over to it, and takes over again afterwards."""
    first = world.mongods[OF_TWO]
    second = _Second(first.directory.with_name("mongod-second"), first)
    second.start()
    try:
        _join(world, second)
        _hand_over(world)
        yield
        time.sleep(AWAY_SECONDS)
        _await_primary(world)
        _leave(world)
    finally:
        second.remove()


class _Second(Mongod):
    """It knows the first one's secret, and makes no set of its own."""

    def __init__(self, directory: Path, first: Mongod) -> None:
        super().__init__(directory, "second")
        self._first = first

    def _prepare(self) -> None:
        super()._prepare()
        shutil.copy(self._first.directory / "key", self.directory / "key")

    def _serves(self, port: int) -> bool:
        with contextlib.suppress(AutoReconnect), MongoClient[Any](f"127.0.0.1:{port}", directConnection=True) as client:
            client.admin.command("hello")
            return True
        return False


def _join(world: ChaosWorld, second: Mongod) -> None:
    admin = world.root(OF_TWO).admin
    config = admin.command("replSetGetConfig")["config"]
    config["version"] += 1
    config["members"][0]["priority"] = 2
    config["members"].append({"_id": 1, "host": second.host, "priority": 1})
    config["settings"]["heartbeatIntervalMillis"] = 200
    admin.command("replSetReconfig", config)
    deadline = time.monotonic() + JOIN_SECONDS
    while "SECONDARY" not in [other["stateStr"] for other in admin.command("replSetGetStatus")["members"]]:
        if time.monotonic() > deadline:
            raise ServerError("The second member did not join within a minute.")
        time.sleep(0.2)


def _hand_over(world: ChaosWorld) -> None:
    world.root(OF_TWO).admin.command("replSetStepDown", AWAY_SECONDS, secondaryCatchUpPeriodSecs=5)


def _await_primary(world: ChaosWorld) -> None:
    admin = world.root(OF_TWO).admin
    deadline = time.monotonic() + JOIN_SECONDS
    while not admin.command("hello")["isWritablePrimary"]:
        if time.monotonic() > deadline:
            raise ServerError("The first member did not take over again within a minute.")
        time.sleep(0.2)


def _leave(world: ChaosWorld) -> None:
    admin = world.root(OF_TWO).admin
    config = admin.command("replSetGetConfig")["config"]
    config["version"] += 1
    del config["members"][1]
    admin.command("replSetReconfig", config)
