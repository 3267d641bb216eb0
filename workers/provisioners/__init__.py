"""One provisioner per kind of target, behind one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from workers.provisioners.base import Provisioner
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger


class MakeProvisioner(Protocol):
    def __call__(self, *, record: ConnectionRecord, tagger: Tagger) -> Provisioner: ...


KINDS: Mapping[str, MakeProvisioner] = {"mongodb": MongoDBProvisioner}
