"""The two machines: which states a request and a grant may take, and in what order."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar


class AccessRequestState(StrEnum):
    """Where one person's ask stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


class GrantState(StrEnum):
    """Where the access that came of an approved request stands."""

    PENDING = "pending"
    ACTIVE = "active"
    REVOKING = "revoking"
    REVOKED = "revoked"


class GateState(StrEnum):
    """One of the things that must be open before a person can work: network, user, roles."""

    CLOSED = "closed"
    OPEN = "open"
    CUT = "cut"
    CLEAN = "clean"


class GateName(StrEnum):
    """The gates of the data plane, in the order in which they open."""

    NETWORK = "network"
    USER = "user"
    ROLES = "roles"


class EndReason(StrEnum):
    """Why a grant ends. Expiry is one reason among others, not a second path."""

    EXPIRY = "expiry"
    RELEASED = "released"
    REVOKED = "revoked"
    PROVISIONING_FAILED = "provisioning_failed"
    DRIFT = "drift"
    PERSON_DISABLED = "person_disabled"
    ELIGIBILITY_LOST = "eligibility_lost"
    TARGET_RETIRED = "target_retired"


class ExtensionState(StrEnum):
    """Where a later end stands that was approved. Until the target has it, the old end holds."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


class CredentialState(StrEnum):
    """What became of a grant's one-time password."""

    NONE = "none"
    READY = "ready"
    REVEALED = "revealed"
    ERASED = "erased"


class ChangeState(StrEnum):
    """Where a change of a custom role stands."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    APPLIED = "applied"
    FAILED = "failed"


REQUEST_MOVES: Mapping[AccessRequestState, frozenset[AccessRequestState]] = {
    AccessRequestState.PENDING: frozenset(
        {
            AccessRequestState.APPROVED,
            AccessRequestState.DENIED,
            AccessRequestState.CANCELLED,
            AccessRequestState.EXPIRED,
        }
    ),
    AccessRequestState.APPROVED: frozenset(),
    AccessRequestState.DENIED: frozenset(),
    AccessRequestState.CANCELLED: frozenset(),
    AccessRequestState.EXPIRED: frozenset(),
}

GRANT_MOVES: Mapping[GrantState, frozenset[GrantState]] = {
    GrantState.PENDING: frozenset({GrantState.ACTIVE, GrantState.REVOKING}),
    GrantState.ACTIVE: frozenset({GrantState.REVOKING}),
    GrantState.REVOKING: frozenset({GrantState.REVOKED}),
    GrantState.REVOKED: frozenset(),
}

GATE_MOVES: Mapping[GateState, frozenset[GateState]] = {
    GateState.CLOSED: frozenset({GateState.OPEN, GateState.CUT}),
    GateState.OPEN: frozenset({GateState.CUT}),
    GateState.CUT: frozenset({GateState.CLEAN}),
    GateState.CLEAN: frozenset(),
}

CHANGE_MOVES: Mapping[ChangeState, frozenset[ChangeState]] = {
    ChangeState.PENDING: frozenset(
        {ChangeState.APPROVED, ChangeState.DENIED, ChangeState.CANCELLED, ChangeState.EXPIRED}
    ),
    ChangeState.APPROVED: frozenset({ChangeState.APPLIED, ChangeState.FAILED}),
    ChangeState.DENIED: frozenset(),
    ChangeState.CANCELLED: frozenset(),
    ChangeState.EXPIRED: frozenset(),
    ChangeState.APPLIED: frozenset(),
    ChangeState.FAILED: frozenset(),
}
State = TypeVar("State", AccessRequestState, GrantState, GateState, ChangeState)


class UnknownMove(Exception):
    """The machine has no such move. The operation that asked turns it into a sentence for a person."""


def check_move(moves: Mapping[State, frozenset[State]], current: State, wanted: State) -> None:
    """:raises UnknownMove: when the machine does not lead from `current` to `wanted` in one step."""
    if wanted not in moves[current]:
        raise UnknownMove(f"{current} does not lead to {wanted}.")
