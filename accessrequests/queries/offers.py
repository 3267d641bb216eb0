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
    """Every role that does not give or change access itself; least trust first, the server's own databases last."""
    offered = []
    for name, stored in inventory.roles.items():
        reading = privileges.read(privileges.from_json(stored))
        if reading.level is not Level.DELEGATING and stored:
            offered.append(OfferedRole(name, reading.level, reading.reach))
    return sorted(offered, key=lambda role: (_is_the_servers(role.name), role.reach, role.level.rank, role.name))


def collections_on_offer(inventory: Inventory) -> list[str]:
    """database.collection of everything but the server's own, in order."""
    return sorted(
        f"{database}.{collection}"
        for database, collections in inventory.databases.items()
        if database not in _SERVERS
        for collection in collections
        if not collection.startswith("system.")
    )


def _is_the_servers(role: str) -> bool:
    return role.rpartition("@")[2] in _SERVERS
