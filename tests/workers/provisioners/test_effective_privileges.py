"""Guards the union that a preview shows: for built-in and custom roles together it is what a real mongod reports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from accessrequests.domain.privileges import Privilege, Resource, covers, normalise, union
from accessrequests.domain.role_definitions import Definition, expand_all, read
from tests.servers import alone
from tests.workers.provisioners.conftest import SHOP
from tests.workers.provisioners.visitors import Client
from workers.provisioners.atlas.roles import built_in
from workers.provisioners.mongodb.inventory import privileges_of

_WITHOUT_BYPASSING = (
    "collMod,collStats,compact,convertToCapped,createCollection,createIndex,dbStats,dropCollection,dropDatabase,"
    "dropIndex,enableProfiler,listCollections,listIndexes,reIndex,renameCollectionSameDB,validate"
)
CUSTOM: dict[str, Definition] = {
    "reads-past-rules": read([f"bypassDocumentValidation@{SHOP}"], [f"read@{SHOP}"]),
    "administers": read([f"{_WITHOUT_BYPASSING}@{SHOP}"], []),
    "one-collection": read([f"find,insert@{SHOP}.orders"], []),
    "another-collection": read([f"find@{SHOP}.customers", f"update@{SHOP}.orders"], []),
    "every-database": read(["find@*", "collStats@*.orders"], []),
    "the-server": read(["serverStatus,inprog,listDatabases,top@$cluster"], []),
    "above": read([], ["one-collection@admin", "another-collection@admin"]),
    "above-that": read([f"remove@{SHOP}.orders"], ["above@admin", "clusterMonitor@admin"]),
}
READ, WRITE, ADMINISTER = f"read@{SHOP}", f"readWrite@{SHOP}", f"dbAdmin@{SHOP}"
COMBINATIONS: tuple[tuple[str, ...], ...] = (
    ("reads-past-rules@admin", "administers@admin"),
    ("reads-past-rules@admin",),
    ("administers@admin", READ),
    (READ, WRITE),
    (READ, ADMINISTER),
    (WRITE, ADMINISTER),
    (READ, "readAnyDatabase@admin"),
    ("readWriteAnyDatabase@admin", "dbAdminAnyDatabase@admin"),
    ("clusterMonitor@admin", READ),
    ("backup@admin", "clusterMonitor@admin"),
    ("enableSharding@admin", WRITE),
    ("one-collection@admin", "another-collection@admin"),
    ("one-collection@admin", READ),
    ("every-database@admin", WRITE),
    ("every-database@admin", "readAnyDatabase@admin"),
    ("the-server@admin", "clusterMonitor@admin"),
    ("the-server@admin", "one-collection@admin", ADMINISTER),
    ("above@admin",),
    ("above-that@admin", READ),
    ("above-that@admin", "reads-past-rules@admin", "administers@admin", "backup@admin"),
)
USER = "effective"


@pytest.fixture(scope="module")
def known(root: Client) -> Iterator[dict[str, tuple[Privilege, ...]]]:
    """What the preview knows of each role; the custom ones are on the server too."""
    with alone("effective-privileges"):
        for name, role in CUSTOM.items():
            root.admin.command("createRole", name, privileges=_said(role), roles=[_role(one) for one in role.inherits])
        yield expand_all(CUSTOM, built_in([SHOP]))
        for name in CUSTOM:
            root.admin.command("dropRole", name)


# Called the same in every process.
@pytest.mark.parametrize("names", COMBINATIONS, ids=lambda names: " ".join(names).replace(SHOP, "shop"))
def test_the_union_is_what_the_server_reports(
    root: Client, known: dict[str, tuple[Privilege, ...]], names: tuple[str, ...]
) -> None:
    root.admin.command("createUser", USER, pwd="a password of some length", roles=[_role(name) for name in names])
    try:
        (user,) = root.admin.command("usersInfo", USER, showPrivileges=True)["users"]
    finally:
        root.admin.command("dropUser", USER)

    assert union(*(known[name] for name in names)) == normalise(privileges_of(user["inheritedPrivileges"]))


def test_no_role_takes_away_what_another_one_gives(known: dict[str, tuple[Privilege, ...]]) -> None:
    """Atlas knows no deny: who reads past the rules goes on doing so beside a role that could not."""
    bypassing = Privilege(Resource(SHOP), frozenset({"bypassDocumentValidation"}))

    assert not covers(known["administers@admin"], bypassing)
    assert covers(union(known["reads-past-rules@admin"], known["administers@admin"]), bypassing)


def _role(name: str) -> dict[str, str]:
    role, _, database = name.partition("@")
    return {"role": role, "db": database}


def _said(role: Definition) -> list[dict[str, Any]]:
    return [
        {
            "resource": {"cluster": True}
            if resource.cluster
            else {"db": resource.database, "collection": resource.collection},
            "actions": [action],
        }
        for action, resource in sorted(role.allows, key=repr)
    ]
