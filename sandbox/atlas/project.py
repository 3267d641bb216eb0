"""A project and its clusters, as the stand-in remembers them.

What Atlas shows is kept as it shows it, in plain dicts without links; what it never shows (passwords, revisions) stands
beside it. Moments are seconds since 1970.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(slots=True)
class Cluster:
    """A cluster is one mongod. `revision` is the project's when it was last told to change; `applied_revision` what it has."""

    id: str
    name: str
    created_at: float
    hosts: list[str] = field(default_factory=list)
    replica_set: str = "rs0"
    options: dict[str, str] = field(default_factory=dict)  # More of its connection string.
    admin_uri: str = ""  # How the stand-in itself gets in. It is never shown.
    log_path: str = ""
    authorities_path: str = ""  # The file of the authorities whose client certificates it believes.
    version: str = "6.0.5"
    instance_size: str = "M10"
    region: str = "EU_CENTRAL_1"
    paused: bool = False
    revision: int = 0
    applied_revision: int = 0

    @property
    def is_applied(self) -> bool:
        return self.applied_revision >= self.revision

    @property
    def standard(self) -> str:
        """The connection string, without a user."""
        options = {"replicaSet": self.replica_set, "authSource": "admin", **self.options}
        return f"mongodb://{','.join(self.hosts)}/?" + "&".join(f"{key}={value}" for key, value in options.items())


@dataclass(slots=True)
class Project:
    """`database_users` by database and name, `custom_roles` by name, `access_list` by block or security group.

    `members` and `teams` have roles by identifier. `pending_entries` says when an entry will count that does not yet.
    """

    id: str
    name: str
    created_at: float
    clusters: dict[str, Cluster] = field(default_factory=dict)
    database_users: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    passwords: dict[tuple[str, str], str] = field(default_factory=dict)
    custom_roles: dict[str, dict[str, Any]] = field(default_factory=dict)
    access_list: dict[str, dict[str, Any]] = field(default_factory=dict)
    pending_entries: dict[str, float] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    teams: dict[str, list[str]] = field(default_factory=dict)
    limits: dict[str, int] = field(default_factory=dict)
    user_security: dict[str, Any] = field(default_factory=dict)
    certificates: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    authority: str = ""  # The certificate and key, in PEM, of who issues its managed certificates.
    alert_configs: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    revision: int = 0
    changed_at: float = 0.0
    wake: Callable[[], float] = time.time  # The organisation's: it wakes the deployer and says what time it is.

    def changed(self, clusters: Iterable[str] | None = None) -> None:
        """Users, roles or entries are others now: these clusters, or all, are PENDING until they have them.

        `changed_at` is the first change that waits: many changes, one soon after the other, put none of them off.
        """
        waits_already = any(not cluster.is_applied for cluster in self.clusters.values())
        self.revision += 1
        for name in self.clusters if clusters is None else clusters:
            self.clusters[name].revision = self.revision
        now = self.wake()
        if not waits_already:
            self.changed_at = now

    def due_entries(self, now: float) -> set[str]:
        """Entries that shall count by now and are not ACTIVE yet."""
        return {entry for entry, at in self.pending_entries.items() if at <= now}

    def open_blocks(self, now: float) -> list[str]:
        """Blocks from which the clusters are to let people in: what is ACTIVE, and what is due."""
        closed = set(self.pending_entries) - self.due_entries(now)
        return [block for block, entry in self.access_list.items() if "cidrBlock" in entry and block not in closed]

    def opened(self, entries: Iterable[str]) -> None:
        """These entries count on the clusters now: they are ACTIVE."""
        for entry in entries:
            self.pending_entries.pop(entry, None)

    def snapshot(self) -> dict[str, Any]:
        kept = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "wake"}
        return {
            **kept,
            "clusters": [asdict(cluster) for cluster in self.clusters.values()],
            "database_users": list(self.database_users.values()),
            "passwords": [[*key, password] for key, password in self.passwords.items()],
        }

    @classmethod
    def restore(cls, document: Mapping[str, Any]) -> Project:
        users = {(each["databaseName"], each["username"]): each for each in document["database_users"]}
        return cls(
            **{
                **document,
                "clusters": {each["name"]: Cluster(**each) for each in document["clusters"]},
                "database_users": users,
                "passwords": {(database, name): password for database, name, password in document["passwords"]},
            }
        )
