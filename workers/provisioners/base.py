"""The contract of a provisioner: the code that makes a grant true on one kind of target.

Two steps in, two steps out. `prepare` makes powerless objects, `open` gives the power with a call that fails when the
object is gone; `cut` ends the power, `clean` leaves nothing. Every step may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from accessrequests.domain.diagnosis import Diagnosis
from accessrequests.domain.gates import BY_LOGIN
from accessrequests.domain.kinds import SCRAM
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.outside import Change, Thing
from accessrequests.domain.privileges import Privilege, RoleRef
from accessrequests.domain.role_definitions import Definition
from accessrequests.domain.sharing import SharedKind
from accessrequests.domain.usage import Login
from workers.provisioners.kit_keeper import KitKeeper


class ProvisionerError(Exception):
    """A step did not succeed. The text is safe to store and show: no secret, no address of an administrator.

    `permanent` says that trying again cannot help; `unreachable` that the target did not answer at all; `retry_after`
    that it did, and takes no such call for so many seconds; `outcome_unknown` that a call may still be carried out.
    `answered`: it was the target that said it could not just now, which says nothing of other calls. `late` names roles that a call may have added when those who answered for them had already confirmed their end.
    """

    outcome_unknown: bool = False
    answered: bool = False
    late: frozenset[tuple[str, ...]] = frozenset()

    def __init__(
        self, sentence: str, *, permanent: bool = False, unreachable: bool = False, retry_after: float = 0.0
    ) -> None:
        super().__init__(sentence)
        self.permanent = permanent
        self.unreachable = unreachable
        self.retry_after = retry_after


class Busy(ProvisionerError):
    """Somebody else writes to what we need. That is no failure: it is tried again shortly."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a kind of target can do by itself."""

    native_expiry: bool
    network_gate: bool
    session_kill: bool
    evidence: bool
    authentication: frozenset[str]


@dataclass(frozen=True, slots=True)
class GrantedRole:
    """One approved role. `privileges` is what it lets the person do, as approved; used when a role of our own is needed."""

    name: str
    database: str
    collection: str
    privileges: tuple[Privilege, ...]

    @property
    def is_made_of_actions(self) -> bool:
        """Whether it is single actions that no role of the target's has by itself."""
        return bool(RoleRef(self.name, self.database, self.collection).actions)


@dataclass(frozen=True, slots=True)
class GrantSpec:
    """All that a provisioner needs to know of a grant. `password` is empty except for `prepare` and `rotate`.

    `kind` is one of AccessKind. `clusters` is the scope as approved: on a target that has clusters, none means all.
    `was_confirmed`: the target once confirmed, tag and all, that the object of this very name is the one we made. It is
    then ours to end, even when somebody has taken the tag off since.

    `other_ends` are those that the target may hold just as well: on their way there, or not known to have arrived.

    `principal` is who gets the roles where the name is not ours: a database user as name@database, or an Atlas user by
    address. `place` is where on the target it was made, where targets have such. `ends_running`: at the end, what runs with roles that were added `since` then is ended too.
    """

    grant_id: int
    kind: str
    username: str
    clusters: tuple[str, ...]
    roles: tuple[GrantedRole, ...]
    source_addresses: tuple[str, ...]
    authentication: str
    expires_at: datetime
    password: str = field(default="", repr=False)
    was_confirmed: bool = False
    principal: str = ""
    place: str = ""
    is_break_glass: bool = False
    since: datetime | None = None
    ends_running: bool = True
    other_ends: tuple[datetime, ...] = ()

    @property
    def ends(self) -> frozenset[datetime]:
        """Those of which the target may hold any."""
        return frozenset({self.expires_at, *self.other_ends})

    @property
    def is_vouched(self) -> bool:
        """Whether the user is known by a name that somebody else gave."""
        return self.kind == "database_user" and bool(self.principal)


@dataclass(frozen=True, slots=True)
class RoleChange:
    """What shall become of a custom role: how it was when the change was approved, and how it shall be. None: not there."""

    name: str
    before: Definition | None
    after: Definition | None


class Proof(StrEnum):
    """How we know that a gate is open."""

    LOGIN = BY_LOGIN
    READ_BACK = "proved by read-back"
    NOT_PROVABLE = "not provable"
    NOT_YET = "not yet"


