"""Everything that a world says anywhere, on one heap: its broker, tables, files and processes, to look for a canary in."""

from __future__ import annotations

import base64
import contextlib
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql
from redis import Redis


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
