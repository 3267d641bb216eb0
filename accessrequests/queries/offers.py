"""What a target has to offer to people who ask: its roles with their reach, and its collections."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet

from accessrequests.domain import privileges
from accessrequests.domain.privileges import Level
from accessrequests.models import Inventory, Target

_SERVERS = ("admin", "config", "local")


@dataclass(frozen=True, slots=True)
class OfferedRole:
    """One role of the inventory that may be asked for."""

    name: str
    level: Level
    reach: str


def targets_on_offer() -> QuerySet[Target]:
    return Target.objects.filter(retired_at=None).order_by("environment", "slug")


def roles_on_offer(inventory: Inventory) -> list[OfferedRole]:
    """Every role that does not give or change access itself; the narrowest reach first, the server's own databases last."""
    offered = []
    for name, stored in inventory.roles.items():
        reading = privileges.read(privileges.from_json(stored))
        if reading.level is not Level.DELEGATING and stored:
            offered.append(OfferedRole(name, reading.level, reading.reach))
    return sorted(offered, key=lambda role: (_width(role), role.reach, role.level.rank, role.name))


def collections_on_offer(inventory: Inventory) -> list[str]:
    """database.collection of everything but the server's own, in order."""
    return sorted(
        f"{database}.{collection}"
        for database, collections in inventory.databases.items()
        if database not in _SERVERS
        for collection in collections
        if not collection.startswith("system.")
    )


def _width(role: OfferedRole) -> int:
    """Some collections, then a whole database, then more than one, then the server's own."""
    if role.name.rpartition("@")[2] in _SERVERS or role.reach == "the server itself":
        return 3
    if role.reach == "every database":
        return 2
    return 1 if "every collection" in role.reach else 0
