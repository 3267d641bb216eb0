"""Addresses that one connects from: read strictly, kept as a server sees them, and never everybody's."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

IPV4, IPV6 = 4, 6
MAPPED_PREFIX = 96  # RFC 4291, 2.5.5.2: ::ffff:0:0/96


def covers(wide: Network, narrow: Network) -> bool:
    """Whether every address of the second is one of the first."""
    return wide.version == narrow.version and narrow.subnet_of(wide)  # type: ignore[arg-type]


def read_network(text: str) -> Network | None:
    """The block that the text names. An IPv4 address in IPv6 dress is the IPv4 address that a server sees."""
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError:
        return None
    first = network.network_address
    if isinstance(first, ipaddress.IPv6Address):
        if first.scope_id is not None:
            return None
        if first.ipv4_mapped is not None and network.prefixlen >= MAPPED_PREFIX:
            return read_network(f"{first.ipv4_mapped}/{network.prefixlen - MAPPED_PREFIX}")
    is_nobodys = first.is_multicast or (first.is_unspecified and network.prefixlen == network.max_prefixlen)
    return None if is_nobodys else network


def write_network(network: Network) -> str:
    """An address alone without its prefix, a block with it."""
    return str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)


def are_everybody(networks: Sequence[Network]) -> bool:
    """Whether they leave out less than a quarter of all addresses of a version: two halves are everything too."""
    fours = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
    sixes = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    return (
        sum(one.num_addresses for one in fours) * 4 > 2**32 * 3
        or sum(one.num_addresses for one in sixes) * 4 > 2**128 * 3
    )
