"""Roles that grants add to somebody who is there anyway, and that their ends take back: exactly those, from a ledger.

How it was is committed before the first call; every write is made by the one who holds the object's row. A role that
somebody else gives or takes meanwhile is theirs to answer for: we give back nothing that was taken from the baseline.

No target refuses a call for coming late. Whoever was stopped just before one, until others had ended the grant, takes
back what the call added: its failure names those roles, and `take_late` takes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from accessrequests.domain.sharing import EVERYWHERE, Share, combined, exceeds, surplus
from workers.provisioners.base import Evidence, Held, ProvisionerError

# As many parts as the target's own name of a role has.
Role = tuple[str, ...]

NOT_KEPT = "The target has not kept the roles that were added."
MAY_BE_ON_ITS_WAY = "A call may still be on its way, so we look once more."
_UNPREPARED = "Nobody knows how it was before this access. It is looked up at the next try."
_TOO_WIDE = "It works on {} too, which nobody approved: the roles of a user count wherever the user may log in."
_STILL_THERE = "{} still has {}. It is taken at the next try."


class Principal(Protocol):
    """Somebody on the target whom others made."""

    @property
    def name(self) -> str: ...

    @property
    def is_rewritten(self) -> bool:
        """Each call says all the roles, so that a late one brings back what others have taken meanwhile."""

    def roles(self) -> frozenset[Role]:
        """As the target has them now. Raises `Missing` when there is nobody of that name."""

    def add(self, roles: frozenset[Role], *, to: frozenset[Role]) -> None:
        """Add them to those that were just read. Fails when there is nobody of that name."""

    def take(self, roles: frozenset[Role], *, of: frozenset[Role]) -> None:
        """Take them from those that were just read."""


class Missing(ProvisionerError):
    """There is nobody of that name."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, permanent=True)


@dataclass(frozen=True, slots=True)
class Taken:
    """What a look showed after the end: the roles that should be gone and are not."""

    name: str
    taken: frozenset[Role]
    left: frozenset[Role]
    looked_at: datetime | None

    @property
    def facts(self) -> Mapping[str, Any]:
        return {"of": self.name, "taken": _shown(self.taken), "left": _shown(self.left)}

    @property
    def remains(self) -> tuple[str, ...]:
        return (_STILL_THERE.format(self.name, " and ".join(_shown(self.left))),) if self.left else ()


def prepare(held: Held, principal: Principal, *, grant_id: int) -> None:
    """Somebody is there, and it is committed what they had. Nothing is written for the grant yet."""
    held.fence()
    seen = principal.roles()
    if held.baseline is None:
        held.capture(_stored(seen))
    if grant_id not in held.live:
        held.attempt(grant_id=grant_id, wants=_stored(()))


def add(held: Held, principal: Principal, *, grant_id: int, roles: frozenset[Role]) -> None:
    """What they have, and what every live grant needs; read back."""
    if held.baseline is None:
        raise ProvisionerError(_UNPREPARED)
    held.fence()
    seen = principal.roles()
    held.attempt(grant_id=grant_id, wants=_stored(roles))
    missing = combined((), map(_read, held.live.values())) - seen
    if missing:
        said = _ours(held) & (missing | seen if principal.is_rewritten else missing)
        held.announce(grant_id=grant_id, says=said)
        with answered_for(said):
            principal.add(missing, to=seen)
            held.fence()
        seen = principal.roles()
    if not roles <= seen:
        raise ProvisionerError(NOT_KEPT)


def take(held: Held, principal: Principal, *, grant_id: int) -> Taken:
    """What was added and nothing else needs; read back. Whoever is gone has nothing of it."""
    if not held.end(grant_id=grant_id):
        return Taken(principal.name, frozenset(), frozenset(), None)
    ended = combined((), map(_read, held.ending.values()))
    extra = surplus(baseline=_read(held.baseline or {}), wants=map(_read, held.live.values()), ended=ended)
    return _taken_off(held, principal, extra)


def are_answered_for(held: Held, late: frozenset[Role]) -> bool:
    """Each of them was there before us, or the end of a grant that is still to come takes it."""
    return late <= _ours(held) | _read(held.baseline or {})


def take_late(held: Held, principal: Principal, *, late: frozenset[Role]) -> Taken | None:
    """What a call added after its time, and nothing needs; read back. None: all of it is answered for."""
    if are_answered_for(held, late):
        return None
    return _taken_off(held, principal, late - _ours(held) - _read(held.baseline or {}))


def is_settled(taken: Taken | None) -> bool:
    """Whether a late call has come and is undone, or somebody answers for it; otherwise it may be still to come.

    :raises ProvisionerError: when something of it is left.
    """
    if taken is not None and taken.left:
        raise ProvisionerError(" ".join(taken.remains))
    return taken is None or bool(taken.taken)


def _taken_off(held: Held, principal: Principal, extra: frozenset[Role]) -> Taken:
    held.fence()
    try:
        seen = principal.roles()
        taken = extra & seen
        if taken:
            held.fence()
            with answered_for(_ours(held) & (seen - taken) if principal.is_rewritten else frozenset()):
                principal.take(taken, of=seen)
                held.fence()
    except Missing:
        taken = frozenset()
    looked_at = held.fence()
    try:
        left = extra & principal.roles()
    except Missing:
        left = frozenset()
    return Taken(principal.name, taken, left, looked_at)


def confirm(held: Held, taken: Taken, *, grant_id: int) -> Evidence:
    """Nothing of the grant is there, by the look that `take` ended with; or what is still in the way."""
    until = None
    if not taken.left and taken.looked_at is not None:
        until = held.gone(grant_id=grant_id, looked_at=taken.looked_at)
    return Evidence(
        done=not taken.left and until is None,
        facts=taken.facts,
        remains=taken.remains,
        waiting=MAY_BE_ON_ITS_WAY if until is not None else "",
    )


def check_reach(*, approved: Iterable[str], reached: Iterable[str], roles: Iterable[Role]) -> None:
    """The places where the user works anyway must all have been approved, since the roles will work there too.

    :raises ProvisionerError: for a place that nobody approved. No place named means every one.
    """
    names = frozenset(_shown(roles))
    excess = exceeds(
        [Share(roles=names, clusters=frozenset(approved))],
        standing=Share(roles=frozenset(), clusters=frozenset(reached)),
    )
    if excess:
        clusters = sorted({one.cluster for one in excess})
        named = "every cluster" if EVERYWHERE in clusters else " and ".join(clusters)
        raise ProvisionerError(_TOO_WIDE.format(named), permanent=True)


def _ours(held: Held) -> frozenset[Role]:
    """What is there for grants alone, those included that are ending."""
    used = combined((), map(_read, [*held.live.values(), *held.ending.values()]))
    return used - _read(held.baseline or {})


@contextmanager
def answered_for(roles: frozenset[Role]) -> Iterator[None]:
    """A call that says these roles, and the look at the lease after it. When that fails, nobody may look after them."""
    try:
        yield
    except ProvisionerError as error:
        error.late = roles
        raise


def _stored(roles: Iterable[Role]) -> dict[str, Any]:
    return {"roles": sorted(map(list, roles))}


def _read(stored: Mapping[str, Any]) -> frozenset[Role]:
    return frozenset(tuple(role) for role in stored.get("roles", ()))


def _shown(roles: Iterable[Role]) -> list[str]:
    """read@shop.orders, read@shop or GROUP_READ_ONLY."""
    return sorted("@".join(filter(None, (role[0], ".".join(filter(None, role[1:]))))) for role in roles)
