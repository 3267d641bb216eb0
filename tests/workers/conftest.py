"""A target that workers can really work on: a database of this test process on the mongod that all tests share."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from django.db.models import Exists, OuterRef
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, OutboxMessage
from accessrequests.operations import credentials, outbox, targets
from accessrequests.operations.credentials import Revealed
from accessrequests.queries import clock
from sandbox import catalogue
from tests import make
from tests.make import Cast
from tests.servers import PROCESS
from tests.workers.database_clock import DatabaseClock, movable
from tests.workers.way import Way
from workers import connections, handlers

SHOP = f"live_{PROCESS}"
WORKER = f"worker_{PROCESS}"
# 18, or 334 where the driver asks for an older mechanism because the server knows no such user.
REFUSED_LOGIN = frozenset({18, 334})
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
    _forget_grants(client)
    with suppress(OperationFailure):
        client.admin.command("dropUser", WORKER)


def _forget_grants(client: Client) -> None:
    """The ids of grants begin anew in every test, and so do the names."""
    ours = {"$regex": f"^jit-tests{PROCESS}-"}
    for user in client.admin["system.users"].find({"user": ours}):
        client[user["db"]].command("dropUser", user["user"])
    for role in client.admin["system.roles"].find({"role": ours}):
        client[role["db"]].command("dropRole", role["role"])


@pytest.fixture
def work(committed_cast: Cast, owner_of_target: Client, settings: Settings, tmp_path: Path) -> Iterator[Work]:
    """The sandbox's cast, with shop-prod on a real server, its connection file and its inventory."""
    password = secrets.token_urlsafe(12)
    host = os.environ["ACCESS_TEST_MONGOD"].rpartition("@")[2].partition("/")[0]
    way = Way(host)
    _forget_grants(owner_of_target)
    try:
        owner_of_target.admin.command("createUser", WORKER, pwd=password, roles=["root"])
    except OperationFailure:
        owner_of_target.admin.command("updateUser", WORKER, pwd=password)
    hosts = dict.fromkeys(catalogue.TARGETS, host)
    targets.apply_catalogue(entries=catalogue.targets_document(hosts)["targets"], actor=make.OPERATOR)
    path = tmp_path / "connections.yaml"
    ways = dict.fromkeys(catalogue.TARGETS, way.host)
    document = catalogue.connections_document(ways, username=WORKER, passwords=dict.fromkeys(hosts, password))
    for record in document["targets"].values():
        record["options"] = {"directConnection": "true"}  # else the driver finds a way around ours
    path.write_text(yaml.safe_dump(document))
    path.chmod(0o600)
    settings.ACCESS_SANDBOX = os.getpid()
    settings.ACCESS_TARGETS_FILE = str(path)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    OutboxMessage.objects.all().delete()
    outbox.file_periodic(job=Job.READ_INVENTORY, subject="target/shop-prod", target="shop-prod")
    drain()
    yield Work(committed_cast, owner_of_target, way, path)
    way.open()  # the driver says good-bye, and would wait for an answer
    connections.close_connections()
    way.shut()


@pytest.fixture
def database_clock(
    committed: None, owner_connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DatabaseClock]:
    """The database's own clock, for everybody who works with it: also the claims, also other processes.

    That it then differs from ours is what the test wants, and no reason to open nothing.
    """
    monkeypatch.setattr("workers.clocks.ALARM", timedelta(days=3_660))
    with movable(owner_connection) as moved:
        yield moved


def drain(*, most: int = 50) -> int:
    """Carry whatever is ready, in this process, until nothing is."""
    older = OutboxMessage.objects.filter(lane=OuterRef("lane"), pk__lt=OuterRef("pk"), done_at=None)
    for carried in range(most):
        due = OutboxMessage.objects.filter(done_at=None, ready_at__lte=clock.now()).exclude(Exists(older))
        ready = due.order_by("ready_at", "pk").first()
        if ready is None:
            return carried
        handlers.carry(message_id=ready.pk, owner="test")
    raise AssertionError("The outbox does not come to rest.")


@dataclass(frozen=True)
class Work:
    """People, and the server that they want to work on."""

    cast: Cast
    owner: Client
    way: Way
    connections_file: Path

    def approved(self, *, approvers: int = 1, **changes: Any) -> Grant:
        access_request = make.submit(self.cast.alice, **{"roles": (READ_ORDERS,), **changes})
        for person in (self.cast.bob, self.cast.carol)[:approvers]:
            access_request = make.approve(access_request, person)
        return Grant.objects.get(access_request=access_request)

    def active(self, **changes: Any) -> Grant:
        grant = self.approved(**changes)
        drain()
        grant.refresh_from_db()
        assert grant.state == "active", grant.last_error
        return grant

    def environment(self) -> dict[str, str]:
        """What other processes need to work on the same target."""
        return {
            "ACCESS_TARGETS_FILE": str(self.connections_file),
            "ACCESS_SANDBOX": str(os.getpid()),
            "ACCESS_MAIL_DIRECTORY": str(self.connections_file.parent / "mail"),
        }

    def reveal(self, grant: Grant) -> Revealed:
        return credentials.reveal(grant_id=grant.pk, person=self.cast.alice, via=Via.API)

    def rotate(self, grant: Grant) -> None:
        credentials.rotate(grant_id=grant.pk, person=self.cast.alice, via=Via.API)

    def login(self, grant: Grant) -> Client:
        return MongoClient(self.reveal(grant).connection_string, serverSelectionTimeoutMS=3000)

    @staticmethod
    def can_log_in(connection_string: str) -> bool:
        with Client(connection_string, serverSelectionTimeoutMS=3000) as client:
            try:
                client.admin.command("ping")
            except OperationFailure as error:
                if error.code not in REFUSED_LOGIN:
                    raise
                return False
        return True

    def users_named(self, username: str) -> list[dict[str, Any]]:
        users: list[dict[str, Any]] = self.owner.admin.command("usersInfo", username)["users"]
        return users

    def roles_of(self, username: str) -> list[str]:
        """The roles of our own that were made for the user, in any database."""
        return [role["role"] for role in self.owner.admin["system.roles"].find({"role": {"$regex": f"^{username}"}})]
