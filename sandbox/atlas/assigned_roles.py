"""The roles in the body of a database user."""

from __future__ import annotations

from typing import Any

from sandbox.atlas.attributes import check_names, documents, needed, text
from sandbox.atlas.authentication import ADMIN
from sandbox.atlas.project import Project
from sandbox.atlas.roles import ANYWHERE, BUILT_IN, NARROWABLE, ON_ADMIN, SYSTEM_DATABASES, is_collection, is_database
from sandbox.atlas.wire import AtlasError

_MOST_CUSTOM_ROLES = 20
_WRITING = frozenset({"dbAdmin", "readWrite"})


def read_roles(project: Project, username: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    """At least one role, each of which exists and can be given so.

    :raises AtlasError: which is wrong.
    """
    said = documents(body, "roles")
    if not said:
        raise AtlasError("MISSING_ATTRIBUTE", "roles")
    roles = [_read_role(project, each) for each in said]
    spelt = ["@".join([each["roleName"], _scope(each)]) for each in roles]
    twice = sorted({each for each in spelt if spelt.count(each) > 1})
    if twice:
        raise AtlasError("DUPLICATE_DATABASE_ROLES", username, ", ".join(twice))
    if sum(each["roleName"] not in BUILT_IN for each in roles) > _MOST_CUSTOM_ROLES:
        raise AtlasError("ATLAS_GENERAL_ERROR", f"a user can have at most {_MOST_CUSTOM_ROLES} custom roles")
    return roles


def _scope(role: dict[str, Any]) -> str:
    return ".".join(each for each in (role["databaseName"], role.get("collectionName")) if each)


def _read_role(project: Project, said: dict[str, Any]) -> dict[str, Any]:
    check_names(said, ("collectionName", "databaseName", "roleName"))
    name, database = needed(said, "roleName"), needed(said, "databaseName")
    collection = text(said, "collectionName")
    _check_database(project, name, database)
    if collection is None:
        return {"databaseName": database, "roleName": name}
    if not collection or "$" in collection or "\0" in collection:
        raise AtlasError("INVALID_COLLECTION_NAME", collection)
    if name not in NARROWABLE or not is_collection(collection):
        raise AtlasError("ATLAS_RESTRICTED_COLLECTION", collection, name, database)
    return {"collectionName": collection, "databaseName": database, "roleName": name}


def _check_database(project: Project, name: str, database: str) -> None:
    if name in ON_ADMIN:
        if database != ADMIN:
            raise AtlasError("ATLAS_INVALID_ROLE_DATABASE", name, ADMIN)
    elif name in ANYWHERE:
        if not is_database(database):
            raise AtlasError("INVALID_DATABASE_NAME", database)
        if name in _WRITING and database in SYSTEM_DATABASES:
            raise AtlasError("ATLAS_RESTRICTED_ROLE", name, database)
    elif name not in project.custom_roles:
        raise AtlasError("ATLAS_INVALID_ROLE", name, database)
    elif database != ADMIN:
        raise AtlasError("UNSUPPORTED_ROLE")
