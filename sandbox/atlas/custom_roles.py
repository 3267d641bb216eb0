"""Custom roles of a project: actions on resources, and roles they inherit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.atlas import events
from sandbox.atlas.attributes import check_names, documents, needed, text
from sandbox.atlas.authentication import ADMIN
from sandbox.atlas.limits import CUSTOM_ROLES, limit_of
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from sandbox.atlas.roles import (
    ACTION_FORMS,
    BUILT_IN,
    CLUSTER,
    COLLECTION,
    DATABASE,
    NARROWABLE,
    RESERVED,
    is_collection,
    is_database,
)
from sandbox.atlas.routes import DATABASE_ACCESS, READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, accepted, gone

_VERSION = "2023-01-01"
_ROLES = "/groups/{groupId}/customDBRoles/roles"
_ROLE = f"{_ROLES}/{{roleName}}"
_NAMES = ("actions", "inheritedRoles", "roleName")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_RESERVED_PREFIX = "xgen-"


def list_roles(organisation: Organisation, request: Request) -> Answer:
    """A bare array."""
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=list(project.custom_roles.values()))


def create_role(organisation: Organisation, request: Request) -> Answer:
    """Answers 202: the clusters get it later."""
    project = organisation.project(request.parameters["groupId"])
    role = add(organisation, project, request.document())
    events.record(organisation, project, "MONGODB_ROLE_ADDED", request=request, description=role["roleName"])
    project.changed()
    return accepted(role)


def get_role(organisation: Organisation, request: Request) -> Answer:
    return Answer(body=_found(organisation.project(request.parameters["groupId"]), request))


def change_role(organisation: Organisation, request: Request) -> Answer:
    """Replaces the actions or inherited roles that the body has, and keeps the others."""
    project = organisation.project(request.parameters["groupId"])
    role, body = _found(project, request), request.document()
    check_names(body, _NAMES)
    name = role["roleName"]
    if text(body, "roleName") not in (None, name):
        raise AtlasError("ATTRIBUTE_READ_ONLY", "roleName")
    changed = {**role, **_read(project, name, body)}
    if not changed["actions"] and not changed["inheritedRoles"]:
        raise AtlasError("ATLAS_CUSTOM_ROLE_HAS_NO_PERMISSIONS")
    project.custom_roles[name] = changed
    events.record(organisation, project, "MONGODB_ROLE_UPDATED", request=request, description=name)
    project.changed()
    return Answer(body=changed)


def delete_role(organisation: Organisation, request: Request) -> Answer:
    """Takes the role from users and roles too; refused while that would leave one of them with nothing."""
    project = organisation.project(request.parameters["groupId"])
    name = _found(project, request)["roleName"]
    users = [user for user in project.database_users.values() if _is_given(user, name)]
    heirs = [role for role in project.custom_roles.values() if _is_inherited(role, name)]
    left_bare = [user["username"] for user in users if all(each["roleName"] == name for each in user["roles"])]
    if left_bare:
        raise AtlasError("ATLAS_CUSTOM_ROLE_IN_USE_BY_USERS", ", ".join(left_bare))
    emptied = [role["roleName"] for role in heirs if not role["actions"] and len(role["inheritedRoles"]) == 1]
    if emptied:
        raise AtlasError("ATLAS_CUSTOM_ROLE_IN_USE_BY_ROLES", ", ".join(emptied))
    for user in users:
        user["roles"] = [each for each in user["roles"] if each["roleName"] != name]
    for role in heirs:
        role["inheritedRoles"] = [each for each in role["inheritedRoles"] if each["role"] != name]
    del project.custom_roles[name]
    events.record(organisation, project, "MONGODB_ROLE_DELETED", request=request, description=name)
    project.changed()
    return gone()


def add(organisation: Organisation, project: Project, body: dict[str, Any]) -> dict[str, Any]:
    """Check and keep a new role, without telling the clusters.

    :raises AtlasError: why there cannot be such a role.
    """
    check_names(body, _NAMES)
    name = needed(body, "roleName")
    if name.lower().startswith(_RESERVED_PREFIX):
        raise AtlasError("ATLAS_RESERVED_CUSTOM_ROLE_RESTRICTED", name)
    if _NAME.fullmatch(name) is None:
        raise AtlasError("ATLAS_CUSTOM_ROLE_INVALID_NAME", name)
    if name in RESERVED:
        raise AtlasError("ATLAS_INVALID_CUSTOM_ROLE_RESTRICTED", name)
    role = {"actions": [], "inheritedRoles": [], "roleName": name, **_read(project, name, body)}
    if not role["actions"] and not role["inheritedRoles"]:
        raise AtlasError("ATLAS_CUSTOM_ROLE_HAS_NO_PERMISSIONS")
    if name in project.custom_roles:
        raise AtlasError("ATLAS_CUSTOM_ROLE_NAME_ALREADY_EXISTS", name)
    if len(project.custom_roles) >= limit_of(organisation, project, CUSTOM_ROLES):
        raise AtlasError("CUSTOM_ROLES_LIMIT_EXCEEDED")
    project.custom_roles[name] = role
    return role


def _read(project: Project, name: str, body: dict[str, Any]) -> dict[str, Any]:
    """Those of actions and inherited roles that the body has. Their order is not kept: Atlas does not keep it."""
    read: dict[str, Any] = {}
    actions, inherited = documents(body, "actions"), documents(body, "inheritedRoles")
    if actions is not None:
        read["actions"] = sorted((_read_action(each) for each in actions), key=_action_name, reverse=True)
        if len({each["action"] for each in actions}) < len(actions):
            raise AtlasError("ATLAS_DUPLICATE_CUSTOM_ROLE_ACTION")
    if inherited is not None:
        parents = [_read_inherited(project, name, each) for each in inherited]
        read["inheritedRoles"] = sorted(parents, key=lambda each: (each["role"], each["db"]), reverse=True)
    return read


def _action_name(action: Mapping[str, Any]) -> str:
    return str(action["action"])


def _read_action(said: dict[str, Any]) -> dict[str, Any]:
    check_names(said, ("action", "resources"))
    action = needed(said, "action")
    if action not in ACTION_FORMS:
        raise AtlasError("INVALID_ENUM_VALUE", action)
    sent = documents(said, "resources") or []
    read = [_read_resource(action, each) for each in sent]
    if not read:
        raise AtlasError("ATLAS_INVALID_RESOURCE")
    if len({tuple(sorted(each.items())) for each in read}) < len(read):
        raise AtlasError("ATLAS_DUPLICATE_CUSTOM_ROLE_RESOURCE")
    resources = [_with_what_was_sent(resource, each) for resource, each in zip(read, sent, strict=True)]
    return {"action": action, "resources": sorted(resources, key=lambda each: sorted(map(str, each.items())))}


def _read_resource(action: str, said: dict[str, Any]) -> dict[str, Any]:
    """As Atlas shows it: `cluster` alone, or `db`, with `collection` unless it is all of them."""
    check_names(said, ("cluster", "collection", "db"))
    cluster = said.get("cluster", False)
    if cluster not in (True, False, None):
        raise AtlasError("INVALID_JSON_ATTRIBUTE", "cluster")
    database, collection = text(said, "db"), text(said, "collection") or ""
    form = CLUSTER if cluster else COLLECTION if collection else DATABASE
    if form not in ACTION_FORMS[action] or (form != CLUSTER and database is None):
        raise AtlasError("ATLAS_INVALID_RESOURCE")
    if form == CLUSTER:
        return {"cluster": True}
    if database and not is_database(database):
        raise AtlasError("INVALID_DATABASE_NAME", database)
    if not collection:
        return {"db": database}
    if not is_collection(collection):
        raise AtlasError("INVALID_COLLECTION_NAME", collection)
    return {"collection": collection, "db": database}


def _with_what_was_sent(resource: dict[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """Keys that say nothing stay if they were sent: clients made from the specification cannot read answers without.

    Atlas leaves them out, and so do we where nobody sent them.
    """
    neutral = {"cluster": False, "collection": "", "db": ""}
    return {
        name: resource.get(name, neutral[name]) for name in neutral if name in resource or sent.get(name) is not None
    }


def _read_inherited(project: Project, name: str, said: dict[str, Any]) -> dict[str, str]:
    check_names(said, ("db", "role"))
    role, database = needed(said, "role"), needed(said, "db")
    if role == name:
        raise AtlasError("ATLAS_INVALID_CUSTOM_ROLE_SELF_REFERENTIAL")
    if role not in BUILT_IN and role not in project.custom_roles:
        raise AtlasError("ATLAS_INVALID_CUSTOM_ROLE_INHERITANCE")
    if not (is_database(database) if role in NARROWABLE else database == ADMIN):
        raise AtlasError("ATLAS_INVALID_CUSTOM_ROLE_INHERITED_SCOPE")
    if name in _ancestors(project, role):
        raise AtlasError("ATLAS_INVALID_CUSTOM_ROLE_CIRCULAR_DEPENDENCY")
    return {"db": database, "role": role}


def _ancestors(project: Project, name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for each in project.custom_roles.get(waiting.pop(), {}).get("inheritedRoles", ()):
            if each["role"] not in found:
                found.add(each["role"])
                waiting.append(each["role"])
    return found


def _is_given(user: Mapping[str, Any], name: str) -> bool:
    return any(each["roleName"] == name for each in user["roles"])


def _is_inherited(role: Mapping[str, Any], name: str) -> bool:
    return any(each["role"] == name for each in role["inheritedRoles"])


def _found(project: Project, request: Request) -> dict[str, Any]:
    name = request.parameters["roleName"]
    if name not in project.custom_roles:
        raise AtlasError("ATLAS_CUSTOM_ROLE_NOT_FOUND", name)
    return project.custom_roles[name]


ROUTES = (
    Route("GET", _ROLES, _VERSION, (READ_ONLY, DATABASE_ACCESS), list_roles),
    Route("POST", _ROLES, _VERSION, (DATABASE_ACCESS,), create_role),
    Route("GET", _ROLE, _VERSION, (READ_ONLY, DATABASE_ACCESS), get_role),
    Route("PATCH", _ROLE, _VERSION, (DATABASE_ACCESS,), change_role),
    Route("DELETE", _ROLE, _VERSION, (DATABASE_ACCESS,), delete_role),
)