@dataclass(frozen=True, slots=True)
class Readiness:
    """Per gate, how we know that it is open. `exact` is false when the target holds other than what was approved.

    Exact and not yet usable is a target that has taken our word and is still carrying it out; `waiting` says what.
    `ends_early`: the target's own end has come to be before the grant's.
    """

    gates: Mapping[GateName, Proof]
    exact: bool
    evidence: Mapping[str, Any]
    waiting: str = ""
    ends_early: bool = False

    @property
    def usable(self) -> bool:
        return self.exact and Proof.NOT_YET not in self.gates.values()


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the target answered. `done` says that the step's promise holds; `remains` names what is still there.

    `waiting` says what a target that has taken our word is still carrying out, where nothing is left for us but to look
    again.
    """

    done: bool
    facts: Mapping[str, Any]
    remains: tuple[str, ...] = ()
    waiting: str = ""


class OwnedKind(StrEnum):
    """What an object of ours on a target is."""

    USER = "user"
    ENTRY = "entry"
    ROLE = "role"


@dataclass(frozen=True, slots=True)
class Owned:
    """An object on the target that carries our tag, or looks as if it were ours.

    What grants share has no tag. It is proven by its content: an entry carries our comment and a date, a role is named
    by what is in it; and it is listed only when no grant uses it.
    """

    username: str
    grant_id: int | None
    expires_at: datetime | None
    proven: bool  # the tag's MAC is ours and fits this very object
    powerless: bool
    authentication: str = SCRAM
    kind: OwnedKind = OwnedKind.USER
    principal: str = ""  # name@database, where the name is not ours

    @property
    def name(self) -> str:
        """What it is called among all of them."""
        return self.username if self.kind is OwnedKind.USER else f"{self.kind.value} {self.username}"


@dataclass(frozen=True, slots=True)
class Health:
    """What `check` found. `warnings` are sentences; `clock_skew` is target minus ours, in seconds.

    `authority_ends_at`: until when our own certificate authority for the target can sign, where there is one.
    `missing`: ways to sign in that cannot be given there as things are, each with the reason in a sentence.
    """

    ok: bool
    members: tuple[str, ...]
    clock_skew: float
    warnings: tuple[str, ...] = ()
    authority_ends_at: datetime | None = None
    missing: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class InventorySnapshot:
    """The target's roles (name@database -> privileges, inherited ones expanded) and what is in its databases.

    A target that has clusters of its own names them, and what it counts and limits. Others answer {} for both:
    cluster -> {"hosts": ["host:port"], "options": {…}, "paused": bool, "tls": bool}; and
    "database_users" | "custom_roles" | "access_list" -> {"limit": n, "used": n}. `users` are those who stand there
    anyway, database users as name@database and Atlas users by address, each with their roles as one would ask for them;
    `reach` are the clusters that those database users are limited to, none for every one, where a target has clusters.
    `others`: whatever stands there that we did not make, as far as it is listed.
    """

    roles: Mapping[str, tuple[Privilege, ...]]
    databases: Mapping[str, Mapping[str, Mapping[str, int]]]  # database -> collection -> {"documents": n, "bytes": n}
    clusters: Mapping[str, Mapping[str, Any]]
    quotas: Mapping[str, Mapping[str, int]]
    users: Mapping[str, Sequence[str]] = field(default_factory=dict)
    reach: Mapping[str, Sequence[str]] = field(default_factory=dict)
    custom_roles: Mapping[str, Definition] = field(default_factory=dict)  # those of a project, by their names
    others: Sequence[Thing] = ()


class Provisioner(Protocol):
    """One per kind of target, made from the worker's own connection record."""

    capabilities: Capabilities

    def prepare(self, spec: GrantSpec) -> None:
        """Make powerless objects, idempotent by name, and prove the login while it can do nothing."""

    def open(self, spec: GrantSpec) -> None:
        """Give the power. Fails when the object is gone; undoes what it opened when it fails half-way."""

    def extend(self, spec: GrantSpec) -> None:
        """Write the grant's end wherever the target keeps it, later or, to undo that, earlier. The holder goes on working
        meanwhile. Fails when the object is gone, and makes nothing. Afterwards `readiness` tells which end is there.
        """

    def rearm(self, spec: GrantSpec) -> None:
        """Move the target's own end forward, where it keeps one only for so long. Makes nothing that is gone."""

    def readiness(self, spec: GrantSpec) -> Readiness:
        """Look at every gate. Never changes anything."""

    def diagnose(self, spec: GrantSpec) -> Diagnosis:
        """Which gate is shut for this user, and what shuts it. Never changes anything."""

    def logins(self, spec: GrantSpec, *, since: datetime, until: datetime) -> Sequence[Login]:
        """Every attempt to log in as this user, where the target keeps a history. Never changes anything."""

    def rotate(self, spec: GrantSpec) -> None:
        """Give the user the new password. Fails when the user is gone."""

    def not_carried_out(self, spec: GrantSpec) -> str:
        """What of the target has not carried out yet what it has taken; empty where nothing is left. Changes nothing."""

    def certificate(self, spec: GrantSpec) -> str:
        """What the holder signs in with where there is no password, and its key. Another one at each call: make it
        when everything else is open, and keep one. Touches nothing on the target.
        """

    def cut(self, specs: Sequence[GrantSpec]) -> list[Evidence]:
        """Login off and nothing of it runs, on every member. Gone already is success. One evidence per spec."""

    def clean(self, spec: GrantSpec) -> Evidence:
        """Leave nothing; read back; name what remains."""

    def list_ours(self) -> Iterable[Owned]:
        """By tag and by name pattern, for reconcile and sweep."""

    def check(self) -> Health:
        """Credentials, rights (too many is a warning), every member, clock."""

    def read_inventory(self) -> InventorySnapshot:
        """Roles with their privileges, databases, collections and rough sizes."""

    def change_role(self, change: RoleChange) -> None:
        """Make a custom role so, if it is as it was; read back. Fails where people do not manage them through us."""

    def close(self) -> None:
        """Let go of connections."""


