"""The servers that every test shares, and the environment that the settings read. Fixtures stand in fixtures.py."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import tempfile
from pathlib import Path

import django
import pytest

from sandbox.servers import Mongod, Postgres, Valkey, start_all

PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "solo")
DATABASE, OWNER, APPLICATION = f"test_{PROCESS}", f"owner_{PROCESS}", f"app_{PROCESS}"


def pytest_configure(config: pytest.Config) -> None:
    """The first process starts the servers; the others find them in their environment."""
    if "ACCESS_TEST_POSTGRES" not in os.environ:
        directory = Path(tempfile.mkdtemp(prefix="access-tests-"))
        directory.chmod(0o755)
        servers = (Postgres(directory / "postgres"), Valkey(directory / "redis"), Mongod(directory / "mongod"))
        start_all(servers)
        postgres, valkey, mongod = servers
        os.environ["ACCESS_TEST_POSTGRES"] = postgres.uri()
        os.environ["ACCESS_TEST_REDIS"] = valkey.uri()
        os.environ["ACCESS_TEST_MONGOD"] = mongod.uri()

        def stop() -> None:
            for server in servers:
                server.stop()
            shutil.rmtree(directory, ignore_errors=True)

        config.add_cleanup(stop)
    _set_environment()
    django.setup()
    config.pluginmanager.import_plugin("tests.fixtures")


def _set_environment() -> None:
    password = secrets.token_hex(8)
    address = os.environ["ACCESS_TEST_POSTGRES"].rpartition("@")[2].partition("/")[0]
    fresh = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    os.environ.update(
        DJANGO_SETTINGS_MODULE="accessrequests.settings",
        ACCESS_ROLE="operator",
        ACCESS_SECRET_KEY=secrets.token_hex(32),
        ACCESS_BASE_URL="https://access.example.com",
        ACCESS_ALLOWED_HOSTS="testserver,access.example.com",
        ACCESS_SSL_REDIRECT="false",
        ACCESS_INSTALLATION="tests",
        ACCESS_SEALING_KEYS=f"tests:{fresh}",
        ACCESS_TAG_KEY=fresh,
        ACCESS_CALLS_PER_SECOND="100000",
        DATABASE_URL=f"postgres://{APPLICATION}:{password}@{address}/{DATABASE}",
        DATABASE_OWNER_URL=f"postgres://{OWNER}:{password}@{address}/{DATABASE}",
        REDIS_URL=os.environ["ACCESS_TEST_REDIS"],
    )
