"""Two real clusters behind a project of a made-up organisation, for the tests of what stands behind the stand-in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pymongo import MongoClient

from sandbox.atlas.authorities import issue_to_server, make_authority
from sandbox.atlas.mongods import Deployer
from sandbox.atlas.organisation import Organisation, new_id
from sandbox.atlas.project import Cluster, Project
from sandbox.servers import Mongod, Tls, start_all

Document = dict[str, Any]
PASSWORD = "a password of some length"
ROOT = "mms-automation"
EVERYWHERE = {"main", "reporting"}


class Behind:
    """The clusters, and the project as the API would leave it."""

    def __init__(self, directory: Path) -> None:
        servers = make_authority("Servers of the tests")
        self.servers_pem = directory / "servers.pem"
        self.servers_pem.write_text(servers.certificate_pem)
        self.mongods: dict[str, Mongod] = {}
        for name in sorted(EVERYWHERE):
            place = directory / name
            place.mkdir()
            (place / "certificate.pem").write_text(issue_to_server(servers, name=name).pem)
            (place / "authorities.pem").write_text(servers.certificate_pem)
            tls = Tls(certificate=place / "certificate.pem", authorities=place / "authorities.pem")
            self.mongods[name] = Mongod(place, name, tls=tls, root=ROOT)
        start_all([*self.mongods.values()])
        for mongod in self.mongods.values():
            with MongoClient[Document](mongod.uri()) as client:
                client.shop.orders.insert_one({"_id": 1})
                client.shop.customers.insert_one({"_id": 1})

    def remove(self) -> None:
        for mongod in self.mongods.values():
            mongod.remove()

    @contextmanager
    def project(
        self, *, organisation: Organisation | None = None, apply_seconds: float = 0.0
    ) -> Iterator[tuple[Organisation, Project]]:
        """A fresh project whose changes reach the clusters; what it made there is gone afterwards."""
        organisation = organisation or Organisation(name="Tests")
        organisation.settings.apply_seconds = apply_seconds
        project = Project(id=new_id(), name="tests", created_at=0.0)
        project.authority = make_authority("Tests").pem
        project.access_list["127.0.0.1/32"] = {"cidrBlock": "127.0.0.1/32", "ipAddress": "127.0.0.1"}
        for name, mongod in self.mongods.items():
            project.clusters[name] = Cluster(
                id=new_id(),
                name=name,
                created_at=0.0,
                hosts=[mongod.host],
                admin_uri=mongod.uri(),
                log_path=str(mongod.log),
                authorities_path=str(mongod.directory / "authorities.pem"),
            )
        organisation.add_project(project)
        deployer = Deployer(organisation=organisation, project=project)
        deployer.start()
        try:
            yield organisation, project
        finally:
            with organisation.lock:
                project.database_users.clear()
                project.custom_roles.clear()
                project.changed()
            await_applied(organisation, project)
            deployer.end()
            deployer.join()

    def login(self, cluster: str, username: str, password: str = PASSWORD) -> MongoClient[Document]:
        """As a driver does it that is told nothing of mechanisms."""
        return MongoClient(self.mongods[cluster].uri(username, password), serverSelectionTimeoutMS=3000)


def add_user(organisation: Organisation, project: Project, username: str, **said: Any) -> Document:
    """As the API keeps one."""
    user = {
        "databaseName": "admin",
        "username": username,
        "roles": [{"roleName": "read", "databaseName": "shop"}],
        "scopes": [],
        "labels": [],
        **dict.fromkeys(("awsIAMType", "ldapAuthType", "oidcAuthType", "x509Type"), "NONE"),
        **said,
    }
    with organisation.changing():
        project.database_users[user["databaseName"], username] = user
        if user["databaseName"] == "admin":
            project.passwords["admin", username] = PASSWORD
        project.changed()
    return user


def await_applied(organisation: Organisation, project: Project, *, seconds: float = 15.0) -> None:
    def is_applied() -> bool:
        with organisation.lock:
            return all(cluster.is_applied for cluster in project.clusters.values()) and not project.pending_entries

    assert eventually(is_applied, seconds=seconds), "The clusters are still PENDING."


def eventually(condition: Callable[[], bool], *, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
