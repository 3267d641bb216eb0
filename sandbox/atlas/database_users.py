"""Database users: who can sign in to the clusters of a project, with which roles, where, and until when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.atlas import events
from sandbox.atlas.assigned_roles import read_roles
from sandbox.atlas.attributes import check_names, documents, needed, text
from sandbox.atlas.authentication import (
    ADMIN,
    EXTERNAL,
    METHODS,
    NONE,
    Method,
    check_database,
    check_name,
    check_password,
    method_of,
)
from sandbox.atlas.dates import asked_expiry, check_change
from sandbox.atlas.limits import DATABASE_USERS, limit_of
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from sandbox.atlas.routes import DATABASE_ACCESS, READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, created, gone, page

_VERSION = "2023-01-01"
_USERS = "/groups/{groupId}/databaseUsers"
_USER = f"{_USERS}/{{databaseName}}/{{username}}"
_NAMES = frozenset(
    {
        *METHODS,
        *("databaseName", "deleteAfterDate", "description", "groupId", "labels", "password", "roles", "scopes"),
        "username",
    }
)
_MOST_DESCRIPTION = 100
_MOST_LABEL = 255
_SCOPE_TYPES = ("CLUSTER", "DATA_LAKE", "STREAM")
_SCOPE_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9-]*")
_ADDED, _CHANGED, _REMOVED = "MONGODB_USER_ADDED", "MONGODB_USER_UPDATED", "MONGODB_USER_DELETED"
# What the clusters know of a user; a new date or description does not make them PENDING.
_ON_CLUSTERS = ("roles", "scopes")


def list_users(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=page(request, [_shown(each, request) for each in project.database_users.values()]))


def create_user(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    user = add(organisation, project, request.document())
    events.record(organisation, project, _ADDED, request=request, dbUserUsername=user["username"])
    project.changed()
    return created(_shown(user, request))


def get_user(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=_shown(_found(project, request, "USERNAME_NOT_FOUND"), request))


def change_user(organisation: Organisation, request: Request) -> Answer:
    """Merge: what the body leaves out, or has as null, stays; lists replace whole, and no scopes is every cluster."""
    project = organisation.project(request.parameters["groupId"])
    user, body = _found(project, request, "USERNAME_NOT_FOUND"), request.document()
    method = method_of(user)
    _check_unchangeable(project, user, method, body)
    expiry = asked_expiry(body, organisation.now())
    check_change(user, expiry=expiry, now=organisation.now())
    password = text(body, "password")
    check_password(method, password)
    changes = _read_changes(project, user["username"], body)
    if expiry is not None:
        changes["deleteAfterDate"] = expiry
    reaches = password is not None or any(changes.get(name, user[name]) != user[name] for name in _ON_CLUSTERS)
    user.update(changes)
    if not user.get("description"):
        user.pop("description", None)
    if password is not None:
        project.passwords[user["databaseName"], user["username"]] = password
    events.record(organisation, project, _CHANGED, request=request, dbUserUsername=user["username"])
    if reaches:
        project.changed()
    return Answer(body=_shown(user, request))


def delete_user(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    user = _found(project, request, organisation.settings.delete_missing_user)
    remove(organisation, project, user, request=request)
    return gone()


def remove(
    organisation: Organisation, project: Project, user: Mapping[str, Any], *, request: Request | None = None
) -> None:
    """Somebody's call takes a user away, or the purge, which has no request."""
    key = (user["databaseName"], user["username"])
    del project.database_users[key]
    project.passwords.pop(key, None)
    events.record(organisation, project, _REMOVED, request=request, dbUserUsername=user["username"])
    project.changed()


def add(organisation: Organisation, project: Project, body: dict[str, Any]) -> dict[str, Any]:
    """Check and keep a new user, without telling the clusters.

    :raises AtlasError: why there cannot be such a user.
    """
    check_names(body, _NAMES)
    _check_group(project, body)
    username, database = needed(body, "username"), needed(body, "databaseName")
    method = method_of(body)
    check_database(method, database)
    check_name(method, username)
    expiry = asked_expiry(body, organisation.now())
    if expiry is not None and _is_certificate(method):
        raise AtlasError("ATLAS_X509_USER_CANNOT_BE_TEMPORARY")
    password = needed(body, "password") if method is None else text(body, "password")
    check_password(method, password)
    user = {
        **dict.fromkeys(METHODS, NONE),
        **(dict([method]) if method else {}),
        "databaseName": database,
        "groupId": project.id,
        "labels": [],
        "roles": read_roles(project, username, body),
        "scopes": [],
        "username": username,
        **_read_changes(project, username, body),
        **({"deleteAfterDate": expiry} if expiry else {}),
    }
    if (database, username) in project.database_users:
        raise AtlasError("USER_ALREADY_EXISTS", username)
    most = limit_of(organisation, project, DATABASE_USERS)
    if len(project.database_users) >= most:
        raise AtlasError("GROUP_USERS_LIMIT_EXCEEDED", most)
    project.database_users[database, username] = user
    if password is not None:
        project.passwords[database, username] = password
    return user


