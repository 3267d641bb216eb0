"""One look at the lists of a project, which then answers for each user, role and entry in them: a client that only reads.

What is compared is the same code that reads back one grant. It asks for each object by itself, and finds it here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from accessrequests.domain.sharing import InvalidAddress, canonical_address
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import Calls, Method, Query
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.base import ProvisionerError

Document = dict[str, Any]
T = TypeVar("T")

_NOT_FOUND = 404
_ONLY_A_LOOK = "This is only a look, and nothing is changed by it."
# Whether what was taken is carried out everywhere is no question of what it is.
_CARRIED_OUT: dict[str, Document] = {"clusters": {"changeStatus": "APPLIED"}, "accessList": {"STATUS": "ACTIVE"}}
_GONE = {
    "databaseUsers": "USERNAME_NOT_FOUND",
    "customDBRoles": "ATLAS_CUSTOM_ROLE_NOT_FOUND",
    "accessList": "ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND",
}


@dataclass(slots=True)
class Survey:
    """Stands where a client would. Each list is read when it is first needed, and then kept."""

    client: Calls
    _lists: dict[tuple[str, ...], Any] = field(default_factory=dict)
    _by_name: dict[str, dict[tuple[str, ...], Document]] = field(default_factory=dict)

    def call(
        self,
        method: Method,
        segments: Sequence[str],
        *,
        version: str,
        urgency: Urgency,
        verb: str = "",
        query: Query | None = None,
        body: Any = None,
    ) -> Any:
        """Whatever asks, this is comparing, which waits for all else.

        :raises ProvisionerError: for a call that would change something.
        """
        urgency = Urgency.RECONCILE
        if method is not Method.GET or verb or body is not None:
            raise ProvisionerError(_ONLY_A_LOOK, permanent=True)
        kind = segments[2] if len(segments) > 2 else ""  # noqa: PLR2004 - groups, its id, and what of it
        rest = tuple(segments[3:])
        if kind in _CARRIED_OUT and rest[-1:] == ("status",):
            return _CARRIED_OUT[kind]
        if kind == "customDBRoles":
            roles = self._kept(("roles",), lambda: self._read(segments[:3], version=version, urgency=urgency))
            return roles if rest == ("roles",) else self._one(kind, rest[1:], roles, lambda role: (role["roleName"],))
        if kind == "databaseUsers" and rest:
            users = list(self.pages(segments[:3], version=version, urgency=urgency))
            return self._one(kind, rest, users, lambda user: (user["databaseName"], user["username"]))
        if kind == "accessList" and rest:
            entries = list(self.pages(segments[:3], version=version, urgency=urgency))
            return self._one(kind, rest, entries, _block_of)
        return self.client.call(method, segments, version=version, urgency=urgency, query=query)

    def pages(
        self, segments: Sequence[str], *, version: str, urgency: Urgency, query: Query | None = None
    ) -> Iterator[Document]:
        """Those with a role in the project are read once, and asked for one by one."""
        urgency = Urgency.RECONCILE
        asked = dict(query or {})
        username = str(asked.pop("username", "")) if list(segments[:1]) == ["groups"] else ""
        key = (*segments, *(f"{name}={value}" for name, value in sorted(asked.items())))
        if segments[0] != "groups":
            return self.client.pages(segments, version=version, urgency=urgency, query=query)
        rows = self._kept(
            key, lambda: list(self.client.pages(segments, version=version, urgency=urgency, query=asked or None))
        )
        return iter([row for row in rows if not username or str(row["username"]).lower() == username.lower()])

    def clock_skew(self) -> float:
        return self.client.clock_skew()

    def close(self) -> None:
        """They belong to whoever has the client."""

    def _read(self, segments: Sequence[str], *, version: str, urgency: Urgency) -> list[Document]:
        roles: list[Document] = self.client.call(Method.GET, (*segments, "roles"), version=version, urgency=urgency)
        return roles

    def _kept(self, key: tuple[str, ...], read: Callable[[], T]) -> T:
        if key not in self._lists:
            self._lists[key] = read()
        found: T = self._lists[key]
        return found

    def _one(
        self, kind: str, name: tuple[str, ...], rows: Iterable[Document], name_of: Callable[[Document], tuple[str, ...]]
    ) -> Document:
        """:raises AtlasFailure: as Atlas has it for what is not there."""
        if kind not in self._by_name:
            self._by_name[kind] = {name_of(row): row for row in rows}
        found = self._by_name[kind].get(name)
        if found is None:
            raise AtlasFailure("It is not among what is listed.", code=_GONE[kind], status=_NOT_FOUND)
        return found


def _block_of(entry: Document) -> tuple[str, ...]:
    """As we ask for it; what we never ask for, like everywhere or a security group, by whatever it says."""
    said = str(entry.get("cidrBlock") or entry.get("ipAddress"))
    try:
        return (canonical_address(said),)
    except InvalidAddress:
        return (said,)
