"""Custom roles of a MongoDB Atlas project: which accesses need one made for them, and Atlas's rules for all of them.

Rules: Administration API v2, "Custom Database Roles"; the page "Atlas Limits".
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.privileges import RoleRef, is_role
from accessrequests.domain.role_definitions import ADMIN, Definition

# The page "Atlas Limits" says 100 now and said 20 for long; this many always go.
MOST_OF_ONE_USER = 20
# Those that we make for accesses begin so. Nobody edits one by hand through us.
OURS = "access-"
RESERVED = "xgen-"
BUILT_IN = frozenset(
    {
        *("atlasAdmin", "autoCompact", "backup", "clusterMonitor", "dbAdmin", "dbAdminAnyDatabase", "enableSharding"),
        *("killOpSession", "manageShardBalancer", "read", "readAnyDatabase", "readWrite", "readWriteAnyDatabase"),
    }
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}")
# The roles that take a collectionName (schema DatabaseUserRole); mongod narrows no other one by itself.
TAKE_A_COLLECTION = frozenset({"read", "readWrite"})


def is_made_for_an_access(role: RoleRef) -> bool:
    """Whether Atlas has no role that it could give as it is."""
    return bool(role.actions) or bool(role.collection and role.role not in TAKE_A_COLLECTION)


def contents(privileges: Mapping[str, Iterable[Mapping[str, Any]]]) -> frozenset[str]:
    """What each role holds that has to be made for these, as a request keeps them; the same text for the same content."""
    return frozenset(
        json.dumps(list(held), sort_keys=True)
        for name, held in privileges.items()
        if is_role(name) and is_made_for_an_access(RoleRef.parse(name))
    )


class ChangeKind(StrEnum):
    """What somebody wants to do to a custom role."""

    CREATE = "create"
    EDIT = "edit"
    DELETE = "delete"


OPEN = (ChangeState.PENDING, ChangeState.APPROVED)


@dataclass(frozen=True, slots=True)
class Project:
    """The custom roles of a project and who holds them. `users`: name@database -> roles, as one would ask for them."""

    roles: Mapping[str, Definition]
    users: Mapping[str, Collection[str]]

    def users_of(self, name: str) -> list[str]:
        return sorted(user for user, held in self.users.items() if f"{name}@{ADMIN}" in held)

    def heirs_of(self, name: str) -> list[str]:
        return sorted(heir for heir, role in self.roles.items() if f"{name}@{ADMIN}" in role.inherits)


def why_not_named(name: str) -> str:
    """Why a custom role cannot be called so; empty when it can (schema UserCustomDBRole, roleName)."""
    if not _NAME.fullmatch(name):
        return "A role's name has only letters, digits, dashes and underscores, begins with a letter or a digit, and is not longer than 128."
    if name in BUILT_IN or name.lower().startswith(RESERVED):
        return f"{name} is a name that Atlas keeps for itself. Choose another one."
    if name.startswith(OURS):
        return f"Names that begin with {OURS} are those of roles that are made for accesses. Choose another one."
    return ""


def why_not(project: Project, kind: ChangeKind, name: str, after: Definition | None) -> str:
    """Why Atlas, or the house, would not have this change; empty when it would."""
    if kind is ChangeKind.CREATE:
        taken = f"The project has a role called {name} already. Edit that one, or choose another name."
        return why_not_named(name) or (taken if name in project.roles else "") or _why_not_inherit(project, name, after)
    if name not in project.roles:
        return f"The project has no custom role called {name}."
    if name.startswith(OURS):
        return f"{name} is made for accesses, and ends with the last of them. Nobody changes it by hand."
    if kind is ChangeKind.DELETE:
        return _why_not_delete(project, name)
    if after == project.roles[name]:
        return f"{name} is like this already. Nothing would change."
    return _why_not_inherit(project, name, after)


def _why_not_inherit(project: Project, name: str, after: Definition | None) -> str:
    """A role that would come to inherit from itself."""
    seen: set[str] = set()
    above = set(after.inherits if after else ())
    while above:
        parent = above.pop()
        if parent == f"{name}@{ADMIN}":
            return f"{name} would inherit from itself. Take that out."
        seen.add(parent)
        role = project.roles.get(parent.removesuffix(f"@{ADMIN}"))
        above |= (role.inherits if role else frozenset()) - seen
    return ""


def _why_not_delete(project: Project, name: str) -> str:
    """Atlas leaves no user without a role, and no role with nothing in it (errors ATLAS_CUSTOM_ROLE_IN_USE_BY_…)."""
    users = [user for user in project.users_of(name) if set(project.users[user]) == {f"{name}@{ADMIN}"}]
    if users:
        # Counted, not named: everybody who may see the target may try this.
        left = "1 login" if len(users) == 1 else f"{len(users)} logins"
        return f"{left} would be left without a role. Give {_them(users)} another one first."
    heirs = [
        heir
        for heir in project.heirs_of(name)
        if project.roles[heir] == Definition(frozenset(), frozenset({f"{name}@{ADMIN}"}))
    ]
    return (
        f"{', '.join(heirs)} would be left with nothing in {_them(heirs)}. Edit {_them(heirs)} first." if heirs else ""
    )


def _them(several: Collection[str]) -> str:
    return "it" if len(several) == 1 else "them"
