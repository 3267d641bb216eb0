"""A caller of the API: one person with one token, and what the API said."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from accessrequests.domain.events import Via
from accessrequests.models import Person
from accessrequests.operations import people
from accessrequests.queries import people as people_queries

ROOT = "/api/v1/"
EVERYTHING = ("read", "request", "decide", "reveal", "end", "audit")


@dataclass
class Caller:
    """Speaks JSON with a bearer token."""

    person: Person
    scopes: tuple[str, ...] = EVERYTHING
    token: str = field(init=False)
    token_id: int = field(init=False)

    def __post_init__(self) -> None:
        actor = people_queries.actor_of(self.person, Via.WEB)
        token, self.token = people.create_token(person=self.person, name="tests", scopes=self.scopes, actor=actor)
        self.token_id = token.pk
        self.client = Client(raise_request_exception=False)

    def get(self, path: str, **query: Any) -> Any:
        return self.client.get(ROOT + path, query, headers=self.headers())

    def post(self, path: str, body: Any = None, *, key: str | None = None) -> Any:
        headers = self.headers() | ({"Idempotency-Key": key} if key is not None else {})
        raw = "" if body is None else json.dumps(body)
        return self.client.post(ROOT + path, raw, content_type="application/json", headers=headers)

    def write(self, method: str, path: str, body: Any) -> Any:
        return self.send(method, path, json.dumps(body).encode())

    def send(self, method: str, path: str, raw: bytes = b"", content_type: str = "application/json") -> Any:
        """Anything at all, as it is."""
        return self.client.generic(method, ROOT + path, raw, content_type=content_type, headers=self.headers())

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


def ask(**changes: Any) -> dict[str, Any]:
    """A body that the sandbox's policy allows alice, with some fields changed; None takes a field out."""
    fields = {
        "target": "shop-prod",
        "kind": "database_user",
        "roles": ["read@shop.orders"],
        "duration": "PT2H",
        "reason": "Refund totals are off for twelve orders.",
    }
    return {name: value for name, value in {**fields, **changes}.items() if value is not None}
