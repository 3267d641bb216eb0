"""Whether a target that limits what it holds has room for one more, with a reserve that is kept for break-glass."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from accessrequests.domain import custom_roles
from accessrequests.domain.custom_roles import ChangeKind
from accessrequests.domain.lifecycle import ChangeState, GrantState
from accessrequests.domain.role_definitions import ADMIN
from accessrequests.models import CustomRoleChange, Grant, Inventory, Target
from accessrequests.models.access_requests import AccessKind

USERS, ROLES, ENTRIES = "database_users", "custom_roles", "access_list"
NAMES: Mapping[str, str] = {USERS: "database users", ROLES: "custom roles", ENTRIES: "entries in its access list"}
RESERVED_PART = 20  # one in so many, and at least one
# How long the reading of an inventory may have taken before it was stored: what is younger it need not have seen.
READING = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Quota:
    """How much of one thing a target holds. `promised` is approved, and was not there when the target was read."""

    name: str
    limit: int
    used: int
    promised: int

    @property
    def reserve(self) -> int:
        return max(1, -(-self.limit // RESERVED_PART))

    @property
    def taken(self) -> int:
        return self.used + self.promised

    @property
    def free(self) -> int:
        """What ordinary access may still take."""
        return max(0, self.limit - self.reserve - self.taken)

    @property
    def left(self) -> int:
        """What a break-glass may still take: there, and the reserve."""
        return max(0, self.limit - self.taken)


@dataclass(frozen=True, slots=True)
class Promises:
    """What lives on a target: addresses and roles that its inventory knows of, and what it may not have seen yet.

    A role is its content here: accesses that need the same share one.
    """

    users: int
    addresses: frozenset[str]
    seen_addresses: frozenset[str]
    roles: frozenset[str]
    seen_roles: frozenset[str]


def quotas_of(target: Target) -> list[Quota]:
    """What the target limits, as it was read, with what has been approved since."""
    inventory: Inventory | None = getattr(target, "inventory", None)
    return [] if inventory is None or not inventory.quotas else _quotas(inventory, _promises(target, inventory.read_at))


def why_none(
    target: Target,
    *,
    kind: str,
    addresses: Collection[str],
    roles: Mapping[str, Any],
    principal: str = "",
    may_use_reserve: bool = False,
) -> str:
    """Why there is no room for one more access of this kind from these addresses; empty when there is.

    `roles` with their privileges, as a request keeps them; `principal` is who gets them, where no user is made.
    """
    inventory = target.inventory
    if not inventory.quotas:
        return ""
    promises = _promises(target, inventory.read_at)
    wanted = {
        USERS: int(kind == AccessKind.DATABASE_USER),
        ENTRIES: len(set(addresses) - promises.addresses - promises.seen_addresses),
        ROLES: len(custom_roles.contents(roles) - promises.roles - promises.seen_roles),
    }
    for quota in _quotas(inventory, promises):
        if wanted.get(quota.name, 0) > (quota.left if may_use_reserve else quota.free):
            return _sentence(target, quota)
    return _too_many_roles(target, principal, roles)


def why_no_role(target: Target) -> str:
    """Why there is no room for one more custom role; empty when there is."""
    for quota in quotas_of(target):
        if quota.name == ROLES and not quota.free:
            return _sentence(target, quota)
    return ""


def _too_many_roles(target: Target, principal: str, roles: Mapping[str, Any]) -> str:
    """Atlas takes only so many custom roles for one user: those that stand there, and all that is added at once."""
    custom = {f"{name}@{ADMIN}" for name in target.inventory.custom_roles if not name.startswith(custom_roles.OURS)}
    named, made = custom.intersection(roles), set(custom_roles.contents(roles))
    if principal:
        named |= custom.intersection(target.inventory.users.get(principal, ()))
        alive = Grant.objects.filter(target=target, access_request__principal=principal)
        for held in alive.exclude(state=GrantState.REVOKED.value).values_list("access_request__privileges", flat=True):
            named |= custom.intersection(held)
            made |= custom_roles.contents(held)
    if len(named) + len(made) <= custom_roles.MOST_OF_ONE_USER:
        return ""
    who = principal or "the user"
    return (
        f"Atlas takes {custom_roles.MOST_OF_ONE_USER} custom roles for one user, and {who} would have "
        f"{len(named) + len(made)}. Ask for fewer at a time, or for one role that has them all in it."
    )


def _sentence(target: Target, quota: Quota) -> str:
    promised = f" and {quota.promised} more promised" if quota.promised else ""
    return (
        f"{target.slug} is full: of {quota.limit} {NAMES[quota.name]} {quota.used} are taken{promised}, and "
        f"{quota.reserve} {'is' if quota.reserve == 1 else 'are'} kept free for emergencies. Give back access that is not needed any more, or ask again "
        "when some has ended."
    )


def _quotas(inventory: Inventory, promises: Promises) -> list[Quota]:
    promised = {USERS: promises.users, ENTRIES: len(promises.addresses), ROLES: len(promises.roles)}
    return [
        Quota(name, inventory.quotas[name]["limit"], inventory.quotas[name]["used"], promised[name])
        for name in NAMES
        if name in inventory.quotas
    ]


def _promises(target: Target, read_at: datetime) -> Promises:
    """Counted from our own rows. What was never tried on the target and ends already will not come there."""
    alive = Grant.objects.filter(target=target).exclude(state=GrantState.REVOKED.value)
    coming = alive.exclude(Q(state=GrantState.REVOKING.value, provisioning_attempt=0))
    rows = coming.order_by().values_list(
        "access_request__kind",
        "access_request__source_addresses",
        "access_request__privileges",
        "opened_at",
        "activated_at",
    )
    seen_addresses, addresses = set[str](), set[str]()
    seen_roles, roles = set[str](), set[str]()
    users = 0
    for kind, sources, privileges, opened_at, activated_at in rows:
        was_seen = _was_seen([opened_at, activated_at], read_at)
        (seen_addresses if was_seen else addresses).update(sources)
        (seen_roles if was_seen else roles).update(custom_roles.contents(privileges))
        users += kind == AccessKind.DATABASE_USER and not was_seen
    return Promises(
        users=users,
        addresses=frozenset(addresses - seen_addresses),
        seen_addresses=frozenset(seen_addresses),
        roles=frozenset(roles - seen_roles) | _created(target, read_at),
        seen_roles=frozenset(seen_roles),
    )


def _created(target: Target, read_at: datetime) -> frozenset[str]:
    """Roles that people had approved to be made, and that may not have been there yet."""
    creates = CustomRoleChange.objects.filter(target=target, kind=ChangeKind.CREATE.value)
    approved = Q(state=ChangeState.APPROVED.value)
    young = Q(state=ChangeState.APPLIED.value, finished_at__gt=read_at - READING)
    return frozenset(creates.filter(approved | young).order_by().values_list("role", flat=True))


def _was_seen(moments: Sequence[datetime | None], read_at: datetime) -> bool:
    return any(at is not None and at <= read_at - READING for at in moments)
