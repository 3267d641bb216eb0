"""One provisioner for all that can be granted on a target: temporary users, and roles for those who are there already."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Protocol

import structlog

from accessrequests.domain.diagnosis import Cause, Diagnosis, Shut
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.outside import Change
from accessrequests.domain.usage import Login
from accessrequests.models.access_requests import AccessKind
from workers.provisioners.base import (
    Evidence,
    GrantSpec,
    Health,
    InventorySnapshot,
    Owned,
    Proof,
    Provisioner,
    ProvisionerError,
    Readiness,
    RoleChange,
)
from workers.provisioners.kit_keeper import KitKeeper

_NOT_HERE = "This kind of target gives no access of the kind {}."
_NOTHING_TO_ROTATE = "Nothing was made that could have a password of ours."
_NO_KIT = "This kind of target has no offline kit."
_NOTHING_SHARED = "Grants share nothing of that kind on this target."
_MOVED = (
    "The access was made in the project {}, and the target's record leads to {} now. It can only be ended there. "
    "Ask again for the project of today."
)
_MADE_ELSEWHERE = "The target has moved, and the access was made in the project {}. {}"
# Seconds before each look for what a late call added. After the last one, every call without an answer has arrived.
_LOOKS = (0.0, 1.0, 5.0)

log = structlog.get_logger(__name__)


class Steps(Protocol):
    """The steps of a kind of access that makes no user. Each promises what `Provisioner` says of it."""

    def prepare(self, spec: GrantSpec) -> None: ...

    def open(self, spec: GrantSpec) -> None: ...

    def readiness(self, spec: GrantSpec) -> Readiness: ...

    def cut(self, spec: GrantSpec) -> Evidence: ...

    def clean(self, spec: GrantSpec) -> Evidence: ...

    def take_back(self, spec: GrantSpec, late: frozenset[tuple[str, ...]]) -> bool:
        """Take what a late call of a step added, unless something needs it. False: there was nothing of it yet."""


class Vouched(Steps, Protocol):
    """The steps of users whose names are not ours to give: what nobody needs of them is ours to find."""

    def diagnose(self, spec: GrantSpec) -> Diagnosis: ...

    def extend(self, spec: GrantSpec) -> None:
        """What there is of it keeps to the grant's end as it is now, as far ahead as the target keeps one."""

    def list_ours(self) -> Iterable[Owned]: ...


class Project(Protocol):
    """What a target has that is one project of many."""

    @property
    def id(self) -> str: ...

    def survey(self) -> Provisioner: ...

    def strays(self) -> Iterable[Owned]: ...

    def look_again(self, spec: GrantSpec, late: frozenset[tuple[str, ...]]) -> str: ...

    def end_stray(self, stray: Owned) -> Evidence: ...

    def changes(self, *, since: datetime) -> Sequence[Change]: ...

    def last_logins(self, *, since: datetime, until: datetime) -> Mapping[str, datetime]: ...

    def elsewhere(self, place: str) -> ByKind:
        """The same for another project, with the same login."""


