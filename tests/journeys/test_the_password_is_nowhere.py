"""Guards that a password is in the one answer that reveals it and nowhere else: a canary, looked for everywhere."""

from __future__ import annotations

import base64
import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx2
import psycopg
import pytest
from psycopg import sql
from redis import Redis

from tests.journeys.people import Login, log_in
from tests.journeys.portal import Portal
from tests.journeys.test_redis_and_workers_are_away import WORKERS, release
from tests.journeys.world import World

READABLE = ("access-requests/", "grants/", "targets/", "policies/", "audit-events/", "audit-events/export/")


class Heap:
    """Everything that was found anywhere, by the place where it was found."""

    def __init__(self) -> None:
        self.found: dict[str, list[bytes]] = {}

    def put(self, place: str, content: bytes | str) -> None:
        self.found.setdefault(place, []).append(content.encode() if isinstance(content, str) else content)

    def places_with(self, word: str) -> set[str]:
        """Where it is, in clear or in a dress that hides nothing."""
        raw = word.encode()
        # Base64 of a longer text holds one of three codings of a word in it, at its edges mixed with the neighbours.
        dressed = [base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)]
        forms = [raw, raw.hex().encode(), raw[::-1], *dressed]
        return {place for place, parts in self.found.items() if any(form in part for form in forms for part in parts)}


class Broker:
    """Listens to every command that Redis is given, and reads every key that it holds."""

    def __init__(self, uri: str, heap: Heap) -> None:
        redis: Any = Redis  # its methods promise one type for bytes, text and futures alike
        self._client = redis.from_url(uri, socket_timeout=120)  # a broker may be silent for as long as the test looks
        self._heap = heap
        self._monitor = self._client.monitor()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        self._monitor.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        self._client.ping()  # one more command, so that the listener looks up
        self._thread.join(timeout=5)
        self._monitor.__exit__(None, None, None)
        self._client.close()

    def _listen(self) -> None:
        for command in self._monitor.listen():
            self._heap.put("commands to Redis", str(command["command"]))
            if self._is_over.is_set():
                return

    def read_keys(self) -> None:
        readers: dict[bytes, Callable[[bytes], Iterable[bytes]]] = {
            b"string": lambda key: [self._client.get(key)],
            b"list": lambda key: self._client.lrange(key, 0, -1),
            b"set": lambda key: list(self._client.smembers(key)),
            b"hash": lambda key: [part for pair in self._client.hgetall(key).items() for part in pair],
            b"zset": lambda key: self._client.zrange(key, 0, -1),
        }
        for key in self._client.scan_iter():
            self._heap.put("keys of Redis", key)
            kind = self._client.type(key)
            if kind != b"none":
                for value in readers[kind](key):
                    self._heap.put("values of Redis", value or b"")


@pytest.fixture
def heap() -> Heap:
    return Heap()


@pytest.fixture
def answers(world: World, heap: Heap) -> Iterator[None]:
    """Every answer of the API goes on the heap, but for the reveals."""

    def listen(response: httpx2.Response) -> None:
        if not (response.request.url.path.endswith("/reveal/") and response.status_code == httpx2.codes.OK):
            heap.put("answers of the API", response.read())

    for person in world.people.values():
        person.api.event_hooks = {"response": [listen]}
    yield
    for person in world.people.values():
        person.api.event_hooks = {}


def gather_tables(owner_uri: str, heap: Heap) -> None:
    """The product's database as text, by its owner."""
    with psycopg.connect(owner_uri) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            query = sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))
            with connection.cursor() as cursor, cursor.copy(query) as rows:
                heap.put("tables", b"".join(bytes(part) for part in rows))


def gather_files(directory: Path, heap: Heap) -> None:
    """Every file of the world: logs, mail, anchors, the database's own; of a target only what it says, its log."""
    for path in directory.rglob("*"):
        place = path.relative_to(directory)
        if place.parts[0].startswith("mongod-") and path.suffix != ".log":
            continue
        with contextlib.suppress(OSError):
            if path.is_file():
                heap.put(str(place) if place.parts[0] == "logs" else place.parts[0], path.read_bytes())


def gather_processes(pids: Mapping[str, list[int]], heap: Heap) -> None:
    for pids_of_part in pids.values():
        for pid in pids_of_part:
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError):
                    heap.put(f"{name} of processes", Path(f"/proc/{pid}/{name}").read_bytes())


def gather_answers(world: World, grant_id: int, request_id: int) -> None:
    """Ask for all that can be read, as everybody; the answers fall on the heap by themselves."""
    single = [f"access-requests/{request_id}/", f"grants/{grant_id}/", "targets/shop-prod/", "targets/shop-prod/roles/"]
    for name in ("alice", "bob", "dave", "erin"):
        for path in (*READABLE, *single, "audit-events/verify/", "schema/"):
            world.people[name].api.get(path)


class TestPassword:
    @pytest.mark.slow
    def test_neither_the_first_nor_the_rotated_one_is_anywhere(self, world: World, heap: Heap, answers: None) -> None:
        state = world.state()
        with Broker(state["redis"], heap) as broker:
            with world.without(*WORKERS):
                access = world.approved(duration="PT30M")
                grant_id, request_id = access.grant["id"], access.access_request["id"]
                time.sleep(0.3)
                broker.read_keys()
            first = world.use(access).credential
            with world.without(*WORKERS):
                access.person.post(f"grants/{grant_id}/rotate/", expected=202)
                time.sleep(0.3)
                broker.read_keys()
            gather_processes({part: world.pids(part) for part in ("relay", "web")}, heap)
            world.wait_for(lambda: "credential.rotated" in world.events(access), what="the password is rotated")
            second = access.person.reveal(grant_id)
            broker.read_keys()
        assert log_in(first["connection_string"]) is Login.REFUSED
        assert log_in(second["connection_string"]) is Login.WORKS

        with Portal(state, name="alice") as portal:
            for page in ("/access/", f"/access/{grant_id}/", f"/requests/{request_id}/"):
                heap.put("pages", portal.get(page).content)
        parts = ("web", "relay", "worker", "worker_urgent", "redis", "postgres", "mongod:shop-prod")
        gather_processes({part: world.pids(part) for part in parts} | {"sandbox": [world.process.pid]}, heap)
        gather_answers(world, grant_id, request_id)
        gather_tables(state["postgres"], heap)
        gather_files(Path(state["logs"]).parent, heap)
        heap.put("the sandbox's own words", world.output.read_bytes())

        assert heap.places_with(access.username) >= {"tables", "answers of the API", "pages"}, (
            "What is really there must be found, or finding nothing says nothing."
        )
        assert "mail" in heap.places_with(f"/requests/{request_id}/")
        assert "mongod-shop-prod" in heap.places_with(access.username)
        assert {"commands to Redis", "values of Redis"} <= heap.places_with("message_id")
        assert '"level": "debug"' in Path(state["logs"], "worker.log").read_text(), "The logs are those at DEBUG."
        for credential in (first, second):
            assert heap.places_with(credential["password"]) == set()
        release(world, access)
