"""What a rule says about how an access may be used: signing in, clusters, addresses. Together rules only tighten."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from accessrequests.domain import forms
from accessrequests.domain.kinds import METHODS, SCRAM, named_method
from accessrequests.domain.networks import IPV4, IPV6, Network, write_network
from accessrequests.domain.tables import Key, Reader, Table

LONGEST_PREFIX: Mapping[int, int] = {IPV4: 32, IPV6: 128}
# What a rule that does not speak of widths allows: the size of one organisation's own network, and no more.
USUAL_WIDEST: Mapping[int, int] = {IPV4: 16, IPV6: 48}

_METHODS = forms.some_of(METHODS, f"a list with at least one of {', '.join(METHODS)}", least=1)
TABLE: Table = {
    "authentication": Key(_METHODS, "How one may sign in.", frozenset({SCRAM})),
    "unscoped": Key(forms.FLAG, "Whether an ask may leave the clusters of its target out.", False),
    "widest_ipv4": Key(
        forms.number(1, LONGEST_PREFIX[IPV4], "a prefix length"), "The shortest prefix of an IPv4 block."
    ),
    "widest_ipv6": Key(
        forms.number(1, LONGEST_PREFIX[IPV6], "a prefix length"), "The shortest prefix of an IPv6 block."
    ),
}

# A sentence, and which part of the ask it is about.
Objection = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Conditions:
    """`unscoped` lets an access reach every cluster of its target, `widest_…` is the shortest prefix of a block.

    A width that is None was not spoken of: the usual one counts, and the addresses need not be named.
    """

    authentication: frozenset[str] = frozenset({SCRAM})
    unscoped: bool = False
    widest_ipv4: int | None = None
    widest_ipv6: int | None = None

    @property
    def widest(self) -> Mapping[int, int]:
        """The shortest prefix of a block that is allowed, of each version."""
        said = {IPV4: self.widest_ipv4, IPV6: self.widest_ipv6}
        return {version: USUAL_WIDEST[version] if prefix is None else prefix for version, prefix in said.items()}

    @property
    def wants_addresses(self) -> bool:
        """Whether widths are spoken of at all: then an access from anywhere is too wide."""
        return self.widest_ipv4 is not None or self.widest_ipv6 is not None

    def objections(
        self, who: str, *, authentication: str | None, is_unscoped: bool, networks: Sequence[Network] | None
    ) -> Iterator[Objection]:
        """What stands against such a use; of what is None, nothing is said."""
        if authentication is not None and authentication not in self.authentication:
            allowed = _either(self.authentication) or "nothing at all"
            sentence = f"{who} allows signing in with {allowed}, not with {named_method(authentication)}."
            yield f"{sentence} Choose another way to sign in.", "authentication"
        if is_unscoped and not self.unscoped:
            yield f"{who} wants the clusters named. Choose those that you need.", "clusters"
        if networks is None:
            return
        if not networks and self.wants_addresses:
            yield f"{who} wants to know from which addresses. Name those that you connect from.", "source_addresses"
        for network in networks:
            widest = self.widest[network.version]
            if network.prefixlen < widest:
                sentence = f"{who} allows blocks of /{widest} at the widest, and {write_network(network)} is wider."
                yield f"{sentence} Name fewer addresses.", "source_addresses"

    def sentences(self) -> list[str]:
        """How wide a block may be, and what else is other than usual, for people."""
        said = []
        if self.authentication != {SCRAM}:
            said.append(f"One may sign in with {_either(self.authentication) or 'nothing at all'}.")
        if self.unscoped:
            said.append("Where a target has clusters, it may be for all of them.")
        widths = " or ".join(f"/{prefix} (IPv{version})" for version, prefix in self.widest.items())
        return [*said, f"A block of addresses may be {widths} at the widest."]


def combined(all_of_them: Iterable[Conditions]) -> Conditions:
    """The strictest of each; of none at all, the strictest that there is."""
    parts = list(all_of_them)
    if not parts:
        return Conditions()
    return Conditions(
        authentication=frozenset.intersection(*(part.authentication for part in parts)),
        unscoped=all(part.unscoped for part in parts),
        widest_ipv4=_narrowest(IPV4, [part.widest_ipv4 for part in parts]),
        widest_ipv6=_narrowest(IPV6, [part.widest_ipv6 for part in parts]),
    )


def read(rule: Reader) -> Conditions:
    """From a rule of a policy's document; all of it may be left out."""
    return Conditions(**{name: rule[name] for name in TABLE})


def to_json(conditions: Conditions) -> dict[str, Any]:
    return {
        "authentication": sorted(conditions.authentication),
        "unscoped": conditions.unscoped,
        "widest_ipv4": conditions.widest_ipv4,
        "widest_ipv6": conditions.widest_ipv6,
    }


def from_json(values: Mapping[str, Any]) -> Conditions:
    """What `to_json` wrote. A verdict of before there were conditions had the usual ones."""
    return Conditions(
        authentication=frozenset(values.get("authentication", [SCRAM])),
        unscoped=values.get("unscoped", False),
        widest_ipv4=values.get("widest_ipv4"),
        widest_ipv6=values.get("widest_ipv6"),
    )


def _either(methods: Iterable[str]) -> str:
    return " or ".join(named_method(method) for method in sorted(methods, key=METHODS.index))


def _narrowest(version: int, prefixes: Sequence[int | None]) -> int | None:
    """The longest of them, where who says nothing says the usual; nothing where nobody speaks of it."""
    if all(prefix is None for prefix in prefixes):
        return None
    return max(USUAL_WIDEST[version] if prefix is None else prefix for prefix in prefixes)
