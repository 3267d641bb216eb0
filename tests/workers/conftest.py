"""A target that workers can really work on: a database of this test process on the mongod that all tests share."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, OutboxMessage
from accessrequests.operations import credentials, outbox, targets
from accessrequests.queries import clock
from sandbox import catalogue
from tests import make
from tests.make import Cast
from tests.servers import PROCESS
from workers import connections, handlers

SHOP = f"live_{PROCESS}"
WORKER = f"worker_{PROCESS}"
READ_ORDERS = f"read@{SHOP}.orders"

Client = MongoClient[dict[str, Any]]


@pytest.fixture(scope="session")
def owner_of_target() -> Iterator[Client]:
    """The owner of the target, who sees everything that is on it."""
    with MongoClient[dict[str, Any]](os.environ["ACCESS_TEST_MONGOD"]) as client:
        _forget(client)
        for name in ("orders", "customers"):
            client[SHOP][name].insert_many([{"_id": number} for number in range(200)])
        yield client
        _forget(client)


def _forget(client: Client) -> None:
    client.drop_database(SHOP)
    for user in client.admin.command("usersInfo", {"forAllDBs": True})["users"]:
        if user["user"].startswith(f"jit-tests{PROCESS}-") or user["user"] == WORKER:
            client[user["db"]].command("dropUser", user["user"])


@pytest.fixture
def work(committed_cast: Cast, owner_of_target: Client, settings: Settings, tmp_path: Path) -> Iterator[Work]:
    """The sandbox's cast, with shop-prod on a real server, its connection file and its inventory."""
    password = secrets.token_urlsafe(12)
    host = os.environ["ACCESS_TEST_MONGOD"].rpartition("@")[2].partition("/")[0]
    try:
        owner_of_target.admin.command("createUser", WORKER, pwd=password, roles=["root"])
    except OperationFailure:
        owner_of_target.admin.command("updateUser", WORKER, pwd=password)
    hosts = dict.fromkeys(catalogue.TARGETS, host)
    targets.apply_catalogue(entries=catalogue.targets_document(hosts)["targets"], actor=make.OPERATOR)
    path = tmp_path / "connections.yaml"
    document = catalogue.connections_document(hosts, username=WORKER, passwords=dict.fromkeys(hosts, password))
    path.write_text(make.yaml.safe_dump(document))
    path.chmod(0o600)
    settings.ACCESS_SANDBOX = os.getpid()
    settings.ACCESS_TARGETS_FILE = str(path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    OutboxMessage.objects.all().delete()
    outbox.file_periodic(job=Job.READ_INVENTORY, subject="target/shop-prod", target="shop-prod")
    drain()
    yield Work(committed_cast, owner_of_target)
    connections.close_connections()


def drain(*, most: int = 50) -> int:
    """Carry whatever is ready, in this process, until nothing is."""
    for carried in range(most):
        ready = OutboxMessage.objects.filter(done_at=None, ready_at__lte=clock.now()).order_by("ready_at", "pk").first()
        if ready is None:
            return carried
        handlers.carry(message_id=ready.pk, owner="test")
    raise AssertionError("The outbox does not come to rest.")


@dataclass(frozen=True)
class Work:
    """People, and the server that they want to work on."""

    cast: Cast
    owner: Client

    def approved(self, **changes: Any) -> Grant:
        return make.approved_grant(self.cast.alice, self.cast.bob, **{"roles": (READ_ORDERS,), **changes})

    def active(self, **changes: Any) -> Grant:
        grant = self.approved(**changes)
        drain()
        grant.refresh_from_db()
        assert grant.state == "active", grant.last_error
        return grant

    def login(self, grant: Grant) -> Client:
        revealed = credentials.reveal(grant_id=grant.pk, person=self.cast.alice, via=Via.API)
        return MongoClient(revealed.connection_string, serverSelectionTimeoutMS=3000)

    def users_named(self, username: str) -> list[dict[str, Any]]:
        users: list[dict[str, Any]] = self.owner.admin.command("usersInfo", username)["users"]
        return users
