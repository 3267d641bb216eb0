"""Carries out a change of a custom role that people approved: only from what they saw, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accessrequests.domain.atlas_actions import atlas_action
from accessrequests.domain.role_definitions import Definition
from workers.provisioners.atlas.custom_roles import TURN
from workers.provisioners.atlas.failures import AtlasFailure, Kind
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.roles import definition_of
from workers.provisioners.base import Busy, Ledger, ProvisionerError, RoleChange, Turn

_FINAL = {Kind.IN_USE, Kind.FULL, Kind.EXISTS, Kind.GONE, Kind.RIGHTS}
_CHANGED = "The role {} is not as it was when the change was approved. Look at it, and propose the change again."
_CANNOT_HOLD = "A custom role of Atlas cannot hold {}."
_NOT_YET = "Atlas has taken the change of the role {} and not carried it out yet."


def carry_out(project: AtlasProject, ledger: Ledger, change: RoleChange) -> None:
    """Repeatable: what is there already is not written again.

    :raises ProvisionerError: permanent, when the role is neither as it was nor as it shall be, or Atlas refuses it.
    """
    with ledger.alone(TURN) as turn:
        turn.fence()
        found = _read(project, change.name)
        if found == change.after:
            return
        if found != change.before:
            raise ProvisionerError(_CHANGED.format(change.name), permanent=True)
        turn.fence()
        _write(project, change)
        _confirm(project, change, turn)


def _write(project: AtlasProject, change: RoleChange) -> None:
    """:raises ProvisionerError: permanent, for every no of Atlas that waiting does not mend."""
    try:
        _call(project, change)
    except AtlasFailure as failure:
        if failure.kind in _FINAL:
            raise ProvisionerError(str(failure), permanent=True) from failure
        raise


def _call(project: AtlasProject, change: RoleChange) -> None:
    if change.after is None:
        project.delete_role(change.name)
    elif change.before is None:
        project.create_role({"roleName": change.name, **_body(change.after)})
    else:
        project.change_role(change.name, _body(change.after))


def _confirm(project: AtlasProject, change: RoleChange, turn: Turn) -> None:
    turn.fence()
    if _read(project, change.name) != change.after:
        raise Busy(_NOT_YET.format(change.name))


def _read(project: AtlasProject, name: str) -> Definition | None:
    try:
        return definition_of(project.role(name))
    except AtlasFailure as failure:
        if failure.gone:
            return None
        raise


def _body(definition: Definition) -> dict[str, Any]:
    """As Atlas takes it: each action once, with all that it may be done on (schema UpdateCustomDBRole)."""
    resources: dict[str, list[Mapping[str, Any]]] = {}
    for action, resource in sorted(definition.allows, key=repr):
        named = atlas_action(action, resource)
        if named is None:
            raise ProvisionerError(_CANNOT_HOLD.format(action), permanent=True)
        where = {"cluster": resource.cluster, "db": resource.database, "collection": resource.collection}
        resources.setdefault(named, []).append(where)
    inherits = (role.rpartition("@") for role in sorted(definition.inherits))
    return {
        "actions": [{"action": action, "resources": where} for action, where in resources.items()],
        "inheritedRoles": [{"role": role, "db": database} for role, _, database in inherits],
    }
