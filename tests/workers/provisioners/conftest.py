"""A MongoDB target of each test process: its own database and installation on the mongod that all tests share."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import os
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from accessrequests.domain import naming
from accessrequests.domain.privileges import RoleRef, expand
from tests.servers import PROCESS
from tests.workers.provisioners.visitors import Client, Holder
from workers.provisioners.base import GrantedRole, GrantSpec, InventorySnapshot
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb.health import NEEDED
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger

Another = Callable[..., MongoDBProvisioner]
INSTALLATION = f"mongo{PROCESS}"
SHOP = f"shop_{PROCESS}"
KEY = secrets.token_bytes(32)
_GRANT_IDS = itertools.count(1)


@dataclass(frozen=True)
class MakeSpec:
    """Makes grants that no other test has."""

    inventory: InventorySnapshot

    def __call__(
        self, *roles: str, sources: tuple[str, ...] = (), password: str = "", lasts: timedelta = timedelta(hours=1)
    ) -> GrantSpec:
        grant_id = next(_GRANT_IDS)
        references = [RoleRef.parse(text) for text in roles or (f"read@{SHOP}",)]
        return GrantSpec(
            grant_id=grant_id,
            kind="database_user",
            clusters=(),
            username=naming.username_for(installation=INSTALLATION, grant_id=grant_id, person="alice"),
            roles=tuple(
                GrantedRole(ref.role, ref.database, ref.collection, expand(ref, self.inventory.roles))
                for ref in references
            ),
            source_addresses=sources,
            authentication="scram",
            expires_at=datetime.now(UTC) + lasts,
            password=password or secrets.token_urlsafe(24),
        )


@pytest.fixture(scope="session")
def root() -> Iterator[Client]:
    """The owner of the target, who sees everything that is on it."""
    client: Client = MongoClient(os.environ["ACCESS_TEST_MONGOD"])
    with client:
        client.drop_database(SHOP)
        for collection in ("orders", "customers"):
            client[SHOP][collection].insert_many([{"_id": number, "touched": 0} for number in range(400)])
        _forget_everything(client)
        yield client
        _forget_everything(client)
        client.drop_database(SHOP)


@pytest.fixture(scope="session")
def host(root: Client) -> str:
    address = root.address
    assert address is not None
    return f"{address[0]}:{address[1]}"


@pytest.fixture(scope="session")
def record(root: Client, host: str) -> ConnectionRecord:
    """The worker's own account, with exactly the rights that `check` asks for."""
    password = secrets.token_urlsafe(24)
    make_worker(root, name=f"worker-{PROCESS}", password=password)
    return ConnectionRecord(
        slug=SHOP,
        kind="mongodb",
        hosts=(host,),
        username=f"worker-{PROCESS}",
        password=password,
        options={"replicaSet": "rs0", "directConnection": "true"},
        tls=False,
    )


@pytest.fixture(scope="session")
def tagger() -> Tagger:
    return Tagger(installation=INSTALLATION, target=SHOP, key=KEY)


@pytest.fixture(scope="session")
def provisioner(record: ConnectionRecord, tagger: Tagger) -> Iterator[MongoDBProvisioner]:
    provisioner = MongoDBProvisioner(record=record, tagger=tagger)
    yield provisioner
    provisioner.close()


@pytest.fixture
def another(record: ConnectionRecord, tagger: Tagger) -> Iterator[Another]:
    """More provisioners, each with something of the record changed; closed at the end whatever happens."""
    with contextlib.ExitStack() as stack:

        def make(
            *, tagger: Tagger = tagger, wall_clock: Callable[[], float] = time.time, **changes: Any
        ) -> MongoDBProvisioner:
            provisioner = MongoDBProvisioner(
                record=dataclasses.replace(record, **changes), tagger=tagger, wall_clock=wall_clock
            )
            stack.callback(provisioner.close)
            return provisioner

        yield make


@pytest.fixture(scope="session")
def make_spec(provisioner: MongoDBProvisioner) -> MakeSpec:
    return MakeSpec(provisioner.read_inventory())


@pytest.fixture
def visitor(host: str) -> Holder:
    return Holder(host)


def stored_user(root: Client, username: str) -> dict[str, object] | None:
    return root.admin["system.users"].find_one({"_id": f"admin.{username}"})


def give(provisioner: MongoDBProvisioner, spec: GrantSpec) -> GrantSpec:
    provisioner.prepare(spec)
    provisioner.open(spec)
    assert provisioner.readiness(spec).usable
    return spec


def make_worker(root: Client, *, name: str, password: str) -> None:
    privileges = [
        {
            "resource": {"cluster": True}
            if needed.resource.cluster
            else {"db": needed.resource.database, "collection": needed.resource.collection},
            "actions": sorted(needed.actions),
        }
        for needed in NEEDED
    ]
    root.admin.command("createRole", name, privileges=privileges, roles=[])
    root.admin.command("createUser", name, pwd=password, roles=[name], mechanisms=["SCRAM-SHA-256"])


def _forget_everything(root: Client) -> None:
    """What an earlier test left, found without our tag."""
    for user in root.admin["system.users"].find({"user": {"$regex": f"({INSTALLATION}x?-|-{PROCESS}$)"}}):
        root[user["db"]].command("dropUser", user["user"])
    for role in root.admin["system.roles"].find({"role": {"$regex": f"({INSTALLATION}x?-|-{PROCESS}$)"}}):
        with contextlib.suppress(OperationFailure):
            root[role["db"]].command("dropRole", role["role"])
