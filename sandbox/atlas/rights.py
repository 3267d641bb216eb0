"""May this account do that: its roles in the project or the organisation against those that an operation needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.atlas.routes import ORG_OWNER, ORG_READ_ONLY, OWNER, READ_ONLY, Route
from sandbox.atlas.wire import Account, AtlasError

_ID = re.compile(r"[0-9a-f]{24}")


def check_rights(
    *,
    route: Route,
    parameters: Mapping[str, str],
    account: Account,
    organisation_id: str,
    projects: Mapping[str, Any],
) -> None:
    """Refuse who has none of the roles that the route names. Owners imply every role.

    A role of the organisation reaches into each of its projects: owners own them, readers read them.

    :raises AtlasError: it is refused, or there is no such project or organisation.
    """
    if "orgId" in parameters:
        if parameters["orgId"] != organisation_id:
            raise AtlasError("ORG_NOT_FOUND", parameters["orgId"])
        _check(route, {*account.org_roles}, owner=ORG_OWNER)
    elif "groupId" in parameters:
        project = parameters["groupId"]
        if _ID.fullmatch(project) is None:
            raise AtlasError("INVALID_GROUP_ID", project)
        if project not in projects:
            raise AtlasError("GROUP_NOT_FOUND", project)
        held = {*account.project_roles.get(project, ())}
        held |= {OWNER} if ORG_OWNER in account.org_roles else set()
        held |= {READ_ONLY} if ORG_READ_ONLY in account.org_roles else set()
        if not held:
            raise AtlasError("NOT_IN_GROUP")
        _check(route, held, owner=OWNER)


def _check(route: Route, held: set[str], *, owner: str) -> None:
    if route.roles and owner not in held and not held & {*route.roles}:
        raise AtlasError("USER_UNAUTHORIZED")
