"""One provisioner per kind of target, behind one contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from workers.provisioners.base import Provisioner
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger


class MakeProvisioner(Protocol):
    """Each kind takes its own kind of record."""

    def __call__(self, *, record: Any, tagger: Tagger) -> Provisioner: ...


KINDS: Mapping[str, MakeProvisioner] = {"mongodb": MongoDBProvisioner}
