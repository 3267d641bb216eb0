"""Brings what a project's documents say to its clusters' mongods, and says when they have it.

Users who sign in by AWS IAM, LDAP or OIDC stay in the stand-in: a community mongod cannot speak these (principals.py).
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from sandbox.atlas.organisation import Organisation
from sandbox.atlas.principals import EXTERNAL, Document, Principals, Role, User, normalised, principals_on, spelt
from sandbox.atlas.project import Cluster, Project

_AWAY_MILLISECONDS = 1000
_STUCK_MILLISECONDS = 10_000
_RETRY_SECONDS = 0.5
_MARK = "deployed"

Client = MongoClient[Document]
Key = tuple[str, str]


class Deployment:
    """One cluster's mongod, as its root. What the stand-in did not make there, it leaves alone."""

    def __init__(self, cluster: Cluster) -> None:
        self._uri = cluster.admin_uri
        self._authorities = Path(cluster.authorities_path) if cluster.authorities_path else None
        self._client: Client | None = None
        self._passwords: dict[Key, str | None] = {}

    def apply(self, wanted: Principals, *, authorities: str) -> None:
        """Make the mongod hold exactly what is wanted, whatever it held before.

        :raises PyMongoError: it is away, or refuses something. What was done stays done.
        """
        if self._client is None:
            self._client = MongoClient(
                self._uri, serverSelectionTimeoutMS=_AWAY_MILLISECONDS, socketTimeoutMS=_STUCK_MILLISECONDS
            )
        self._believe(self._client, authorities)
        surplus = _apply_roles(self._client, wanted.roles)
        self._apply_users(self._client, wanted.users)
        for name in surplus:  # After the users: a role that is dropped goes from whoever has it.
            self._client.admin.command("dropRole", name)

    def close(self) -> None:
        """The next call connects anew: what a driver knows of a server that was just being set up may be wrong."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _believe(self, client: Client, authorities: str) -> None:
        """Have it take client certificates of these authorities and of no other; it needs no restart for that."""
        path = self._authorities
        if path is None or not authorities or path.read_text(encoding="utf-8") == authorities:
            return
        before = path.read_text(encoding="utf-8")
        path.write_text(authorities, encoding="utf-8")
        try:
            client.admin.command("rotateCertificates")
        except PyMongoError:
            path.write_text(before, encoding="utf-8")  # So that the next attempt rotates again.
            raise

    def _apply_users(self, client: Client, wanted: Mapping[Key, User]) -> None:
        found = client.admin.command("usersInfo", {"forAllDBs": True})["users"]
        ours = {(each["db"], each["user"]): each["customData"] for each in found if _MARK in each.get("customData", {})}
        for key, user in wanted.items():
            is_the_same = key in ours and ours[key][_MARK] == user.mark and self._passwords.get(key) == user.password
            if is_the_same:
                continue
            try:
                (self._update if key in ours else self._create)(client, key, user)
            except OperationFailure as error:
                # Such as a password that SCRAM does not take. One user who cannot be must not keep all others waiting.
                sys.stderr.write(f"{key[1]}@{key[0]} cannot be on this cluster: {error}\n")
            self._passwords[key] = user.password
        for database, name in ours.keys() - wanted.keys():
            client[database].command("dropUser", name)
            self._passwords.pop((database, name), None)

    def _create(self, client: Client, key: Key, user: User) -> None:
        database, name = key
        secret: Document = {} if database == EXTERNAL else {"pwd": user.password, "mechanisms": ["SCRAM-SHA-256"]}
        client[database].command("createUser", name, **secret, **_said(user))

    def _update(self, client: Client, key: Key, user: User) -> None:
        database, name = key
        is_new = database != EXTERNAL and self._passwords.get(key) != user.password
        # Only a new one: hashing a password takes the server far longer than all the rest.
        secret: Document = {"pwd": user.password} if is_new else {}
        client[database].command("updateUser", name, **secret, **_said(user))


def _said(user: User) -> Document:
    return {
        "roles": [{"role": role, "db": database} for role, database in sorted(user.roles)],
        "authenticationRestrictions": [{"clientSource": list(user.sources)}],  # An empty list: from nowhere.
        "customData": {_MARK: user.mark},
    }


def _apply_roles(client: Client, wanted: Mapping[str, Role]) -> list[str]:
    """Make and change roles; the names of those that are too many."""
    listed = client.admin.command("rolesInfo", 1, showPrivileges=True)["roles"]
    found = {
        each["role"]: Role(
            privileges=normalised(each["privileges"]),
            roles=frozenset((role["role"], role["db"]) for role in each["roles"]),
        )
        for each in listed
    }
    empty = Role(frozenset(), frozenset())
    for name in sorted(wanted.keys() - found.keys()):  # All are there before one inherits another.
        client.admin.command("createRole", name, privileges=[], roles=[])
    for name, role in wanted.items():
        if found.get(name, empty) != role:
            inherited = [{"role": each, "db": database} for each, database in sorted(role.roles)]
            client.admin.command("updateRole", name, privileges=spelt(role.privileges), roles=inherited)
    return sorted(found.keys() - wanted.keys())


class Deployer(threading.Thread):
    """Watches one project and carries its changes to its clusters, each a settable while after it was made."""

    def __init__(self, *, organisation: Organisation, project: Project) -> None:
        super().__init__(name=f"deployer-{project.name}", daemon=True)
        self._organisation = organisation
        self._project = project
        self._deployments = {name: Deployment(cluster) for name, cluster in project.clusters.items()}
        self._is_over = False
        self._told = ""

    def run(self) -> None:
        while self._await_work():
            work = self._take()
            done = {name for name, wanted in work.principals.items() if self._carried_out(name, wanted, work)}
            self._note(work, done)
        for deployment in self._deployments.values():
            deployment.close()

    def end(self) -> None:
        with self._organisation.wakes:
            self._is_over = True
            self._organisation.wakes.notify_all()

    def _await_work(self) -> bool:
        """False: it is over."""
        with self._organisation.wakes:
            while not self._is_over and (wait := self._seconds_until_due()) != 0.0:
                self._organisation.wakes.wait(wait)
            return not self._is_over

    def _seconds_until_due(self) -> float | None:
        """None: there is nothing to wait for."""
        project, now = self._project, self._organisation.now().timestamp()
        moments = list(project.pending_entries.values())
        if any(not cluster.is_applied for cluster in project.clusters.values()):
            moments.append(project.changed_at + self._organisation.settings.apply_seconds)
        return max(0.0, min(moments) - now) if moments else None

    def _take(self) -> _Work:
        with self._organisation.lock:
            return _Work(self._project, now=self._organisation.now().timestamp())

    def _carried_out(self, name: str, wanted: Principals, work: _Work) -> bool:
        try:
            self._deployments[name].apply(wanted, authorities=work.authorities)
        except PyMongoError as error:
            self._deployments[name].close()
            said = f"{self.name}: {name} does not have it yet: {error}"
            if said != self._told:
                sys.stderr.write(f"{said}\n")
                self._told = said
            return False
        return True

    def _note(self, work: _Work, done: set[str]) -> None:
        with self._organisation.changing():
            for name in done:
                self._project.clusters[name].applied_revision = work.revision
            if done == work.principals.keys():
                self._project.opened(work.entries)
            else:
                self._organisation.wakes.wait_for(lambda: self._is_over, timeout=_RETRY_SECONDS)


class _Work:
    """A project at one moment: what each of its clusters has to hold."""

    def __init__(self, project: Project, *, now: float) -> None:
        self.revision = project.revision
        self.entries = project.due_entries(now)
        self.authorities = authorities_of(project)
        self.principals = {
            name: principals_on(
                name,
                users=project.database_users.values(),
                custom_roles=project.custom_roles.values(),
                sources=project.open_blocks(now),
                passwords=project.passwords,
            )
            for name in project.clusters
        }


def authorities_of(project: Project) -> str:
    """Whose client certificates the clusters take: the customer's own authorities, or else the project's own."""
    customers: Any = project.user_security.get("customerX509") or {}
    own = project.authority.partition("-----BEGIN PRIVATE KEY-----")[0]
    return str(customers.get("cas") or own)