class TargetProvisioner(Provisioner, Protocol):
    """A provisioner for all that is granted on one target."""

    @property
    def kit(self) -> KitKeeper:
        """The user of its offline kit."""

    @property
    def place(self) -> str:
        """Where the worker's record leads now: the id of a project. Empty for a target that is one place anyway."""

    def survey(self) -> Provisioner:
        """One look at everything that is listed. `readiness` and `list_ours` of what it gives compare with that look,
        and ask the target for hardly anything more; it can do nothing else.
        """

    def changes(self, *, since: datetime) -> Sequence[Change]:
        """The target's own events, where it has them: who made, changed or deleted what."""

    def last_logins(self, *, since: datetime, until: datetime) -> Mapping[str, datetime]:
        """When each user, as name@database, was last let in, where the target keeps a history."""

    def take_back(self, spec: GrantSpec, late: frozenset[tuple[str, ...]]) -> bool:
        """Take roles that a late call may have added for a grant that is gone, unless something needs them."""

    def look_again(self, spec: GrantSpec, late: frozenset[tuple[str, ...]]) -> str:
        """Weeks after such a call: end an invitation that is proved to be of it. What a person must look at, or nothing."""

    def end_stray(self, stray: Owned) -> Evidence:
        """Take away an entry or a role of ours, if it is still so and no grant uses it; read back."""


class Turn(Protocol):
    """The right of one worker to write, for as long as it keeps asking."""

    def fence(self) -> datetime:
        """Call this just before each call to the target: the right is still ours, for as long as one call may take.

        Gives the time, by the clock that decides. Raises `Busy` when the right has passed to somebody else.
        """


class Held(Turn, Protocol):
    """One shared object while this worker alone may write to it.

    The order is: `capture` when `baseline` is None, `attempt`, fence, write, fence, read back. And on the way out:
    `end`, fence, write, fence, read back, `gone`. What is written is the baseline with all that is `live`.
    """

    @property
    def baseline(self) -> Mapping[str, Any] | None:
        """How it was before us. None while no grant uses it: look, and capture it."""

    @property
    def live(self) -> Mapping[int, Mapping[str, Any]]:
        """What each grant needs that uses it and is not ending."""

    @property
    def ending(self) -> Mapping[int, Mapping[str, Any]]:
        """What each grant needed that is ending and not confirmed gone."""

    def announce(self, *, grant_id: int, says: Iterable[tuple[str, ...]]) -> datetime:
        """Like `fence`, before a call that adds roles. The next `fence` says that it was answered in time."""

    def capture(self, baseline: Mapping[str, Any]) -> None:
        """Remember how it is. Committed when this returns."""

    def attempt(self, *, grant_id: int, wants: Mapping[str, Any]) -> None:
        """The grant is about to use it. Committed when this returns. Raises ProvisionerError when the grant ends."""

    def end(self, *, grant_id: int) -> bool:
        """Nothing is written for the grant any more. False: it does not use the object, or is confirmed gone."""

    def gone(self, *, grant_id: int, looked_at: datetime) -> datetime | None:
        """Read back at `looked_at`, which is what `fence` gave before the look: nothing of the grant is there.

        None: it is recorded. Otherwise the moment from which a look counts, since a call may still be on its way.
        """


class Ledger(Protocol):
    """What the grants of one target share, and who may write to it."""

    def hold(self, kind: SharedKind, key: str) -> AbstractContextManager[Held]:
        """Be the only one to write to the object. Raises `Busy` when somebody else is for longer than a moment."""

    def survey(self) -> Ledger:
        """As it is written down now, for comparing. Nothing can be written by it."""

    def is_used(self, kind: SharedKind, name: str) -> bool:
        """Whether a grant uses an object of this key, or one that goes by this name."""

    def alone(self, what: str) -> AbstractContextManager[Turn]:
        """Be the only one to do what the target takes one at a time. Taken after `hold`, around the write alone."""
