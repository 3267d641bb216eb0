"""One provisioner per kind of target, behind one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from accessrequests.models.access_requests import AccessKind
from workers.provisioners.atlas import extra_roles as atlas
from workers.provisioners.atlas.project_roles import ProjectRoles
from workers.provisioners.atlas.provisioner import AtlasProvisioner
from workers.provisioners.base import Ledger, Provisioner
from workers.provisioners.by_kind import ByKind
from workers.provisioners.connection_record import AtlasRecord, ConnectionRecord
from workers.provisioners.mongodb import extra_roles as mongodb
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger


class MakeProvisioner(Protocol):
    """Each kind takes its own kind of record."""

    def __call__(self, *, record: Any, tagger: Tagger, ledger: Ledger) -> Provisioner: ...


def _mongodb(*, record: ConnectionRecord, tagger: Tagger, ledger: Ledger) -> ByKind:
    users = MongoDBProvisioner(record=record, tagger=tagger)
    extra = mongodb.ExtraRoles(servers=users.servers, tagger=tagger, ledger=ledger)
    return ByKind(users, {AccessKind.ROLE_GRANT: extra})


def _atlas(*, record: AtlasRecord, tagger: Tagger, ledger: Ledger) -> ByKind:
    users = AtlasProvisioner(record=record, tagger=tagger, ledger=ledger)
    extra = atlas.ExtraRoles(client=users.client, record=record, tagger=tagger, ledger=ledger)
    members = ProjectRoles(client=users.client, record=record, ledger=ledger)
    return ByKind(users, {AccessKind.ROLE_GRANT: extra, AccessKind.PROJECT_ROLE: members})


KINDS: Mapping[str, MakeProvisioner] = {"mongodb": _mongodb, "atlas": _atlas}
