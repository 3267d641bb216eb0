"""Where the holder of an access connects to, as the catalogue or the target itself says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accessrequests.domain.connecting import Place
from accessrequests.domain.kinds import KINDS
from accessrequests.models import AccessRequest, Inventory, Target


def places_of(access_request: AccessRequest) -> list[Place]:
    return places_on(access_request.target, clusters=access_request.clusters)


def places_on(target: Target, *, clusters: Sequence[str] = ()) -> list[Place]:
    """The target; of one that has clusters those of the scope, or all of them, as they were read last.

    A cluster that is still being made has no address, and one that has gone is not there.
    """
    if not KINDS[target.kind].has_clusters:
        return [Place(target.connect_to["hosts"], target.connect_to.get("options", {}))]
    inventory: Inventory | None = getattr(target, "inventory", None)
    known: Mapping[str, Any] = inventory.clusters if inventory is not None else {}
    wanted = clusters or sorted(known)
    return [_place(name, known[name]) for name in wanted if name in known and known[name]["hosts"]]


def _place(name: str, found: Mapping[str, Any]) -> Place:
    options = {key: str(value) for key, value in found.get("options", {}).items()}
    if found.get("tls"):
        options.setdefault("tls", "true")
    return Place(found["hosts"], options, cluster=name)
