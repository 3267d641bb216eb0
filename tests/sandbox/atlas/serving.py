"""A stand-in on a free port with operations of our own, for the tests of what goes over its wire."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from sandbox.atlas.organisation import Organisation, new_id
from sandbox.atlas.project import Project
from sandbox.atlas.routes import DATABASE_ACCESS, NETWORK_ACCESS, ORG_MEMBER, READ_ONLY, Route
from sandbox.atlas.server import AtlasServer
from sandbox.atlas.wire import Account, Answer, AtlasError, Request, created, gone, page

CLIENT_ID = "mdb_sa_id_0123456789abcdef01234567"
CLIENT_SECRET = "mdb_sa_sk_of-the-tests"
PUBLIC_KEY, PRIVATE_KEY = "publickey", "a-private-key"
CONTROL_TOKEN = "control-of-the-tests"
_TLS = ssl.create_default_context()  # Never used here, and slow to make for each client.
ACCEPT = "application/vnd.atlas.2025-03-12+json"


class Shelf:
    """Names that the operations below put on a shelf, so that a test can see what was done."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def routes(self) -> tuple[Route, ...]:
        entries, users = "/groups/{groupId}/accessList", "/groups/{groupId}/databaseUsers"
        return (
            Route("GET", entries, "2023-01-01", (READ_ONLY,), self.list),
            Route("POST", entries, "2023-01-01", (NETWORK_ACCESS,), self.add),
            Route("DELETE", entries + "/{name}", "2023-01-01", (NETWORK_ACCESS,), self.remove),
            Route("GET", users + "/{databaseName}/{username}", "2023-01-01", (READ_ONLY,), self.spell),
            Route("POST", users, "2023-01-01", (DATABASE_ACCESS,), self.add),
            Route("GET", "/groups/{groupId}/users/{userId}", "2025-02-19", (), self.spell),
            Route("POST", "/groups/{groupId}/users/{userId}:addRole", "2025-02-19", (), self.spell),
            Route(
                "GET", "/groups/{groupId}/clusters", "2024-08-05", (), self.version, older=("2023-02-01", "2023-01-01")
            ),
            Route("GET", "/orgs/{orgId}", "2023-01-01", (ORG_MEMBER,), self.spell),
            Route("GET", "/orgs/{orgId}/users", "2023-01-01", ("ORG_READ_ONLY",), self.spell),
            Route("GET", "/broken", "2023-01-01", (), self.fail),
        )

    def list(self, _organisation: Organisation, request: Request) -> Answer:
        return Answer(body=page(request, self.names))

    def add(self, _organisation: Organisation, request: Request) -> Answer:
        self.names.append(request.document()["name"])
        return created({"name": request.document()["name"]})

    def remove(self, _organisation: Organisation, request: Request) -> Answer:
        if request.parameters["name"] not in self.names:
            raise AtlasError("RESOURCE_NOT_FOUND", request.parameters["name"])
        self.names.remove(request.parameters["name"])
        return gone()

    def spell(self, _organisation: Organisation, request: Request) -> Answer:
        return Answer(body=dict(request.parameters))

    def version(self, _organisation: Organisation, request: Request) -> Answer:
        return Answer(body={"version": request.version})

    def fail(self, _organisation: Organisation, _request: Request) -> Answer:
        raise RuntimeError("This operation is broken.")


@dataclass(slots=True)
class Served:
    """The stand-in, and a client of each kind."""

    server: AtlasServer
    shelf: Shelf
    project: Project

    @property
    def accounts(self) -> dict[str, Account]:
        return self.server.organisation.accounts

    def client(self, *, auth: httpx2.Auth | None = None, headers: Mapping[str, str] | None = None) -> httpx2.Client:
        said = {"Accept": ACCEPT, **(headers or {})}
        return httpx2.Client(base_url=self.server.origin, headers=said, auth=auth, verify=_TLS)

    def post(self, path: str, form: Mapping[str, str], *, auth: tuple[str, str] | None = None) -> httpx2.Response:
        """A call of the token or revocation endpoint."""
        return httpx2.post(f"{self.server.origin}/api/oauth/{path}", data=dict(form), auth=auth, verify=_TLS)

    def token(self, *, key: str = CLIENT_ID) -> str:
        form = {"grant_type": "client_credentials", "client_id": key, "client_secret": CLIENT_SECRET}
        answer = self.post("token", form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def bearer(self, token: str | None = None, **headers: str) -> httpx2.Client:
        """Signed in as the service account."""
        return self.client(headers={"Authorization": f"Bearer {token or self.token()}", **headers})

    def control(self, method: str, what: str, body: Any = None, *, token: str = CONTROL_TOKEN) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx2.request(method, f"{self.server.origin}/control/{what}", json=body, headers=headers, verify=_TLS)

    def order(self, fault: str, **said: Any) -> None:
        answer = self.control("POST", "faults", {"fault": fault, **said})
        assert answer.status_code == 201, answer.text

    def path(self, rest: str) -> str:
        return f"/api/atlas/v2/groups/{self.project.id}{rest}"

    def give(self, key: str, **changes: Any) -> None:
        self.accounts[key] = replace(self.accounts[key], **changes)


@contextmanager
def serving(*, routes: Sequence[Route] | None = None, organisation: Organisation | None = None) -> Iterator[Served]:
    """A stand-in of this organisation, or of one with a project, a service account that owns it and an API key that does."""
    shelf = Shelf()
    organisation = organisation or _organisation()
    project = next(iter(organisation.projects.values()))
    server = AtlasServer(
        port=0, organisation=organisation, routes=routes or shelf.routes(), control_token=CONTROL_TOKEN
    )
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield Served(server=server, shelf=shelf, project=project)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _organisation() -> Organisation:
    organisation = Organisation(name="Tests")
    project = organisation.add_project(Project(id=new_id(), name="tests", created_at=0.0))
    roles = {project.id: ("GROUP_OWNER",)}
    for key, secret in ((CLIENT_ID, CLIENT_SECRET), (PUBLIC_KEY, PRIVATE_KEY)):
        organisation.accounts[key] = Account(key=key, secrets=(secret,), name="tests", project_roles=roles)
    return organisation
