"""A whole project on the stand-in with real clusters behind it, and the worker's provisioner of it."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from pymongo import MongoClient
from typing_extensions import override

from accessrequests.domain.privileges import Privilege, RoleRef, expand
from accessrequests.models import Grant
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from sandbox.atlas.routes import DATABASE_ACCESS, NETWORK_ACCESS, READ_ONLY
from sandbox.atlas.server import AtlasServer
from sandbox.atlas.table import all_routes
from sandbox.atlas.wire import Account
from tests import make
from tests.sandbox.atlas.behind import Behind, await_applied
from tests.sandbox.atlas.serving import CLIENT_ID, CLIENT_SECRET, CONTROL_TOKEN
from tests.workers.provisioners.visitors import code_of
from workers.ledger import PostgresLedger
from workers.provisioners.atlas.client import NO_TIME_LEFT
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.provisioner import AtlasProvisioner
from workers.provisioners.atlas.roles import built_in
from workers.provisioners.base import Evidence, GrantedRole, GrantSpec
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord
from workers.provisioners.tag import Tagger

TARGET = "shop-prod"
INSTALLATION = "tests1"
HERE = "127.0.0.1"


@dataclass(frozen=True)
class Living:
    """The stand-in's side: what is really there."""

    behind: Behind
    organisation: Organisation
    project: Project
    server: AtlasServer

    @property
    def users(self) -> dict[str, dict[str, Any]]:
        with self.organisation.lock:
            return {name: user for (_, name), user in self.project.database_users.items()}

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        with self.organisation.lock:
            return dict(self.project.access_list)

    def settle(self) -> None:
        await_applied(self.organisation, self.project)

    def record(self) -> AtlasRecord:
        return AtlasRecord(
            slug=TARGET,
            project_id=self.project.id,
            org_id=self.organisation.id,
            login=AtlasLogin(CLIENT_ID, CLIENT_SECRET),
            databases={"shop": ("orders", "customers")},
            base_url=self.server.origin,
        )


class Patient(AtlasProvisioner):
    """As a worker calls it: what Atlas is still carrying out is looked at again, and a step that ran out of time is
    tried again.
    """

    def __init__(self, living: Living, *, workers_at: tuple[str, ...] = ()) -> None:
        tagger = Tagger(installation=INSTALLATION, target=TARGET, key=secrets.token_bytes(32))
        record = replace(living.record(), workers_at=workers_at)
        super().__init__(record=record, tagger=tagger, ledger=PostgresLedger(TARGET))
        self.living = living

    @override
    def prepare(self, spec: GrantSpec) -> None:
        _in_time(lambda: super(Patient, self).prepare(spec))
        self.living.settle()

    @override
    def open(self, spec: GrantSpec) -> None:
        _in_time(lambda: super(Patient, self).open(spec))
        self.living.settle()

    @override
    def rotate(self, spec: GrantSpec) -> None:
        super().rotate(spec)
        self.living.settle()

    @override
    def cut(self, specs: Sequence[GrantSpec]) -> list[Evidence]:
        return _patiently(lambda: super(Patient, self).cut(specs))

    @override
    def clean(self, spec: GrantSpec) -> Evidence:
        (evidence,) = _patiently(lambda: [super(Patient, self).clean(spec)])
        return evidence


def _in_time(step: Callable[[], None]) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            step()
        except AtlasFailure as failure:
            if NO_TIME_LEFT not in str(failure) or time.monotonic() > deadline:
                raise
        else:
            return


def _patiently(look: Callable[[], list[Evidence]]) -> list[Evidence]:
    deadline = time.monotonic() + 10
    while True:
        found = look()
        if not any(evidence.waiting for evidence in found) or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


@dataclass(frozen=True)
class Visitor:
    """The holder, who knows name and password and nothing else, on one of the clusters and from one address."""

    behind: Behind

    def login(self, spec: GrantSpec, *, cluster: str = "main") -> int | None:
        with self._client(spec, cluster) as client:
            return code_of(lambda: client.admin.command("ping"))

    def find(self, spec: GrantSpec, *, cluster: str = "main", collection: str = "orders") -> int | None:
        with self._client(spec, cluster) as client:
            return code_of(client.shop[collection].find_one)

    def insert(self, spec: GrantSpec, *, cluster: str = "main") -> int | None:
        with self._client(spec, cluster) as client:
            return code_of(lambda: client.shop.orders.insert_one({}))

    def can_log_in(self, spec: GrantSpec) -> bool:
        return self.login(spec) is None

    def can_work(self, spec: GrantSpec) -> bool:
        return self.find(spec) is None

    def _client(self, spec: GrantSpec, cluster: str) -> MongoClient[dict[str, Any]]:
        return self.behind.login(cluster, spec.username, spec.password)


@contextmanager
def living(behind: Behind) -> Iterator[Living]:
    """The stand-in serves everything that it can; the account has the rights of `health.NEEDED` and no more."""
    with behind.project() as (organisation, project):
        organisation.settings.active_seconds = 0.0
        project.access_list.clear()
        rights = (DATABASE_ACCESS, NETWORK_ACCESS, READ_ONLY)
        organisation.accounts[CLIENT_ID] = Account(
            key=CLIENT_ID, secrets=(CLIENT_SECRET,), name="worker", project_roles={project.id: rights}
        )
        server = AtlasServer(port=0, organisation=organisation, routes=all_routes(), control_token=CONTROL_TOKEN)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield Living(behind=behind, organisation=organisation, project=project, server=server)
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def spec_of(
    grant: Grant,
    *roles: str,
    clusters: Sequence[str] = ("main",),
    addresses: Sequence[str] = (HERE,),
    expires_at: datetime | None = None,
) -> GrantSpec:
    """What the provisioner is told of a grant; the grant's own row is only there for the ledger."""
    known = built_in(["shop"])
    references = [RoleRef.parse(text) for text in roles or ("read@shop",)]
    return GrantSpec(
        grant_id=grant.pk,
        kind="database_user",
        clusters=tuple(clusters),
        username=grant.username,
        roles=tuple(_granted(reference, known) for reference in references),
        source_addresses=tuple(addresses),
        authentication="scram",
        expires_at=expires_at or make.now() + timedelta(hours=1),
        password=secrets.token_urlsafe(24),
    )


def _granted(reference: RoleRef, known: dict[str, tuple[Privilege, ...]]) -> GrantedRole:
    return GrantedRole(reference.role, reference.database, reference.collection, expand(reference, known))
