"""A stand-in with all its operations over HTTP, and a client of it; its clock and its clusters are moved by hand."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2

from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from sandbox.atlas.seed import grown
from sandbox.atlas.server import AtlasServer
from sandbox.atlas.table import all_routes

Json = dict[str, Any]

KEY, SECRET = "mdb_sa_id_0123456789abcdef01234567", "mdb_sa_sk_of-the-tests"
CONTROL = "control-of-the-tests"
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # Reading the machine's authorities takes longer than a test.
START = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)
SEED: Mapping[str, Any] = {
    "name": "Example Shop",
    "people": [
        {"username": "olga@example.com", "first_name": "Olga", "last_name": "Owner", "org_roles": ["ORG_OWNER"]},
        {"username": "amir@example.com", "first_name": "Amir", "last_name": "Analyst"},
        {"username": "tess@example.com", "first_name": "Tess", "last_name": "Tester"},
    ],
    "teams": [{"name": "analysts", "members": ["tess@example.com"]}],
    "projects": [
        {
            "name": "shop",
            "clusters": [{"name": "orders", "hosts": ["127.0.0.1:27017"]}, {"name": "reports", "paused": True}],
            "members": {"olga@example.com": ["GROUP_OWNER"]},
        },
        {"name": "other"},
    ],
    "accounts": [
        {
            "key": KEY,
            "secrets": [SECRET],
            "name": "tests",
            "org_roles": ["ORG_OWNER"],
            "projects": {"shop": ["GROUP_OWNER"]},
        },
        {"key": "mdb_sa_id_ffffffffffffffffffffffff", "secrets": ["x"], "name": "second", "projects": {"other": []}},
    ],
}
USER: Mapping[str, Any] = {
    "databaseName": "admin",
    "username": "jdoe",
    "password": "a password of some length",
    "roles": [{"roleName": "read", "databaseName": "shop"}],
}


@dataclass(slots=True)
class Api:
    """`get("/accessList")` and its like are of the one project that the tests use; a path under /orgs is as it is."""

    organisation: Organisation
    server: AtlasServer
    project: Project
    client: httpx2.Client
    now: datetime = START
    accept: str = "application/vnd.atlas.2025-03-12+json"

    def call(self, method: str, path: str, body: Any = None, **query: Any) -> httpx2.Response:
        start = (
            "" if path.startswith(("/orgs", "/groups", "/rateLimits")) or path == "/" else f"/groups/{self.project.id}"
        )
        return self.client.request(
            method,
            f"/api/atlas/v2{start}{path}",
            json=body,
            params=query,
            headers={"Accept": self.accept},
        )

    def get(self, path: str, **query: Any) -> Any:
        """The body of what has to be a 200."""
        answer = self.call("GET", path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, **query: Any) -> httpx2.Response:
        return self.call("POST", path, body, **query)

    def patch(self, path: str, body: Any) -> httpx2.Response:
        return self.call("PATCH", path, body)

    def delete(self, path: str) -> httpx2.Response:
        return self.call("DELETE", path)

    def add_user(self, **said: Any) -> Json:
        answer = self.post("/databaseUsers", {**USER, **said})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def events(self) -> list[Json]:
        """Oldest first."""
        return list(reversed(self.get("/events", itemsPerPage=500)["results"]))

    def event_names(self) -> list[str]:
        return [each["eventTypeName"] for each in self.events()]

    def later(self, **lapse: float) -> None:
        self.now += timedelta(**lapse)

    def at(self, **ahead: float) -> str:
        """A date so far ahead of the stand-in's clock."""
        return (self.now + timedelta(**ahead)).isoformat()

    def settle(self) -> None:
        """What the deployer does when the clusters have it."""
        with self.organisation.changing():
            for cluster in self.project.clusters.values():
                cluster.applied_revision = self.project.revision
            self.project.opened(self.project.due_entries(self.now.timestamp()))

    def person(self, username: str) -> str:
        """Whose identifier it is."""
        found = self.organisation.person(username)
        assert found is not None
        return found.id


def segment(value: str) -> str:
    return quote(value, safe="")


def check_refused(answer: httpx2.Response, status: int, code: str, *parameters: Any) -> None:
    """The whole form of a refusal: body, reason and header."""
    body = answer.json()
    assert (answer.status_code, body["errorCode"]) == (status, code), answer.text
    assert answer.headers["X-Error-Code"] == code
    assert answer.headers["Content-Type"] == "application/json"
    assert body["error"] == status
    assert body["reason"] == answer.reason_phrase
    if parameters:
        assert body["parameters"] == list(parameters)


@contextmanager
def served(directory: Path | None = None) -> Iterator[Api]:
    organisation = grown(SEED, directory=directory)
    server = AtlasServer(port=0, organisation=organisation, routes=all_routes(), control_token=CONTROL)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        with httpx2.Client(base_url=server.origin, verify=_NO_TLS) as client:
            form = {"grant_type": "client_credentials", "client_id": KEY, "client_secret": SECRET}
            token = client.post("/api/oauth/token", data=form).json()["access_token"]
            client.headers["Authorization"] = f"Bearer {token}"
            api = Api(organisation=organisation, server=server, project=organisation.named("shop"), client=client)
            organisation.clock = lambda: api.now
            yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
