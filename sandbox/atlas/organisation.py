"""What the stand-in knows: an organisation with its projects, people, teams and accounts, kept in memory and in one file.

Whoever reads holds `organisation.lock`; whoever changes is inside `organisation.changing()`, which writes the file when
it ends well. The server calls the routes' functions so: GET in the lock, everything else in `changing()`. A function
that refuses has changed nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson import ObjectId

from sandbox.atlas.project import Project
from sandbox.atlas.settings import Settings
from sandbox.atlas.wire import Account, AtlasError

SNAPSHOT = "atlas.json"
_ID = re.compile(r"[0-9a-f]{24}")


def new_id() -> str:
    """24 hexadecimal digits that grow with time, as Atlas's identifiers do."""
    return str(ObjectId())


@dataclass(slots=True)
class Person:
    """An Atlas user, who is in the organisation or invited to it. Moments are seconds since 1970."""

    id: str
    username: str
    first_name: str
    last_name: str
    created_at: float
    org_roles: list[str] = field(default_factory=lambda: ["ORG_MEMBER"])
    status: str = "ACTIVE"
    invited_at: float | None = None
    inviter: str = ""
    last_auth: float | None = None


@dataclass(slots=True)
class Team:
    id: str
    name: str
    members: list[str] = field(default_factory=list)


class Organisation:
    """One organisation. `directory` is where its snapshot is; without one, nothing is written."""

    def __init__(
        self,
        *,
        name: str,
        identifier: str | None = None,
        directory: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> None:
        self.id = identifier or new_id()
        self.name = name
        self.directory = directory
        self.clock = clock
        self.settings = Settings()
        self.projects: dict[str, Project] = {}
        self.accounts: dict[str, Account] = {}
        self.account_facts: dict[str, dict[str, Any]] = {}
        self.people: dict[str, Person] = {}
        self.teams: dict[str, Team] = {}
        self.lock = threading.RLock()
        self.wakes = threading.Condition(self.lock)  # Notified at every change that has to reach a cluster.

    def now(self) -> datetime:
        return self.clock()

    @contextlib.contextmanager
    def changing(self) -> Iterator[None]:
        """The lock; what was changed is on disk when it ends."""
        with self.lock:
            yield
            self.save()

    def project(self, identifier: str) -> Project:
        """:raises AtlasError: there is none."""
        found = self.projects.get(identifier)
        if found is None:
            raise AtlasError("GROUP_NOT_FOUND" if _ID.fullmatch(identifier) else "INVALID_GROUP_ID", identifier)
        return found

    def named(self, name: str) -> Project:
        """:raises KeyError: no project has this name."""
        return {each.name: each for each in self.projects.values()}[name]

    def add_project(self, project: Project) -> Project:
        project.wake = self._wake
        self.projects[project.id] = project
        return project

    def person(self, username: str) -> Person | None:
        """By e-mail address, whatever its letters' case."""
        return next((each for each in self.people.values() if each.username.lower() == username.lower()), None)

    def _wake(self) -> float:
        with self.wakes:
            self.wakes.notify_all()
        return self.now().timestamp()

    def snapshot(self) -> dict[str, Any]:
        """Everything, as JSON."""
        with self.lock:
            return {
                "id": self.id,
                "name": self.name,
                "settings": asdict(self.settings),
                "projects": [project.snapshot() for project in self.projects.values()],
                "accounts": [
                    {**asdict(replace(account, project_roles={})), "project_roles": dict(account.project_roles)}
                    for account in self.accounts.values()
                ],
                "account_facts": self.account_facts,
                "people": [asdict(person) for person in self.people.values()],
                "teams": [asdict(team) for team in self.teams.values()],
            }

    @classmethod
    def restore(
        cls,
        document: Mapping[str, Any],
        *,
        directory: Path | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    ) -> Organisation:
        """From a snapshot."""
        organisation = cls(name=document["name"], identifier=document["id"], directory=directory, clock=clock)
        organisation.settings = Settings(**document["settings"])
        for each in document["projects"]:
            organisation.add_project(Project.restore(each))
        for each in document["accounts"]:
            roles = {project: tuple(names) for project, names in each["project_roles"].items()}
            lists = {key: tuple(each[key]) for key in ("secrets", "org_roles", "addresses")}
            organisation.accounts[each["key"]] = Account(**{**each, **lists, "project_roles": roles})
        organisation.account_facts = dict(document["account_facts"])
        organisation.people = {each["id"]: Person(**each) for each in document["people"]}
        organisation.teams = {each["id"]: Team(**each) for each in document["teams"]}
        return organisation

    def save(self) -> None:
        """Write the snapshot whole or not at all, readable by nobody else: it holds passwords."""
        if self.directory is None:
            return
        draft = self.directory / f"{SNAPSHOT}.draft"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(self.snapshot()), encoding="utf-8")
        draft.replace(self.directory / SNAPSHOT)
