"""One grant's life with something that goes wrong in it, and what must be true at its stations, asked of the target."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from accessrequests.domain.events import Job, Via
from accessrequests.models import Credential, Grant, OutboxMessage
from accessrequests.operations import grants, outbox
from accessrequests.queries import audit
from tests.faults.child import Child
from tests.servers import PROCESS
from tests.workers.conftest import SHOP, Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.rows import compare, events_of, fresh, message
from workers import handlers

ONCE = ("grant.revocation_started", "grant.cut", "grant.revoked")
# Commands that change nothing on the target, and parts of a relay's turn that change nothing anywhere.
LOOKS = frozenset(
    {
        *(
            "aggregate",
            "connectionStatus",
            "find",
            "getMore",
            "replSetGetConfig",
            "rolesInfo",
            "usersInfo",
            "whatsmyuri",
        ),
        *("to_send", "unclaimed_urgent", "next_deadline"),
    }
)
LEASE = outbox.LEASE + timedelta(milliseconds=1)


@dataclass
class Life:
    """A world, and its clock. `name` is that of the point at which something happens, for messages."""

    work: Work
    clock: DatabaseClock
    diary: Path
    name: str = ""

    def points_of(self, work: Callable[[], object]) -> list[str]:
        """The names of the points that the work passes when nothing happens to it."""
        self.diary.write_text("")
        assert Child(work, self.diary, at=None, signal_number=0).end() == 0
        return self.diary.read_text().splitlines()

    def child(self, work: Callable[[], object], *, at: int, signal_number: int = signal.SIGKILL) -> Child:
        return Child(work, self.diary, at=at, signal_number=signal_number)

    def carrying(self, job: Job, grant: Grant) -> Callable[[], object]:
        pk = message(job, grant).pk
        return lambda: handlers.carry(message_id=pk, owner="the one that dies")

    def others_go_on(self) -> None:
        """What a dead process held lapses, as it does after six seconds; then another one carries what is due."""
        OutboxMessage.objects.filter(done_at=None).exclude(claimed_until=None).update(claimed_until="2020-01-01T00:00Z")
        drain(most=200)

    def is_active(self, grant: Grant) -> None:
        now = fresh(grant)
        assert now.state == "active", self._said(f"{now.state}: {now.last_error}")
        (user,) = self.on_target(now)
        held = {(role["role"], role["db"]) for role in user["roles"]}
        assert held == {(f"{now.username}-r1", SHOP)}, self._said(held)
        assert self.work.roles_of(now.username) == [f"{now.username}-r1"], self._said("roles")
        events = events_of(now)
        assert events.count("grant.provisioning_started") == now.provisioning_attempt, self._said(events)
        assert events.count("grant.activated") == 1, self._said(events)
        (credential,) = Credential.objects.filter(grant=now)
        assert (credential.state, credential.generation) == ("ready", 1), self._said(credential.state)

    def is_over(self, grant: Grant, *, reason: str = "released") -> None:
        now = fresh(grant)
        assert (now.state, now.end_reason) == ("revoked", reason), self._said(f"{now.state}: {now.last_error}")
        assert self.on_target(now) == [], self._said("a user is left")
        assert self.work.roles_of(now.username) == [], self._said("a role is left")
        events = events_of(now)
        for event in ONCE:
            assert events.count(event) == 1, self._said(events)
        assert events.count("grant.activated") <= 1, self._said(events)
        assert Credential.objects.get(grant=now).sealed is None, self._said("the password is left")

    def end(self, grant: Grant) -> None:
        """End now; another process brings it to its end, at the second look if it needs one."""
        grants.release(grant_id=grant.pk, holder=self.work.cast.alice, via=Via.API)
        self.brought_to_its_end(grant)

    def brought_to_its_end(self, grant: Grant) -> None:
        self.others_go_on()
        if fresh(grant).state != "revoked":
            self.clock.advance(grants.LONGEST_CALL + timedelta(seconds=1))
            self.others_go_on()

    def reconciled(self) -> None:
        for _ in range(2):
            compare("shop-prod")
            self.clock.advance(timedelta(seconds=7))

    def on_target(self, grant: Grant) -> list[dict[str, Any]]:
        """By name and by tag, in any database; asked of the server's own list."""
        tag = {"customData.accessRequests.grant": str(grant.pk)}
        ours = {"customData.accessRequests.installation": f"tests{PROCESS}"}
        name = {"user": {"$regex": f"^{grant.username}"}}
        return list(self.work.owner.admin["system.users"].find({"$or": [name, {**tag, **ours}]}))

    def _said(self, what: object) -> str:
        return f"{self.name}: {what}"


def told(life: Life, names: list[str], *, only: Callable[[str], bool] | None = None) -> Iterator[int]:
    """The points, each with its number and name for whoever reads along or meets a failure.

    Unless it is said which, they are the first and all that are passed after something changed: who dies at any other leaves
    what one of these left. Of changes that are alike and follow each other, one is enough.
    """
    changed = ""
    for number, name in enumerate(names):
        if only is not None:
            is_wanted = only(name)
        elif is_wanted := number == 0 or (name.startswith("after ") and not is_look(name) and name != changed):
            changed = name
        if is_wanted:
            life.name = f"step {number:02} {name}"
            print(life.name)  # noqa: T201 - shown by pytest when it fails, and with -s
            yield number


def is_look(name: str) -> bool:
    """Whether what was passed only reads."""
    return name.split()[1] in LOOKS


def audit_is_whole() -> None:
    report = audit.verify()
    assert report.ok, report
