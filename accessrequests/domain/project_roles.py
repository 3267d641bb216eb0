"""The control-plane roles of an Atlas project: how much trust each needs, and what it lets a person do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from accessrequests.domain.privileges import Level

_NAME = re.compile(r"GROUP_[A-Z][A-Z_]{1,60}")


@dataclass(frozen=True, slots=True)
class ProjectRole:
    """One role. `lets` begins with a capital letter and ends without a full stop."""

    level: Level
    lets: str


# The page "Atlas User Roles" of the manual, project roles. What lets one see documents is read, what lets one change
# them is write, what changes the project is admin, and what lets one change who may do what is delegating.
ROLES: Mapping[str, ProjectRole] = {
    "GROUP_READ_ONLY": ProjectRole(Level.READ, "See clusters, users, settings and activity of the project"),
    "GROUP_OBSERVABILITY_VIEWER": ProjectRole(Level.READ, "See metrics, logs and slow queries of the project"),
    "GROUP_CLUSTER_LOG_VIEWER": ProjectRole(Level.READ, "Download the logs of the clusters"),
    "GROUP_DATA_ACCESS_READ_ONLY": ProjectRole(Level.READ, "Read every document of the project in the Data Explorer"),
    "GROUP_DATA_ACCESS_READ_WRITE": ProjectRole(
        Level.WRITE, "Read and change every document of the project in the Data Explorer"
    ),
    "GROUP_DATA_ACCESS_ADMIN": ProjectRole(
        Level.ADMIN, "Read and change every document, and drop collections and indexes, in the Data Explorer"
    ),
    "GROUP_SEARCH_INDEX_EDITOR": ProjectRole(Level.ADMIN, "Make, change and delete search indexes"),
    "GROUP_STREAM_PROCESSING_OWNER": ProjectRole(Level.ADMIN, "Make, change and delete stream processing"),
    "GROUP_BACKUP_MANAGER": ProjectRole(Level.ADMIN, "Take, restore and delete backups"),
    "GROUP_CLUSTER_MANAGER": ProjectRole(Level.ADMIN, "Change, pause and resume clusters"),
    "GROUP_CLUSTER_CREATOR": ProjectRole(Level.ADMIN, "Make clusters"),
    "GROUP_CHARTS_ADMIN": ProjectRole(Level.ADMIN, "Administer charts of the project"),
    "GROUP_NETWORK_ACCESS_MANAGER": ProjectRole(Level.DELEGATING, "Change from which addresses one gets in"),
    "GROUP_DATABASE_ACCESS_ADMIN": ProjectRole(Level.DELEGATING, "Make and change database users and their roles"),
    "GROUP_ACCESS_MANAGER": ProjectRole(Level.DELEGATING, "Give project roles to others"),
    "GROUP_OWNER": ProjectRole(Level.DELEGATING, "Do everything in the project, and give it to others"),
}
NOT_FOR_GRANTS = frozenset(name for name, role in ROLES.items() if role.level is Level.DELEGATING)


def is_project_role(text: str) -> bool:
    """Whether the text has the form of a project role's name. It need not be one that we know."""
    return _NAME.fullmatch(text) is not None


def level_of(names: Iterable[str]) -> Level:
    """The highest level of any of them. What we do not know counts as admin."""
    return max((ROLES[name].level if name in ROLES else Level.ADMIN for name in names), default=Level.READ)


def what_these_let_you_do(names: Iterable[str]) -> list[str]:
    """One sentence for each, least first."""
    known = sorted(names, key=lambda name: (level_of([name]).rank, name))
    return [f"{ROLES[name].lets}." if name in ROLES else f"Whatever Atlas lets {name} do." for name in known]
