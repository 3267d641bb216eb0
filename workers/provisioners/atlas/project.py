"""One Atlas project as the calls that we make on it. Bodies and answers are Atlas's own; no decision is taken here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import Calls, Method

Document = dict[str, Any]

# The newest version of each operation that is known to be stable; Atlas takes a date to mean the newest not after it.
_OF_2023 = "2023-01-01"
_CLUSTERS = "2024-08-05"
_SERVICE_ACCOUNTS = "2024-08-05"
_MEMBERS = "2025-02-19"


@dataclass(frozen=True, slots=True)
class AtlasProject:
    """Every method is one call (a list: one for each page) and raises AtlasFailure. All calls have one urgency."""

    client: Calls
    project_id: str
    org_id: str
    urgency: Urgency

    def at(self, urgency: Urgency) -> AtlasProject:
        """The same project, for calls of another urgency."""
        return replace(self, urgency=urgency)

    # Database users

    def users(self) -> Iterator[Document]:
        return self._list("databaseUsers")

    def user(self, database: str, username: str) -> Document:
        return self._get("databaseUsers", database, username)

    def create_user(self, body: Document) -> Document:
        return self._change(Method.POST, "databaseUsers", body=body)

    def change_user(self, database: str, username: str, body: Document) -> Document:
        """Fields that are left out keep their value; roles, scopes and labels are replaced whole."""
        return self._change(Method.PATCH, "databaseUsers", database, username, body=body)

    def delete_user(self, database: str, username: str) -> None:
        self._do(Method.DELETE, "databaseUsers", database, username)

    # Custom roles

    def roles(self) -> list[Document]:
        roles: list[Document] = self._do(Method.GET, "customDBRoles", "roles")
        return roles

    def role(self, name: str) -> Document:
        return self._get("customDBRoles", "roles", name)

    def create_role(self, body: Document) -> Document:
        return self._change(Method.POST, "customDBRoles", "roles", body=body)

    def change_role(self, name: str, body: Document) -> Document:
        return self._change(Method.PATCH, "customDBRoles", "roles", name, body=body)

    def delete_role(self, name: str) -> None:
        self._do(Method.DELETE, "customDBRoles", "roles", name)

    # The access list

    def entries(self) -> Iterator[Document]:
        return self._list("accessList")

    def entry(self, value: str) -> Document:
        """`value` is an address, or a block such as 10.0.0.0/24."""
        return self._get("accessList", value)

    def entry_status(self, value: str) -> str:
        """PENDING, ACTIVE or FAILED."""
        return str(self._get("accessList", value, "status")["STATUS"])

    def put_entries(self, entries: Sequence[Document]) -> None:
        """Make them, or change those that are there: date and comment become what is said here."""
        self._do(Method.POST, "accessList", body=list(entries))

    def delete_entry(self, value: str) -> None:
        self._do(Method.DELETE, "accessList", value)

    # Clusters

    def clusters(self) -> Iterator[Document]:
        return self._list("clusters", version=_CLUSTERS)

    def cluster_status(self, name: str) -> str:
        """APPLIED when every change of users and roles has reached it, else PENDING."""
        return str(self._get("clusters", name, "status")["changeStatus"])

    # What happened

    def events(self, *, since: datetime, types: Sequence[str] = ()) -> Iterator[Document]:
        """Newest first, each with Atlas's raw words, where alone some say what they are about."""
        query: dict[str, str | Sequence[str]] = {"minDate": _spelled(since), "includeRaw": "true"}
        if types:
            query["eventType"] = types
        return self._list("events", query=query)

    def logins(self, cluster: str, *, since: datetime, until: datetime) -> list[Document]:
        """Successful and failed logins to one cluster, of all users. Atlas keeps seven days."""
        query = {"start": _milliseconds(since), "end": _milliseconds(until), "nLogs": "20000"}
        logs: list[Document] = self._do(Method.GET, "dbAccessHistory", "clusters", cluster, query=query)["accessLogs"]
        return logs

    # The project itself

    def project(self) -> Document:
        return self._get()

    def limits(self) -> list[Document]:
        limits: list[Document] = self._do(Method.GET, "limits")
        return limits

    def service_account(self, client_id: str) -> Document:
        return self._get("serviceAccounts", client_id, version=_SERVICE_ACCOUNTS)

    # Atlas users with a role in the project, and those invited to it

    def members(self, *, username: str = "", invited: bool = False) -> Iterator[Document]:
        """Active ones, or with `invited` those whose invitation is open."""
        query = {"orgMembershipStatus": "PENDING" if invited else "ACTIVE"}
        if username:
            query["username"] = username
        return self._list("users", version=_MEMBERS, query=query)

    def add_member(self, username: str, roles: Sequence[str]) -> Document:
        """Somebody who is not an active member of the organisation is invited: look first."""
        body = {"username": username, "roles": list(roles)}
        return self._change(Method.POST, "users", version=_MEMBERS, body=body)

    def add_role(self, user_id: str, role: str) -> Document:
        return self._change(Method.POST, "users", user_id, verb="addRole", version=_MEMBERS, body={"groupRole": role})

    def remove_role(self, user_id: str, role: str) -> Document:
        return self._change(
            Method.POST, "users", user_id, verb="removeRole", version=_MEMBERS, body={"groupRole": role}
        )

    def remove_member(self, user_id: str) -> None:
        """Also takes an open invitation back."""
        self._do(Method.DELETE, "users", user_id, version=_MEMBERS)

    def people(self, *, username: str = "", invited: bool = False) -> Iterator[Document]:
        """Of the whole organisation."""
        query = {"orgMembershipStatus": "PENDING" if invited else "ACTIVE"}
        if username:
            query["username"] = username
        path = ("orgs", self.org_id, "users")
        return self.client.pages(path, version=_MEMBERS, urgency=self.urgency, query=query)

    # Certificates: these need the owner's login

    def create_certificate(self, username: str, *, months: int) -> str:
        """Certificate and private key as PEM text, this once."""
        body = {"monthsUntilExpiration": months}
        return str(self._do(Method.POST, "databaseUsers", username, "certs", body=body))

    def user_security(self) -> Document:
        return self._get("userSecurity")

    def _get(self, *rest: str, version: str = _OF_2023) -> Document:
        document: Document = self._do(Method.GET, *rest, version=version)
        return document

    def _change(
        self, method: Method, *rest: str, body: Any = None, verb: str = "", version: str = _OF_2023
    ) -> Document:
        document: Document = self._do(method, *rest, verb=verb, version=version, body=body)
        return document

    def _list(
        self, *rest: str, version: str = _OF_2023, query: Mapping[str, str | Sequence[str]] | None = None
    ) -> Iterator[Document]:
        path = ("groups", self.project_id, *rest)
        return self.client.pages(path, version=version, urgency=self.urgency, query=query)

    def _do(
        self,
        method: Method,
        *rest: str,
        verb: str = "",
        version: str = _OF_2023,
        query: Mapping[str, str | Sequence[str]] | None = None,
        body: Any = None,
    ) -> Any:
        path = ("groups", self.project_id, *rest)
        return self.client.call(method, path, verb=verb, version=version, urgency=self.urgency, query=query, body=body)


def _spelled(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _milliseconds(moment: datetime) -> str:
    return str(int(moment.timestamp() * 1000))
