"""Guards the embedded servers: real ones, back on the same port with the same data, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from redis import Redis

from sandbox.processes import PortReservation
from sandbox.servers import Mongod, Postgres, Server, ServerError, Valkey, scratch_directory, start_all

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with scratch_directory() as path:
        yield path


@pytest.fixture(scope="module")
def servers(directory: Path) -> Iterator[tuple[Postgres, Valkey, Mongod]]:
    three = (
        Postgres(directory / "postgres"),
        Valkey(directory / "redis", password="open"),
        Mongod(directory / "mongod"),
    )
    start_all(three)
    yield three
    for server in three:
        server.remove()


@pytest.fixture(scope="module")
def postgres(servers: tuple[Postgres, Valkey, Mongod]) -> Postgres:
    return servers[0]


@pytest.fixture(scope="module")
def valkey(servers: tuple[Postgres, Valkey, Mongod]) -> Valkey:
    return servers[1]


@pytest.fixture(scope="module")
def mongod(servers: tuple[Postgres, Valkey, Mongod]) -> Mongod:
    return servers[2]


def is_alive(pid: int) -> bool:
    try:
        return "(Z)" not in Path(f"/proc/{pid}/stat").read_text().replace(") Z ", " (Z) ")
    except FileNotFoundError:
        return False


def wait_until_gone(pids: list[int]) -> list[int]:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and any(is_alive(pid) for pid in pids):
        time.sleep(0.05)
    return [pid for pid in pids if is_alive(pid)]


class TestPostgres:
    def test_runs_unprivileged_and_asks_everyone_for_a_password(self, postgres: Postgres) -> None:
        assert postgres.pid is not None
        if os.geteuid() == 0:
            assert Path(f"/proc/{postgres.pid}").stat().st_uid == 65534
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(postgres.uri(password="wrong"))

    def test_comes_back_on_its_port_with_its_data(self, postgres: Postgres) -> None:
        owner = postgres.create_database(name="product", owner="product_owner", password="p/w@:")
        with psycopg.connect(owner) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS value")
        port = postgres.port
        postgres.kill()
        assert postgres.pid is None
        postgres.start()
        assert postgres.port == port
        with psycopg.connect(owner) as connection:
            assert connection.execute("SELECT value FROM kept").fetchall() == [(7,)]
            assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (
                False,
            )

    def test_stops_though_a_client_is_connected(self, postgres: Postgres) -> None:
        with psycopg.connect(postgres.uri()) as connection:
            connection.execute("SELECT 1")
            begun = time.monotonic()
            postgres.stop()
            assert time.monotonic() - begun < 4
            connection.close()
        postgres.start()


class TestValkey:
    def test_wants_its_password_and_keeps_nothing(self, valkey: Valkey) -> None:
        with Redis.from_url(valkey.uri()) as client:
            client.set("key", "value")
            port = valkey.port
            valkey.stop()
            valkey.start()
            assert valkey.port == port
            assert client.get("key") is None


class TestMongod:
    def test_comes_back_on_its_port_with_its_data(self, mongod: Mongod) -> None:
        port = mongod.port
        with MongoClient[dict[str, object]](mongod.uri()) as client:
            client.shop.orders.insert_one({"_id": 1})
            mongod.stop()
            mongod.start()
            assert mongod.port == port
            assert client.shop.orders.count_documents({}) == 1

    def test_has_transactions(self, mongod: Mongod) -> None:
        with MongoClient[dict[str, object]](mongod.uri()) as client, client.start_session() as session:
            client.shop.carts.insert_one({"_id": 1})
            with session.start_transaction():
                client.shop.carts.delete_one({"_id": 1}, session=session)
                session.abort_transaction()
            assert client.shop.carts.count_documents({}) == 1

    def test_refuses_strangers(self, mongod: Mongod) -> None:
        with MongoClient[dict[str, object]](mongod.host, directConnection=True) as client:
            with pytest.raises(OperationFailure) as refusal:
                client.shop.orders.find_one()
            assert refusal.value.code == 13
            with pytest.raises(OperationFailure) as refusal:
                client.admin.command("createUser", "second-root", pwd="x", roles=["root"])
            assert refusal.value.code == 13


class TestPorts:
    def test_no_second_world_takes_a_port_that_is_held(self) -> None:
        first = PortReservation()
        with pytest.raises(OSError, match="in use"):
            PortReservation(first.port)
        first.release()
        second = PortReservation(first.port)
        second.release()

    def test_a_new_server_moves_away_from_a_port_that_was_taken_meanwhile(self, directory: Path) -> None:
        class Blocked(Valkey):
            """Loses its first port to somebody else just before it starts."""

            asked = 0

            @property
            def port(self) -> int:
                self.asked += 1
                return blocker.port if self.asked == 1 else super().port

        blocker = Valkey(directory / "blocker")
        blocked = Blocked(directory / "blocked")
        blocker.start()
        try:
            blocked.start()
            assert blocked.port != blocker.port
            assert blocked.is_running
        finally:
            blocked.remove()
            blocker.remove()

    def test_a_server_that_cannot_start_says_why(self, directory: Path) -> None:
        broken = Mongod(directory / "broken", cache_gigabytes=-1)
        with pytest.raises(ServerError, match="cacheSizeGB must be greater"):
            broken.start()
        broken.remove()


PARENT = """
import sys, threading, time
from pathlib import Path
from sandbox.servers import Mongod, Postgres, Valkey, start_all
place = Path(sys.argv[1])
servers = [Postgres(place / "postgres"), Valkey(place / "redis"), Mongod(place / "mongod")]
# From a thread that ends: the death signal must follow the process, not the thread.
starter = threading.Thread(target=start_all, args=(servers,))
starter.start()
starter.join()
time.sleep(0.3)
print(*[server.pid for server in servers], flush=True)
time.sleep(60)
"""


class TestDeathOfTheParent:
    @pytest.mark.skipif(sys.platform != "linux", reason="Only Linux has parent-death signals.")
    def test_takes_every_server_along(self, directory: Path) -> None:
        place = directory / "orphans"
        place.mkdir(mode=0o711)
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(place)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert parent.stdout is not None
        with parent.stdout:
            pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 3
        assert all(is_alive(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        assert wait_until_gone(pids) == []


def test_a_stopped_process_does_not_survive_stop(directory: Path) -> None:
    """A SIGSTOPped server ignores every request; stop() must still end it."""
    server: Server = Valkey(directory / "sleeper")
    server.start()
    assert server.pid is not None
    pid = server.pid
    os.kill(pid, signal.SIGSTOP)
    server.stop(patience=2)
    assert wait_until_gone([pid]) == []
    server.remove()


def test_the_scratch_directory_is_gone_afterwards() -> None:
    with scratch_directory() as path:
        assert path.stat().st_mode & 0o077 in (0o000, 0o011)
        (path / "file").write_text("x")
    assert not path.exists()
