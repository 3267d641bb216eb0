"""The servers that every test shares, and the environment that the settings read."""

from __future__ import annotations

import atexit
import base64
import fcntl
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import django

from sandbox.servers import Mongod, Postgres, Valkey, start_all

PROCESS = os.environ.get("PYTEST_XDIST_WORKER", "solo")
DATABASE, OWNER, APPLICATION = f"test_{PROCESS}", f"owner_{PROCESS}", f"app_{PROCESS}"
EACH_REQUEST = "django_structlog.middlewares.request"


def prepare() -> None:
    """The first process starts the servers; the others find them in their environment. Then Django is set up."""
    if "ACCESS_TEST_POSTGRES" not in os.environ:
        _start()
    _set_environment()
    django.setup()
    # Two lines for each request, thousands of times, written for nobody: who reads them asks for them.
    logging.getLogger(EACH_REQUEST).setLevel(logging.WARNING)
    # The processes of xdist inherit this environment. Named here, the settings would be read by pytest-django before
    # the process has set its own, and all of them would share one database.
    del os.environ["DJANGO_SETTINGS_MODULE"]


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One test process at a time: for what each of them would make on the one mongod under the same name."""
    with Path(os.environ["ACCESS_TEST_DIRECTORY"], f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _start() -> None:
    directory = Path(tempfile.mkdtemp(prefix="access-tests-"))
    directory.chmod(0o755)
    postgres, valkey, mongod = (
        Postgres(directory / "postgres"),
        Valkey(directory / "redis"),
        Mongod(directory / "mongod"),
    )
    start_all((postgres, valkey, mongod))
    os.environ["ACCESS_TEST_POSTGRES"] = postgres.uri()
    os.environ["ACCESS_TEST_REDIS"] = valkey.uri()
    os.environ["ACCESS_TEST_MONGOD"] = mongod.uri()
    os.environ["ACCESS_TEST_DIRECTORY"] = str(directory)

    def stop() -> None:
        for server in (postgres, valkey, mongod):
            server.stop()
        shutil.rmtree(directory, ignore_errors=True)

    atexit.register(stop)


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
        ACCESS_STATIC_ROOT=str(Path(__file__).resolve().parent.parent / "static"),
        ACCESS_INSTALLATION=f"tests{PROCESS}",
        ACCESS_SEALING_KEYS=f"tests:{fresh}",
        ACCESS_TAG_KEY=fresh,
        ACCESS_CALLS_PER_SECOND="100000",
        DATABASE_URL=f"postgres://{APPLICATION}:{password}@{address}/{DATABASE}",
        DATABASE_OWNER_URL=f"postgres://{OWNER}:{password}@{address}/{DATABASE}",
        # Each test process has a broker of its own: the queues of all have the same names.
        REDIS_URL=os.environ["ACCESS_TEST_REDIS"].rpartition("/")[0] + f"/{int(PROCESS.strip('golsw') or 0) % 16}",
    )
