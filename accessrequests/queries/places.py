"""Where the holder of an access connects to, as the catalogue or the target itself says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accessrequests.domain.connecting import Place
from accessrequests.domain.kinds import KINDS
from accessrequests.models import AccessRequest, Inventory


def places_of(access_request: AccessRequest) -> list[Place]:
    """The target; of one that has clusters those of the scope, or all of them, as they were read last.

    A cluster that is still being made has no address, and one that has gone is not there.
    """
    target = access_request.target
    if not KINDS[target.kind].has_clusters:
        return [Place(target.connect_to["hosts"], target.connect_to.get("options", {}))]
    inventory: Inventory | None = getattr(target, "inventory", None)
    clusters: Mapping[str, Any] = inventory.clusters if inventory is not None else {}
    wanted = access_request.clusters or sorted(clusters)
    return [_place(name, clusters[name]) for name in wanted if name in clusters and clusters[name]["hosts"]]


def _place(name: str, found: Mapping[str, Any]) -> Place:
    options = {key: str(value) for key, value in found.get("options", {}).items()}
    if found.get("tls"):
        options.setdefault("tls", "true")
    return Place(found["hosts"], options, cluster=name)
