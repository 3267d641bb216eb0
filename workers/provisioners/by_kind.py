"""One provisioner for all that can be granted on a target: temporary users, and roles for those who are there already."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from accessrequests.domain.diagnosis import Cause, Diagnosis, Shut
from accessrequests.domain.lifecycle import GateName
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
)

_NOT_HERE = "This kind of target gives no access of the kind {}."
_NOTHING_TO_ROTATE = "Nothing was made that could have a password of ours."


class Steps(Protocol):
    """The steps of a kind of access that makes no user. Each promises what `Provisioner` says of it."""

    def prepare(self, spec: GrantSpec) -> None: ...

    def open(self, spec: GrantSpec) -> None: ...

    def readiness(self, spec: GrantSpec) -> Readiness: ...

    def cut(self, spec: GrantSpec) -> Evidence: ...

    def clean(self, spec: GrantSpec) -> Evidence: ...


class ByKind:
    """See `Provisioner` for what each step promises; here each goes to the kind of its grant."""

    def __init__(self, users: Provisioner, others: Mapping[AccessKind, Steps]) -> None:
        self.capabilities = users.capabilities
        self._users = users
        self._others = others

    def prepare(self, spec: GrantSpec) -> None:
        self._of(spec).prepare(spec)

    def open(self, spec: GrantSpec) -> None:
        self._of(spec).open(spec)

    def rearm(self, spec: GrantSpec) -> None:
        """No target keeps an end of its own for a role."""
        if _makes_a_user(spec):
            self._users.rearm(spec)

    def readiness(self, spec: GrantSpec) -> Readiness:
        return self._of(spec).readiness(spec)

    def diagnose(self, spec: GrantSpec) -> Diagnosis:
        return self._users.diagnose(spec) if _makes_a_user(spec) else _diagnosed(self._other(spec).readiness(spec))

    def certificate(self, spec: GrantSpec) -> str:
        return self._users.certificate(spec)

    def logins(self, spec: GrantSpec, *, since: datetime, until: datetime) -> Sequence[Login]:
        return self._users.logins(spec, since=since, until=until)

    def rotate(self, spec: GrantSpec) -> None:
        if not _makes_a_user(spec):
            raise ProvisionerError(_NOTHING_TO_ROTATE, permanent=True)
        self._users.rotate(spec)

    def cut(self, specs: Sequence[GrantSpec]) -> list[Evidence]:
        users = [spec for spec in specs if _makes_a_user(spec)]
        cut = iter(self._users.cut(users) if users else ())
        return [next(cut) if _makes_a_user(spec) else self._other(spec).cut(spec) for spec in specs]

    def clean(self, spec: GrantSpec) -> Evidence:
        return self._of(spec).clean(spec)

    def list_ours(self) -> Iterable[Owned]:
        return self._users.list_ours()

    def check(self) -> Health:
        return self._users.check()

    def read_inventory(self) -> InventorySnapshot:
        return self._users.read_inventory()

    def close(self) -> None:
        self._users.close()

    def _of(self, spec: GrantSpec) -> Provisioner | Steps:
        return self._users if _makes_a_user(spec) else self._other(spec)

    def _other(self, spec: GrantSpec) -> Steps:
        steps = self._others.get(AccessKind(spec.kind))
        if steps is None:
            raise ProvisionerError(_NOT_HERE.format(spec.kind), permanent=True)
        return steps


def _makes_a_user(spec: GrantSpec) -> bool:
    return spec.kind == AccessKind.DATABASE_USER


def _diagnosed(readiness: Readiness) -> Diagnosis:
    """What is added to somebody who is there anyway is there, or was taken away again."""
    lost = [gate for gate, proof in readiness.gates.items() if proof is Proof.NOT_YET]
    shut = [Shut(Cause.ROLE_GONE, "what was added")] if GateName.ROLES in lost else []
    if not readiness.exact and not shut:
        shut.append(Shut(Cause.CHANGED))
    known = frozenset(readiness.gates) - frozenset(lost)
    return Diagnosis(known=known | {GateName.ROLES}, shut=tuple(shut), unclear="How they log in is not ours to see.")
