"""The stand-in goes on after a restart from what it wrote: all of it, whole, and for nobody else to read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.atlas.organisation import SNAPSHOT, Organisation
from sandbox.atlas.seed import grown
from sandbox.atlas.wire import AtlasError
from tests.sandbox.atlas.api import SEED, USER, served


class TestSnapshot:
    def test_holds_everything_after_each_change(self, tmp_path: Path) -> None:
        with served(tmp_path) as api:
            api.add_user(deleteAfterDate=api.at(hours=1))
            api.post("/customDBRoles/roles", {"roleName": "tidy", "inheritedRoles": [{"db": "shop", "role": "read"}]})
            api.post("/accessList", [{"ipAddress": "127.0.0.71"}])
            api.post("/users", {"username": "new@example.com", "roles": ["GROUP_READ_ONLY"]})
            before = api.organisation.snapshot()
        document = json.loads((tmp_path / SNAPSHOT).read_text())
        again = Organisation.restore(document, directory=tmp_path)
        assert again.snapshot() == before
        project = again.named("shop")
        assert project.passwords["admin", "jdoe"] == USER["password"]
        assert project.pending_entries.keys() == {"127.0.0.71/32"}
        assert [event["eventTypeName"] for event in project.events] == [
            "MONGODB_USER_ADDED",
            "MONGODB_ROLE_ADDED",
            "NETWORK_PERMISSION_ENTRY_ADDED",
            "INVITED_TO_GROUP",
        ]
        assert again.accounts.keys() == {each["key"] for each in SEED["accounts"]}
        assert not project.clusters["orders"].is_applied

    def test_is_for_nobody_else_and_leaves_no_draft(self, tmp_path: Path) -> None:
        grown(SEED, directory=tmp_path)
        assert [each.name for each in tmp_path.iterdir()] == [SNAPSHOT]
        assert (tmp_path / SNAPSHOT).stat().st_mode & 0o077 == 0

    def test_a_refused_change_is_not_written(self, tmp_path: Path) -> None:
        with served(tmp_path) as api:
            before = (tmp_path / SNAPSHOT).stat().st_mtime_ns
            assert api.post("/databaseUsers", {}).status_code == 400
            assert (tmp_path / SNAPSHOT).stat().st_mtime_ns == before


class TestSeed:
    def test_is_held_to_the_rules_of_the_api(self) -> None:
        bad = {**USER, "roles": [{"roleName": "unknown", "databaseName": "admin"}]}
        with pytest.raises(AtlasError, match="ATLAS_INVALID_ROLE"):
            grown({"name": "Bad", "projects": [{"name": "shop", "database_users": [bad]}]})

    def test_has_users_roles_and_entries_that_count_at_once(self) -> None:
        project = {
            "name": "shop",
            "limits": {"atlas.project.security.databaseAccess.users": 3},
            "clusters": [{"name": "orders"}],
            "custom_roles": [{"roleName": "tidy", "inheritedRoles": [{"db": "shop", "role": "read"}]}],
            "database_users": [{**USER, "roles": [{"roleName": "tidy", "databaseName": "admin"}]}],
            "access_list": [{"ipAddress": "10.0.0.7", "comment": "office"}],
        }
        organisation = grown({"name": "Good", "settings": {"apply_seconds": 0}, "projects": [project]})
        shop = organisation.named("shop")
        assert shop.open_blocks(organisation.now().timestamp()) == ["10.0.0.7/32"]
        assert shop.database_users.keys() == shop.passwords.keys() == {("admin", "jdoe")}
        assert (shop.pending_entries, shop.events) == ({}, [])
        assert not shop.clusters["orders"].is_applied, "It is still to be told."

    def test_names_people_that_exist(self) -> None:
        with pytest.raises(KeyError, match="nobody@"):
            grown({"name": "Bad", "teams": [{"name": "empty", "members": ["nobody@example.com"]}]})


def test_a_project_is_found_by_name_or_not_at_all() -> None:
    organisation = grown(SEED)
    assert organisation.project(organisation.named("shop").id).name == "shop"
    with pytest.raises(KeyError):
        organisation.named("none")
    with pytest.raises(AtlasError, match="INVALID_GROUP_ID"):
        organisation.project("shop")
    with pytest.raises(AtlasError, match="GROUP_NOT_FOUND"):
        organisation.project("0" * 24)
