"""Roles of a project that came to allow more than was approved: anybody in the project may edit them."""

from __future__ import annotations

from accessrequests.domain.privileges import difference
from workers.provisioners.atlas import roles
from workers.provisioners.atlas.custom_roles import CustomRoles, own_roles
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.roles import ADMIN
from workers.provisioners.base import GrantSpec


def widened(project: AtlasProject, own: CustomRoles, spec: GrantSpec) -> list[str]:
    """Those of the grant, the project's own and ours, by name."""
    ours, built_in = own_roles(spec), roles.built_in([ADMIN])
    named = [
        role
        for role in spec.roles
        if role not in ours and role.database == ADMIN and f"{role.name}@{ADMIN}" not in built_in
    ]
    found = roles.custom(project.roles()) if named else {}
    changed = [
        role.name
        for role in named
        if f"{role.name}@{ADMIN}" not in found or difference(found[f"{role.name}@{ADMIN}"], role.privileges)
    ]
    return [*changed, *own.changed(spec)]
