"""Objects on a target that several grants use at once: what they come to together, and when that is too much."""

from __future__ import annotations

import ipaddress
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from itertools import product
from typing import TypeVar

# A share that names no cluster or no address reaches every one of them.
EVERYWHERE = "*"
_MAPPED_BITS = 96  # ::ffff:0:0/96 holds the IPv4 addresses (RFC 4291, 2.5.5.2)
_NEVER_OVER = datetime.max.replace(tzinfo=UTC)

Role = TypeVar("Role", bound=Hashable)
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class SharedKind(StrEnum):
    """What can be shared. A turn is no object: whoever has it may do the writes that a project takes one at a time."""

    ACCESS_LIST_ENTRY = "access_list_entry"
    CUSTOM_ROLE = "custom_role"
    DATABASE_USER = "database_user"
    PROJECT_MEMBER = "project_member"
    TURN = "turn"


class InvalidAddress(ValueError):
    """The text is not an address that can be let in. The message says what to write instead."""


@dataclass(frozen=True, slots=True)
class Share:
    """What one grant was approved for on a principal. No cluster: all of them. No address: from anywhere. No end: always."""

    roles: frozenset[str]
    clusters: frozenset[str] = frozenset()
    addresses: frozenset[str] = frozenset()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, order=True)
class Excess:
    """What would work although nobody approved it."""

    role: str
    cluster: str
    address: str


def canonical_address(text: str) -> str:
    """The one spelling of an address or a network: 203.0.113.7 and ::ffff:203.0.113.7 are 203.0.113.7/32.

    :raises InvalidAddress: for anything else, every address there is included.
    """
    try:
        # What follows a percent sign names a part of the machine that wrote it (RFC 4007, 11).
        network = _unmapped(ipaddress.ip_network(text.replace("%", " "), strict=True))
    except ValueError as error:
        raise InvalidAddress("Write an address like 203.0.113.7, or a network like 203.0.113.0/24.") from error
    if not network.prefixlen:
        raise InvalidAddress("That is every address there is. Name the one that you work from.")
    return str(network)


def combined(baseline: Iterable[Role], wants: Iterable[Iterable[Role]]) -> frozenset[Role]:
    """What an object must hold: what it had before us, and what each use of it needs."""
    return frozenset(baseline).union(*wants)


def surplus(*, baseline: Iterable[Role], wants: Iterable[Iterable[Role]], ended: Iterable[Role]) -> frozenset[Role]:
    """What the end of a use takes away: only what was added for it, and what nothing else needs."""
    return frozenset(ended) - combined(baseline, wants)


def latest_end(ends: Iterable[datetime | None]) -> datetime | None:
    """Until when an object must stay that lasts as long as any of its uses. None: one of them has no end."""
    latest = max((end or _NEVER_OVER for end in ends), default=None)
    if latest is None:
        raise ValueError("Nothing uses it, so it has no end to speak of.")
    return None if latest is _NEVER_OVER else latest


def exceeds(shares: Sequence[Share], *, standing: Share | None = None) -> tuple[Excess, ...]:
    """What the shares of one principal come to beyond what was approved for any one of them; empty is well.

    A principal's roles, clusters and addresses multiply, and it lives until the latest end of all. On a principal that
    stands anyway, nothing but roles is added: they work wherever it works, and each is taken at its own end.
    """
    allowed = [*shares, standing] if standing is not None else shares
    roles = combined((), (share.roles for share in shares))
    where = [standing] if standing is not None else shares
    until = latest_end(share.until for share in shares) if shares and standing is None else None
    return tuple(
        Excess(role, cluster, address)
        for role, cluster, address in product(
            sorted(roles), _reach(share.clusters for share in where), _reach(share.addresses for share in where)
        )
        if not any(
            _covers(share, role=role, cluster=cluster, address=address)
            and (standing is not None or _lasts(share, until=until))
            for share in allowed
        )
    )


def overlap(one: Share, other: Share) -> tuple[Excess, ...]:
    """What two shares of one principal come to beyond both, while both live; each is taken at its own end.

    That no two of several exceed is enough for any number of them: of a role, a cluster and an address that come
    together, two belong to one share, and with it already the share of the third must allow all three.
    """
    return exceeds([replace(one, until=None), replace(other, until=None)])


def _unmapped(network: _Network) -> _Network:
    """An IPv4 address that is written as an IPv6 one is the same address."""
    mapped = getattr(network.network_address, "ipv4_mapped", None)
    if mapped is None or network.prefixlen < _MAPPED_BITS:
        return network
    return ipaddress.ip_network(f"{mapped}/{network.prefixlen - _MAPPED_BITS}")


def _reach(named: Iterable[frozenset[str]]) -> list[str]:
    """Every place that any of them names; one that names none reaches all, and the others add nothing."""
    each = list(named)
    return sorted(frozenset().union(*each)) if all(each) else [EVERYWHERE]


def _covers(share: Share, *, role: str, cluster: str, address: str) -> bool:
    in_cluster = not share.clusters or cluster in share.clusters
    from_address = not share.addresses or any(_includes(wide, address) for wide in share.addresses)
    return role in share.roles and in_cluster and from_address


def _includes(wide: str, narrow: str) -> bool:
    if narrow == EVERYWHERE:
        return False
    one, other = ipaddress.ip_network(wide), ipaddress.ip_network(narrow)
    return one.supernet_of(other) if one.version == other.version else False  # type: ignore[arg-type]


def _lasts(share: Share, *, until: datetime | None) -> bool:
    return share.until is None or (until is not None and share.until >= until)
