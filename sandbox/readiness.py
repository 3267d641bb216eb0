"""Whether a world works: the web is ready, relay and workers have done a no-op, every target's inventory is read."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Self

import httpx2
import psycopg

from sandbox.catalogue import ATLAS_TARGETS, TARGETS
from sandbox.commands import RELAY, WORKER, WORKER_URGENT

_CONSUMERS = frozenset(f"consumer/{name}" for name in (RELAY, WORKER, WORKER_URGENT))
_NO_OPS_DONE = (
    "SELECT DISTINCT subject FROM accessrequests_outboxmessage WHERE job = 'prove_alive' AND done_at IS NOT NULL"
)


class Readiness:
    """Asks again what was not ready the last time; `missing` is a sentence for the person who waits."""

    def __init__(self, *, base_url: str, database_url: str, token: str) -> None:
        self._client = httpx2.Client(
            base_url=base_url, timeout=5, headers={"Authorization": f"Bearer {token}"}, trust_env=False
        )
        self._database_url = database_url
        self.missing = "nothing was asked yet"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._client.close()

    def is_complete(self) -> bool:
        for look in (self._web_is_ready, self._consumers_are_alive, self._inventories_are_read):
            self.missing = look()
            if self.missing:
                return False
        return True

    def _web_is_ready(self) -> str:
        with contextlib.suppress(httpx2.TransportError):
            answer = self._client.get("/readyz")
            return "" if answer.status_code == httpx2.codes.OK else f"/readyz answers {answer.status_code}"
        return "the web does not answer"

    def _consumers_are_alive(self) -> str:
        with psycopg.connect(self._database_url, connect_timeout=5) as connection:
            done = {str(row[0]) for row in connection.execute(_NO_OPS_DONE)}
        waiting = sorted(name.partition("/")[2] for name in _CONSUMERS - done)
        return f"no sign of life yet from {', '.join(waiting)}" if waiting else ""

    def _inventories_are_read(self) -> str:
        with contextlib.suppress(httpx2.TransportError):
            answer = self._client.get("/api/v1/targets/")
            if answer.status_code != httpx2.codes.OK:
                return f"GET /api/v1/targets/ answers {answer.status_code}: {answer.text[:300]}"
            read = {target["slug"] for target in answer.json()["results"] if _inventory_read_at(target)}
            waiting = sorted({*TARGETS, *ATLAS_TARGETS} - read)
            return f"the inventory of {', '.join(waiting)} is not read yet" if waiting else ""
        return "the web does not answer"


def _inventory_read_at(target: Mapping[str, object]) -> object:
    inventory = target.get("inventory")
    return inventory.get("read_at") if isinstance(inventory, Mapping) else target.get("inventory_read_at")
