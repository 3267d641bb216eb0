"""The roles of an ask: by name as they were typed, and what each comes to on a target as its inventory has it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence

from accessrequests.domain import privileges
from accessrequests.domain.actions import SEARCH_ACTIONS, SERVER_DATABASES
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.privileges import Privilege, RoleRef
from accessrequests.domain.wording import moment
from accessrequests.models import Inventory, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import principals

MOST_ROLES = 20


def read_roles(
    target: Target,
    kind: str,
    texts: Sequence[str],
    errors: dict[str, list[str]],
    *,
    inventory: Callable[[], Inventory],
) -> tuple[tuple[RoleRef, ...], Mapping[str, tuple[Privilege, ...]]]:
    """The roles by their names, and what each lets one do on the target's databases: a project role nothing."""
    if kind == AccessKind.PROJECT_ROLE:
        if "kind" in errors:
            return (), {}
        inventory()
        given = principals.roles_asked(target, texts, errors)
        return given, {str(role): () for role in given}
    roles = _roles(texts, errors)
    return roles, expand(roles, inventory(), errors) if roles else {}


def expand(
    roles: Sequence[RoleRef], inventory: Inventory, errors: dict[str, list[str]]
) -> dict[str, tuple[Privilege, ...]]:
    known = {role.inventory_name: inventory.roles.get(role.inventory_name) for role in roles}
    held = {name: privileges.from_json(stored) for name, stored in known.items() if stored is not None}
    expanded = {}
    for role in roles:
        if role.collection and role.collection not in inventory.databases.get(role.database, {}):
            collections = [f"{role.database}.{name}" for name in inventory.databases.get(role.database, {})]
            sentence = f"{role.database} has no collection called {role.collection}.{near(role.where, collections)}"
            errors.setdefault("roles", []).append(f"{sentence} {read_at(inventory)}")
            continue
        why_not = _why_not_single(role, inventory) if role.actions else ""
        if why_not:
            errors.setdefault("roles", []).append(why_not)
            continue
        if role.inventory_name not in held and not role.actions:
            sentence = f"The target has no role {role.inventory_name}.{near(role.inventory_name, inventory.roles)}"
            errors.setdefault("roles", []).append(f"{sentence} {read_at(inventory)}")
            continue
        try:
            expanded[str(role)] = privileges.expand(role, held)
        except privileges.UnknownRole as error:
            errors.setdefault("roles", []).append(str(error))
    return expanded


def _why_not_single(role: RoleRef, inventory: Inventory) -> str:
    """What is wrong with single actions on this target, beyond what is wrong with them anywhere."""
    if role.inventory_name in inventory.roles:
        return (
            f"{role.inventory_name} is read as a single action, and the target has a role of that very name besides. "
            "Have the role renamed, or ask for another."
        )
    if role.database not in inventory.databases:
        known = sorted(set(inventory.databases) - SERVER_DATABASES)
        return f"There is no database called {role.database}.{near(role.database, known)} {read_at(inventory)}"
    searching = sorted(role.actions & SEARCH_ACTIONS)
    if searching and not KINDS[inventory.target.kind].has_search:
        return f"{inventory.target.slug} has no search indexes, so {', '.join(searching)} means nothing there."
    return ""


def near(wanted: str, names: Iterable[str]) -> str:
    """The names that somebody may have meant."""
    near = difflib.get_close_matches(wanted, list(names), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def read_at(inventory: Inventory) -> str:
    return f"What the target has was read at {moment(inventory.read_at)}."


def _roles(texts: Sequence[str], errors: dict[str, list[str]]) -> tuple[RoleRef, ...]:
    if not texts or len(texts) > MOST_ROLES:
        errors["roles"] = [f"Name one to {MOST_ROLES} roles, each like read@shop.orders."]
        return ()
    roles = []
    for text in texts:
        try:
            roles.append(RoleRef.parse(text))
        except privileges.InvalidRole as error:
            errors.setdefault("roles", []).append(str(error))
    if len(set(roles)) < len(roles):
        errors.setdefault("roles", []).append("Name each role once.")
    return tuple(roles)
