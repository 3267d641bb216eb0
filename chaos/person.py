"""A person at the API who does not give up because the web has just died: what they sent once they may send again."""

from __future__ import annotations

import secrets
import time
from http import HTTPStatus
from typing import Any

import httpx2

Answer = dict[str, Any]

PATIENCE = 60.0
_PAUSE = 0.3
# What says nothing of the matter: the web is not there, or its database is not.
_AWAY = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS})


class GaveUp(Exception):
    """The web did not answer for a minute, or answered what nobody can go on with."""


class Person:
    """Threads may share one."""

    def __init__(self, name: str, *, web: str, token: str) -> None:
        self.name = name
        self._api = httpx2.Client(
            base_url=f"{web}/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=12,
            trust_env=False,
            limits=httpx2.Limits(max_connections=60),
        )

    def close(self) -> None:
        self._api.close()

    def get(self, path: str, **query: str | int) -> Answer:
        answer = self.ask("GET", path, params=query)
        if answer.status_code != HTTPStatus.OK:
            raise GaveUp(f"GET {path} answers {answer.status_code}: {answer.text[:300]}")
        found: Answer = answer.json()
        return found

    def post(self, path: str, body: Answer | None = None) -> httpx2.Response:
        """Whatever the web answers in the end. The key makes a repeat find what the first one made."""
        return self.ask("POST", path, json=body or {}, headers={"Idempotency-Key": secrets.token_hex(12)})

    def ask(self, method: str, path: str, **options: Any) -> httpx2.Response:
        """:raises GaveUp: nobody answered for a minute."""
        deadline = time.monotonic() + PATIENCE
        last = ""
        while time.monotonic() < deadline:
            try:
                answer = self._api.request(method, path, **options)
            except httpx2.TransportError as error:
                last = type(error).__name__
            else:
                if answer.status_code not in _AWAY and answer.status_code != HTTPStatus.INTERNAL_SERVER_ERROR:
                    return answer
                last = f"{answer.status_code} {answer.text[:200]}"
            time.sleep(_PAUSE)
        raise GaveUp(f"{method} {path}: {last} for a minute.")
