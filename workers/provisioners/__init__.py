"""One provisioner per kind of target, behind one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from workers.provisioners.atlas.provisioner import AtlasProvisioner
from workers.provisioners.base import Ledger, Provisioner
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger


class MakeProvisioner(Protocol):
    """Each kind takes its own kind of record."""

    def __call__(self, *, record: Any, tagger: Tagger, ledger: Ledger) -> Provisioner: ...


def _mongodb(*, record: ConnectionRecord, tagger: Tagger, ledger: Ledger) -> MongoDBProvisioner:
    del ledger  # its grants share nothing
    return MongoDBProvisioner(record=record, tagger=tagger)


KINDS: Mapping[str, MakeProvisioner] = {"mongodb": _mongodb, "atlas": AtlasProvisioner}