def _check_group(project: Project, body: dict[str, Any]) -> None:
    group = text(body, "groupId")
    if group is not None and group != project.id:
        raise AtlasError("GROUP_MISMATCH", group)


def _is_certificate(method: Method) -> bool:
    return method is not None and method[0] == "x509Type"


def _check_unchangeable(project: Project, user: dict[str, Any], method: Method, body: dict[str, Any]) -> None:
    check_names(body, _NAMES)
    _check_group(project, body)
    if text(body, "username") not in (None, user["username"]):
        raise AtlasError("DATABASE_USERNAME_CANNOT_BE_CHANGED")
    if text(body, "databaseName") not in (None, user["databaseName"]):
        raise AtlasError("DATABASE_NAME_CANNOT_BE_CHANGED")
    if any(text(body, name) not in (None, user[name]) for name in METHODS):
        raise AtlasError("AUTH_TYPE_CANNOT_BE_CHANGED")
    if _is_certificate(method) and body.get("deleteAfterDate") is not None:
        raise AtlasError("ATLAS_X509_USER_CANNOT_BE_TEMPORARY")


def _read_changes(project: Project, username: str, body: dict[str, Any]) -> dict[str, Any]:
    """Those of roles, scopes, labels and description that the body has."""
    changes: dict[str, Any] = {}
    if documents(body, "roles") is not None:
        changes["roles"] = read_roles(project, username, body)
    scopes, labels, description = documents(body, "scopes"), documents(body, "labels"), text(body, "description")
    if scopes is not None:
        changes["scopes"] = [_read_scope(each) for each in scopes]
    if labels is not None:
        changes["labels"] = [_read_label(each) for each in labels]
    if description is not None:
        if len(description) > _MOST_DESCRIPTION:
            raise AtlasError("INVALID_ATTRIBUTE", "description")
        changes["description"] = description
    return changes


def _read_scope(said: dict[str, Any]) -> dict[str, str]:
    check_names(said, ("name", "type"))
    scope = {"name": needed(said, "name"), "type": needed(said, "type")}
    if _SCOPE_NAME.fullmatch(scope["name"]) is None:
        raise AtlasError("INVALID_ATTRIBUTE", "scopes")
    if scope["type"] not in _SCOPE_TYPES:
        raise AtlasError("INVALID_ENUM_VALUE", scope["type"])
    return scope


def _read_label(said: dict[str, Any]) -> dict[str, str]:
    check_names(said, ("key", "value"))
    label = {"key": needed(said, "key"), "value": needed(said, "value")}
    if any(len(each) > _MOST_LABEL for each in label.values()):
        raise AtlasError("INVALID_ATTRIBUTE", "labels")
    return label


def _found(project: Project, request: Request, missing: str) -> dict[str, Any]:
    database, username = request.parameters["databaseName"], request.parameters["username"]
    if database not in (ADMIN, EXTERNAL):
        raise AtlasError("INVALID_PATH_PARAMETER", "databaseName")
    user = project.database_users.get((database, username))
    if user is None:
        # The codes a DELETE may have differ in how many parameters they take.
        raise AtlasError(missing, *(username, project.id)[: 2 if missing.endswith("_IN_GROUP") else 1])
    return user


def _shown(user: dict[str, Any], request: Request) -> dict[str, Any]:
    link = request.link("groups", user["groupId"], "databaseUsers", user["databaseName"], user["username"])
    return {**user, "links": [link]}


ROUTES = (
    Route("GET", _USERS, _VERSION, (READ_ONLY, DATABASE_ACCESS), list_users),
    Route("POST", _USERS, _VERSION, (DATABASE_ACCESS,), create_user),
    Route("GET", _USER, _VERSION, (READ_ONLY, DATABASE_ACCESS), get_user),
    Route("PATCH", _USER, _VERSION, (DATABASE_ACCESS,), change_user),
    Route("DELETE", _USER, _VERSION, (DATABASE_ACCESS,), delete_user),
)