class ByKind:
    """See `Provisioner` for what each step promises; here each goes to the kind of its grant."""

    def __init__(
        self,
        users: Provisioner,
        others: Mapping[AccessKind, Steps],
        *,
        project: Project | None = None,
        vouched: Vouched | None = None,
        kit: KitKeeper | None = None,
    ) -> None:
        self.capabilities = users.capabilities
        self._users = users
        self._others = others
        self._vouched = vouched
        self._project = project
        self._kit = kit

    @property
    def kit(self) -> KitKeeper:
        if self._kit is None:
            raise ProvisionerError(_NO_KIT, permanent=True)
        return self._kit

    @property
    def place(self) -> str:
        return self._project.id if self._project else ""

    def survey(self) -> Provisioner:
        return self._project.survey() if self._project else self

    def changes(self, *, since: datetime) -> Sequence[Change]:
        return self._project.changes(since=since) if self._project else ()

    def last_logins(self, *, since: datetime, until: datetime) -> Mapping[str, datetime]:
        return self._project.last_logins(since=since, until=until) if self._project else {}

    def take_back(self, spec: GrantSpec, late: frozenset[tuple[str, ...]]) -> bool:
        with _told_where(spec) if self._has_moved_from(spec) else nullcontext():
            return self._there(spec)._other(spec).take_back(spec, late)  # noqa: SLF001 - one of our own kind

    def look_again(self, spec: GrantSpec, late: frozenset[tuple[str, ...]]) -> str:
        project = self._there(spec)._project  # noqa: SLF001 - one of our own kind
        return project.look_again(spec, late) if project else ""

    def end_stray(self, stray: Owned) -> Evidence:
        if self._project is None:
            raise ProvisionerError(_NOTHING_SHARED, permanent=True)
        return self._project.end_stray(stray)

    def prepare(self, spec: GrantSpec) -> None:
        self._check_place(spec)
        self._of(spec).prepare(spec)

    def open(self, spec: GrantSpec) -> None:
        self._check_place(spec)
        with self._nothing_late(spec):
            self._of(spec).open(spec)

    def extend(self, spec: GrantSpec) -> None:
        """Roles that are added to somebody carry no end on any target: nothing of theirs is to be moved there."""
        self._check_place(spec)
        if _makes_a_user(spec):
            self._users.extend(spec)
        elif spec.is_vouched and self._vouched is not None:
            self._vouched.extend(spec)

    def rearm(self, spec: GrantSpec) -> None:
        """No target keeps an end of its own for a role."""
        self._check_place(spec)
        if _makes_a_user(spec):
            self._users.rearm(spec)
        elif spec.is_vouched and self._vouched is not None:
            self._vouched.extend(spec)

    def readiness(self, spec: GrantSpec) -> Readiness:
        self._check_place(spec)
        return self._of(spec).readiness(spec)

    def diagnose(self, spec: GrantSpec) -> Diagnosis:
        self._check_place(spec)
        if spec.is_vouched and self._vouched is not None:
            return self._vouched.diagnose(spec)
        return self._users.diagnose(spec) if _makes_a_user(spec) else _diagnosed(self._other(spec).readiness(spec))

    def certificate(self, spec: GrantSpec) -> str:
        return self._users.certificate(spec)

    def logins(self, spec: GrantSpec, *, since: datetime, until: datetime) -> Sequence[Login]:
        return self._users.logins(spec, since=since, until=until)

    def rotate(self, spec: GrantSpec) -> None:
        self._check_place(spec)
        if not _makes_a_user(spec):
            raise ProvisionerError(_NOTHING_TO_ROTATE, permanent=True)
        self._users.rotate(spec)

    def not_carried_out(self, spec: GrantSpec) -> str:
        return self._users.not_carried_out(spec)

    def cut(self, specs: Sequence[GrantSpec]) -> list[Evidence]:
        for spec in specs:
            if self._has_moved_from(spec):
                return [evidence for one in specs for evidence in self._cut_there(one)]
        users = [spec for spec in specs if _makes_a_user(spec)]
        cut = iter(self._users.cut(users) if users else ())
        return [next(cut) if _makes_a_user(spec) else self._cut_other(spec) for spec in specs]

    def clean(self, spec: GrantSpec) -> Evidence:
        if self._has_moved_from(spec):
            with _told_where(spec):
                return self._there(spec).clean(spec)
        with self._nothing_late(spec):
            return self._of(spec).clean(spec)

    def list_ours(self) -> Iterable[Owned]:
        shared = self._project.strays() if self._project else ()
        vouched = self._vouched.list_ours() if self._vouched is not None else ()
        return [*self._users.list_ours(), *vouched, *shared]

    def check(self) -> Health:
        return self._users.check()

    def read_inventory(self) -> InventorySnapshot:
        return self._users.read_inventory()

    def change_role(self, change: RoleChange) -> None:
        self._users.change_role(change)

    def close(self) -> None:
        self._users.close()

    def _has_moved_from(self, spec: GrantSpec) -> bool:
        return bool(self._project and spec.place and spec.place != self.place)

    def _check_place(self, spec: GrantSpec) -> None:
        """:raises ProvisionerError: it was made elsewhere, where only its end is of interest any more."""
        if self._has_moved_from(spec):
            raise ProvisionerError(_MOVED.format(spec.place, self.place), permanent=True)

    def _cut_there(self, spec: GrantSpec) -> list[Evidence]:
        with _told_where(spec) if self._has_moved_from(spec) else nullcontext():
            return self._there(spec).cut([spec])

    def _there(self, spec: GrantSpec) -> ByKind:
        """Where it was made. That it is not here proves nothing: an end is what the place itself says."""
        return self._project.elsewhere(spec.place) if self._project and self._has_moved_from(spec) else self

    def _cut_other(self, spec: GrantSpec) -> Evidence:
        with self._nothing_late(spec):
            return self._other(spec).cut(spec)

    @contextmanager
    def _nothing_late(self, spec: GrantSpec) -> Iterator[None]:
        """What a step has added after others confirmed the end is taken back in steps of their own."""
        try:
            yield
        except ProvisionerError as error:
            if error.late:
                self._take_back(spec, error)
            raise

    def _take_back(self, spec: GrantSpec, error: ProvisionerError) -> None:
        late, failure = error.late, ""
        for seconds in _LOOKS:
            time.sleep(seconds)
            try:
                settled, failure = self._other(spec).take_back(spec, late), ""
            except ProvisionerError as again:
                late, failure = late | again.late, str(again)
                continue
            if settled or not (error.unreachable or error.outcome_unknown):
                return
        if failure:
            # Nobody else knows of it any more: a person must look at the target.
            log.error("late_roles_left", grant=spec.grant_id, roles=sorted(late), error=failure)

    def _of(self, spec: GrantSpec) -> Provisioner | Steps:
        return self._users if _makes_a_user(spec) else self._other(spec)

    def _other(self, spec: GrantSpec) -> Steps:
        steps = self._vouched if spec.is_vouched else self._others.get(AccessKind(spec.kind))
        if steps is None:
            raise ProvisionerError(_NOT_HERE.format(spec.kind), permanent=True)
        return steps


@contextmanager
def _told_where(spec: GrantSpec) -> Iterator[None]:
    try:
        yield
    except ProvisionerError as error:
        error.args = (_MADE_ELSEWHERE.format(spec.place, error),)
        raise


def _makes_a_user(spec: GrantSpec) -> bool:
    """Under a name that we give."""
    return spec.kind == AccessKind.DATABASE_USER and not spec.is_vouched


def _diagnosed(readiness: Readiness) -> Diagnosis:
    """What is added to somebody who is there anyway is there, or was taken away again."""
    lost = [gate for gate, proof in readiness.gates.items() if proof is Proof.NOT_YET]
    shut = [Shut(Cause.ROLE_GONE, "what was added")] if GateName.ROLES in lost else []
    if not readiness.exact and not shut:
        shut.append(Shut(Cause.CHANGED))
    known = frozenset(readiness.gates) - frozenset(lost)
    return Diagnosis(known=known | {GateName.ROLES}, shut=tuple(shut), unclear="How they log in is not ours to see.")
