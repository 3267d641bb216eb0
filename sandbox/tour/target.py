"""What the target itself holds, read as root: the tour believes nothing that the product says about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pymongo import MongoClient

Document = dict[str, Any]


class Target:
    """One mongod, seen by its root user, who is nobody in the product."""

    def __init__(self, slug: str, *, state: Mapping[str, Any]) -> None:
        self.slug = slug
        self.root: MongoClient[Document] = MongoClient(state["targets"][slug]["uri"], serverSelectionTimeoutMS=5000)

    @property
    def address(self) -> str:
        host, port = self.root.address or ("", 0)
        return f"{host}:{port}"

    def close(self) -> None:
        self.root.close()

    def users(self) -> dict[str, Document]:
        """Every user of every database, by name."""
        found = self.root.admin.command("usersInfo", {"forAllDBs": True})["users"]
        return {f"{user['user']}@{user['db']}": user for user in found}

    def roles(self) -> set[str]:
        """Every role that somebody made, on the databases that hold users or data."""
        return {
            f"{role['role']}@{name}"
            for name in ("admin", "shop")
            for role in self.root[name].command("rolesInfo", 1)["roles"]
        }

    def traces(self, *, username: str, grant_id: int) -> list[str]:
        """Whatever is left of a grant: by name, by the tag that we put on it, or still running."""
        users = [
            name
            for name, user in self.users().items()
            if username in name or _is_tagged(user.get("customData"), str(grant_id))
        ]
        roles = [name for name in self.roles() if username in name]
        running = [
            f"operation {operation.get('opid')}"
            for operation in self.root.admin.aggregate(
                [
                    {"$currentOp": {"allUsers": True, "idleSessions": True}},
                    {"$match": {"effectiveUsers.user": username, "active": True}},
                ]
            )
        ]
        return users + roles + running


def _is_tagged(tag: object, grant_id: str) -> bool:
    """Whether the tag, however deep, names the grant."""
    if isinstance(tag, Mapping):
        return str(tag.get("grant")) == grant_id or any(_is_tagged(part, grant_id) for part in tag.values())
    return False
