"""One provisioner per kind of target, behind one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from accessrequests.models.access_requests import AccessKind
from workers.provisioners.atlas.target import atlas_target
from workers.provisioners.base import Ledger, TargetProvisioner
from workers.provisioners.by_kind import ByKind
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb import extra_roles as mongodb
from workers.provisioners.mongodb.kit import MongoDBKit
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger


class MakeProvisioner(Protocol):
    """Each kind takes its own kind of record."""

    def __call__(self, *, record: Any, tagger: Tagger, ledger: Ledger) -> TargetProvisioner: ...


def _mongodb(*, record: ConnectionRecord, tagger: Tagger, ledger: Ledger) -> ByKind:
    users = MongoDBProvisioner(record=record, tagger=tagger)
    extra = mongodb.ExtraRoles(servers=users.servers, tagger=tagger, ledger=ledger)
    kit = MongoDBKit(servers=users.servers, tagger=tagger)
    return ByKind(users, {AccessKind.ROLE_GRANT: extra}, kit=kit)


KINDS: Mapping[str, MakeProvisioner] = {"mongodb": _mongodb, "atlas": atlas_target}
