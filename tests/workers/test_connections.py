"""Guards the worker's own file of targets: what may stand in it, who may read it, and that no secret leaves it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from workers import connections
from workers.connections import UnknownTarget, known_slugs, provisioner_for, read_connections
from workers.provisioners.connection_entry import InvalidConnection
from workers.provisioners.connection_record import ConnectionRecord

CANARY = "canary-of-the-administrator"
RECORD: dict[str, Any] = {
    "kind": "mongodb",
    "hosts": ["db1.example.com:27017", "[::1]:27018"],
    "options": {"replicaSet": "rs0", "directConnection": True},
    "username": "access-admin",
    "password": CANARY,
}

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path, settings: Settings) -> Iterator[Write]:
    """Write a file with one record, shop-prod, changed as said; None leaves a field out."""
    path = tmp_path / "connections.yaml"
    settings.ACCESS_TARGETS_FILE = str(path)
    settings.ACCESS_SANDBOX = 0

    def write(**changes: Any) -> Path:
        record = {name: value for name, value in {**RECORD, **changes}.items() if value is not None}
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump({"targets": {"shop-prod": record}}), encoding="utf-8")
        return path

    yield write
    connections.close_connections()


class TestReadConnections:
    def test_reads_a_record(self, write: Write) -> None:
        record = read_connections(write())["shop-prod"]

        assert isinstance(record, ConnectionRecord)
        assert record.hosts == ("db1.example.com:27017", "[::1]:27018")
        assert record.options == {"replicaSet": "rs0", "directConnection": "true"}
        assert (record.username, record.password) == ("access-admin", CANARY)
        assert record.tls
        assert record.authentication == "SCRAM-SHA-256"

    def test_takes_the_password_from_a_file_beside_it(self, write: Write, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.touch(mode=0o600)
        secret.write_text(f"{CANARY}\n", encoding="utf-8")

        record = read_connections(write(password=None, password_file="secret"))["shop-prod"]
        assert isinstance(record, ConnectionRecord)
        assert record.password == CANARY

        secret.chmod(0o640)
        with pytest.raises(InvalidConnection, match="chmod 600"):
            known_slugs()

    @pytest.mark.parametrize("mode", [0o604, 0o640, 0o620, 0o602, 0o644, 0o660])
    def test_refuses_a_file_that_others_may_read_or_change(self, write: Write, mode: int) -> None:
        path = write()
        path.chmod(mode)

        for act in (known_slugs, lambda: provisioner_for("shop-prod")):
            with pytest.raises(InvalidConnection, match="chmod 600"):
                act()

    def test_plain_text_is_for_the_sandbox_only(self, write: Write, settings: Settings) -> None:
        path = write(tls=False)
        with pytest.raises(InvalidConnection, match="plain text"):
            read_connections(path)

        settings.ACCESS_SANDBOX = os.getpid()

        record = read_connections(path)["shop-prod"]
        assert isinstance(record, ConnectionRecord)
        assert not record.tls

    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"kind": "oracle"}, "kind must be one of atlas, mongodb"),
            ({"kind": None}, "kind must be a text"),
            ({"hosts": []}, "hosts"),
            ({"hosts": "db1:27017"}, "hosts"),
            ({"hosts": ["mongodb://evil:pw@db1"]}, "hosts"),
            ({"hosts": ["db1:27017/?tlsInsecure=true"]}, "hosts"),
            ({"hosts": ["db1,db2"]}, "hosts"),
            ({"hosts": ["/tmp/mongodb.sock"]}, "hosts"),
            ({"hosts": [27017]}, "hosts"),
            ({"options": {"tlsAllowInvalidCertificates": "true"}}, "options"),
            ({"options": {"authMechanism": "PLAIN"}}, "options"),
            ({"options": ["replicaSet"]}, "options"),
            ({"options": {"replicaSet": 7}}, "options"),
            ({"authentication": "PLAIN"}, "authentication must be SCRAM-SHA-256"),
            ({"authentication": "SCRAM-SHA-1"}, "authentication must be SCRAM-SHA-256"),
            ({"tls": "yes"}, "tls must be true or false"),
            ({"ca_file": "missing.pem"}, "ca_file"),
            ({"username": ""}, "username"),
            ({"password": None}, "password"),
            ({"password_file": "also"}, "password"),
            ({"password": 12345678}, "password"),
            ({"pasword": "typo"}, "pasword is not a field"),
        ],
    )
    def test_names_the_target_and_the_field_but_never_a_value(
        self, write: Write, changes: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(InvalidConnection, match="Target shop-prod: ") as failure:
            read_connections(write(**changes))

        assert said in str(failure.value)
        assert CANARY not in str(failure.value)
        assert "evil" not in str(failure.value)

    @pytest.mark.parametrize(
        "content",
        [
            "",
            "[]",
            "shop-prod: {}",
            "targets: []",
            "targets: {}\nmore: {}",
            f"targets:\n  shop-prod: {{password: {CANARY}\n",
            f"targets: !!python/object/apply:os.system ['echo {CANARY}']",
        ],
    )
    def test_a_file_of_another_form_is_refused_without_quoting_it(self, write: Write, content: str) -> None:
        path = write()
        path.write_text(content, encoding="utf-8")

        with pytest.raises(InvalidConnection, match="must be YAML with one mapping named targets") as failure:
            known_slugs()

        assert CANARY not in str(failure.value)
        assert failure.value.__context__ is None

    @pytest.mark.parametrize("slug", ["Shop", "shop_prod", "-shop", "shop/../prod", "a" * 65])
    def test_a_slug_is_a_slug(self, write: Write, slug: str) -> None:
        path = write()
        path.write_text(yaml.safe_dump({"targets": {slug: RECORD}}), encoding="utf-8")

        with pytest.raises(InvalidConnection, match="target's name"):
            known_slugs()

    def test_a_missing_file_or_setting_is_named(self, write: Write, settings: Settings) -> None:
        settings.ACCESS_TARGETS_FILE = "/nowhere/connections.yaml"
        with pytest.raises(InvalidConnection, match="cannot be read"):
            known_slugs()

        settings.ACCESS_TARGETS_FILE = ""
        with pytest.raises(InvalidConnection, match="ACCESS_TARGETS_FILE is not set"):
            known_slugs()

    def test_a_record_shows_neither_secret_nor_account(self, write: Write) -> None:
        records = read_connections(write())

        assert CANARY not in repr(records)
        assert "access-admin" not in repr(records)


class TestProvisionerFor:
    def test_makes_one_for_each_process_and_target(self, write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
        write(hosts=["db1.example.com:27017"])
        mine = provisioner_for("shop-prod")
        assert provisioner_for("shop-prod") is mine

        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            theirs = provisioner_for("shop-prod")
            connections.close_connections()

        assert theirs is not mine
        assert provisioner_for("shop-prod") is mine

    def test_reads_the_file_again_when_it_has_changed(self, write: Write) -> None:
        write(hosts=["db1.example.com:27017"])
        before = provisioner_for("shop-prod")

        write(hosts=["db1.example.com:27017"], password="another-one")

        assert provisioner_for("shop-prod") is not before

    def test_refuses_a_target_that_has_no_record(self, write: Write) -> None:
        write()

        assert known_slugs() == {"shop-prod"}
        with pytest.raises(UnknownTarget, match="no connection record of shop-dev"):
            provisioner_for("shop-dev")

    @pytest.mark.parametrize("key", ["", "short", "not base64 at all!", "QUJD"])
    def test_refuses_a_tag_key_that_is_none(self, write: Write, settings: Settings, key: str) -> None:
        write()
        settings.ACCESS_TAG_KEY = key

        with pytest.raises(InvalidConnection, match="ACCESS_TAG_KEY must be 32 bytes"):
            provisioner_for("shop-prod")

    def test_a_certificate_file_that_is_none_is_refused_without_the_password(
        self, write: Write, tmp_path: Path
    ) -> None:
        (tmp_path / "ca.pem").write_text("nothing of the kind", encoding="utf-8")
        write(ca_file="ca.pem")

        with pytest.raises(InvalidConnection, match="Check hosts, options and ca_file") as failure:
            provisioner_for("shop-prod")

        assert CANARY not in str(failure.value)
        assert failure.value.__context__ is None
