"""Guards the records of Atlas projects in the worker's own file: where a secret may go, and what may stand in it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from workers.connections import read_connections
from workers.provisioners.connection_entry import InvalidConnection
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord

CANARY = "canary-of-the-account"
SERVICE_ACCOUNT = {"client_id": "mdb_sa_id_65d9c1b7c5f5f1f4f7a5e111", "client_secret": CANARY}
API_KEY = {"public_key": "abcdefgh", "private_key": CANARY}
PROJECT = {"kind": "atlas", "project_id": "5f0000000000000000000001", "org_id": "5e0000000000000000000001"}

Read = Callable[..., AtlasRecord]


@pytest.fixture
def read(tmp_path: Path, settings: Settings) -> Read:
    """A file with one record, changed as said, and what is read of it; None leaves a field out."""
    settings.ACCESS_SANDBOX = 0

    def read(**changes: Any) -> AtlasRecord:
        raw = {**PROJECT, **SERVICE_ACCOUNT, **changes}
        path = tmp_path / "connections.yaml"
        path.touch(mode=0o600)
        fields = {name: value for name, value in raw.items() if value is not None}
        path.write_text(yaml.safe_dump({"targets": {"shop": fields}}), encoding="utf-8")
        record = read_connections(path)["shop"]
        assert isinstance(record, AtlasRecord)
        return record

    return read


class TestAtlasRecord:
    def test_of_a_service_account(self, read: Read) -> None:
        record = read()

        assert (record.slug, record.kind, record.base_url) == ("shop", "atlas", "https://cloud.mongodb.com")
        assert record.login == AtlasLogin(SERVICE_ACCOUNT["client_id"], CANARY)
        assert record.owner is None

    def test_of_an_api_key_with_an_owner_apart(self, read: Read, tmp_path: Path) -> None:
        secret = tmp_path / "owner"
        secret.touch(mode=0o600)
        secret.write_text("of-the-owner\n")
        owner = {"client_id": SERVICE_ACCOUNT["client_id"], "client_secret_file": "owner"}
        record = read(client_id=None, client_secret=None, **API_KEY, owner=owner)

        assert record.login == AtlasLogin("abcdefgh", CANARY, is_api_key=True)
        assert record.owner == AtlasLogin(SERVICE_ACCOUNT["client_id"], "of-the-owner")

        secret.chmod(0o644)
        with pytest.raises(InvalidConnection, match="chmod 600"):
            read(client_id=None, client_secret=None, **API_KEY, owner=owner)

    @pytest.mark.parametrize("origin", ["https://cloud.mongodb.com", "https://cloud.mongodbgov.com/"])
    def test_speaks_to_atlas_itself(self, read: Read, origin: str) -> None:
        assert read(base_url=origin).base_url == origin.rstrip("/")

    ELSEWHERE = (
        "http://cloud.mongodb.com",
        "https://evil.example",
        "https://cloud.mongodb.com.evil.example",
        "https://cloud.mongodb.com@evil.example",
        "https://cloud.mongodb.com:8443",
        "https://cloud.mongodb.com/api",
        "https://cloud.mongodb.com?x=1",
        "https://cloud.mongodb.com#x",
        "https://",
        "cloud.mongodb.com",
        "https://[::1",
        "https://cloud.mongodb.com:port",
        "ftp://127.0.0.1",
        "http://10.0.0.1:8080",
    )

    @pytest.mark.parametrize("sandbox", [0, os.getpid()], ids=["outside", "sandbox"])
    @pytest.mark.parametrize("origin", ELSEWHERE)
    def test_speaks_to_nobody_else(self, read: Read, settings: Settings, origin: str, sandbox: int) -> None:
        settings.ACCESS_SANDBOX = sandbox
        with pytest.raises(InvalidConnection, match="Target shop: base_url") as refusal:
            read(base_url=origin)

        assert "evil" not in str(refusal.value)

    @pytest.mark.parametrize("origin", ["http://127.0.0.1:8123", "http://[::1]:8123", "http://localhost:8123"])
    def test_a_stand_in_on_this_machine_is_for_the_sandbox_only(
        self, read: Read, settings: Settings, origin: str
    ) -> None:
        with pytest.raises(InvalidConnection, match="base_url must be https"):
            read(base_url=origin)

        settings.ACCESS_SANDBOX = os.getpid()

        assert read(base_url=origin).base_url == origin

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"project_id": "shop"}, "project_id must be the 24"),
            ({"project_id": None}, "project_id must be a text"),
            ({"org_id": "../../orgs/5e00000000000000"}, "org_id must be the 24"),
            ({"client_id": None}, "client_id must be a text"),
            ({"client_secret": None}, "client_secret or client_secret_file must be given"),
            ({"client_secret_file": "also"}, "client_secret or client_secret_file must be given"),
            ({"client_secret": ""}, "client_secret must be a text"),
            ({"client_id": "id:with-a-colon"}, "client_id must be the name that Atlas gave it"),
            (API_KEY, "not both"),
            ({"client_id": None, "client_secret": None}, "not both"),
            ({"hosts": ["db1:27017"]}, "hosts is not a field"),
            ({"tls": False}, "tls is not a field"),
            ({"owner": {}}, "owner.client_id"),
            ({"owner": "erin"}, "owner must be a mapping"),
            ({"owner": {**SERVICE_ACCOUNT, "base_url": "https://evil.example"}}, "owner.base_url is not a field"),
            ({"ca_file": "missing.pem"}, "ca_file names a file that is not there"),
            ({"workers_at": "198.51.100.7"}, "workers_at must be a list of addresses"),
            ({"workers_at": ["elsewhere"]}, "workers_at must be a list of addresses"),
        ],
    )
    def test_names_the_target_and_the_field_but_never_a_value(
        self, read: Read, changes: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(InvalidConnection, match="Target shop: ") as refusal:
            read(**changes)

        assert said in str(refusal.value)
        assert CANARY not in str(refusal.value)

    def test_shows_no_secret(self, read: Read) -> None:
        record = read(owner=SERVICE_ACCOUNT)

        assert record.owner is not None
        assert CANARY not in repr(record)
