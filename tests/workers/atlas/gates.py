"""A project on the stand-in, the worker's own way to it, and somebody else who works on the same project."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accessrequests.domain.privileges import Privilege, Resource
from accessrequests.models import Grant, SharedObject
from sandbox.atlas.table import all_routes
from tests import make
from tests.sandbox.atlas.serving import CLIENT_ID, CLIENT_SECRET, Served, serving
from workers.ledger import PostgresLedger
from workers.provisioners.atlas.access_list import AccessList
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient
from workers.provisioners.atlas.custom_roles import CustomRoles
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.base import GrantedRole, GrantSpec
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord

TARGET = "shop-prod"
INSTALLATION = "tests1"
COMMENT = f"access-requests {INSTALLATION}"


@dataclass(frozen=True)
class Gates:
    """The two gates that grants share, and the stand-in behind them."""

    served: Served
    project: AtlasProject

    @property
    def network(self) -> AccessList:
        return AccessList(self.project, PostgresLedger(TARGET), INSTALLATION)

    @property
    def roles(self) -> CustomRoles:
        return CustomRoles(self.project, PostgresLedger(TARGET), INSTALLATION)

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The access list as the stand-in has it."""
        return self.served.project.access_list

    @property
    def role_names(self) -> list[str]:
        return sorted(self.served.project.custom_roles)

    def somebody_puts(self, block: str, **said: str) -> None:
        """Another client of Atlas, such as Terraform, writes an entry."""
        with self.served.bearer() as client:
            answer = client.post(self.served.path("/accessList"), json=[{"cidrBlock": block, **said}])
        assert answer.status_code == 201, answer.text

    def somebody(self, method: str, path: str, body: Any = None) -> None:
        with self.served.bearer() as client:
            answer = client.request(method, self.served.path(path), json=body)
        assert answer.is_success, answer.text

    def entries_reach_the_clusters(self) -> None:
        """There is no cluster here; what one would say is said for it."""
        self.served.project.opened(list(self.entries))

    def change(self, **settings: Any) -> None:
        assert self.served.control("PATCH", "settings", settings).is_success

    def writes(self, kind: str) -> list[str]:
        """The writes of one kind of thing that came in."""
        calls = self.served.control("GET", "calls").json()
        listed = calls["results"] if isinstance(calls, dict) else calls
        return [call["method"] for call in listed if call["method"] != "GET" and kind in call["target"]]


@contextmanager
def gates() -> Iterator[Gates]:
    with serving(routes=all_routes()) as served:
        record = AtlasRecord(
            slug=TARGET,
            project_id=served.project.id,
            org_id=served.server.organisation.id,
            login=AtlasLogin(CLIENT_ID, CLIENT_SECRET),
            base_url=served.server.origin,
        )
        client = AtlasClient(record=record)
        try:
            yield Gates(
                served, AtlasProject(client=client, project_id=record.project_id, org_id="", urgency=Urgency.GRANT)
            )
        finally:
            client.close()


def spec(
    grant: Grant,
    *addresses: str,
    roles: Sequence[GrantedRole] = (),
    lasts: timedelta = timedelta(hours=2),
    expires_at: datetime | None = None,
) -> GrantSpec:
    return GrantSpec(
        grant_id=grant.pk,
        kind="database_user",
        username=grant.username,
        clusters=(),
        roles=tuple(roles),
        source_addresses=addresses,
        authentication="scram",
        expires_at=expires_at or make.now() + lasts,
    )


def can(action: str, *, on: str, name: str = "") -> GrantedRole:
    """One action on one collection, as asked for: find on shop.orders."""
    database, _, collection = on.partition(".")
    held = (Privilege(Resource(database=database, collection=collection), frozenset({action})),)
    return GrantedRole(name=name or action, database=database, collection=collection, privileges=held)


def longest_call_is_over() -> None:
    """Time passes, in which every call that was on its way has arrived."""
    SharedObject.objects.update(stray_calls_until=make.now())
