"""The parts of the form that only some targets have: clusters, the way to sign in, and where one comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import get_adapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accessrequests.domain.conditions import Conditions
from accessrequests.domain.gates import who_ends
from accessrequests.domain.kinds import KINDS, named_method
from accessrequests.domain.networks import read_network, write_network
from accessrequests.models import Inventory, Target

FROM_ANYWHERE = "Addresses or blocks of them, like 192.0.2.7 or 192.0.2.0/24. Empty: from anywhere."


@dataclass(frozen=True, slots=True)
class Choice:
    """One cluster to tick, or one way to sign in."""

    id: str
    value: str
    title: str
    hint: str
    is_ticked: bool


def observed_address(request: HttpRequest) -> str:
    """Where the request came from, as the login limits count it: the proxy's word where one is trusted; or nothing."""
    try:
        network = read_network(get_adapter(request).get_client_ip(request))
    except PermissionDenied:
        return ""
    return write_network(network) if network is not None else ""


def needs_address(target: Target | None) -> bool:
    return target is not None and KINDS[target.kind].needs_address


def clusters_of(target: Target | None, inventory: Inventory | None) -> Mapping[str, Any]:
    if target is None or inventory is None or not KINDS[target.kind].has_clusters:
        return {}
    return dict(sorted(inventory.clusters.items()))


def fill_in(
    initial: dict[str, Any], *, target: Target | None, clusters: Mapping[str, Any], observed: str
) -> dict[str, Any]:
    """What goes without saying on this target."""
    there = [name for name in initial.get("clusters", ()) if name in clusters]
    initial["clusters"] = there or (list(clusters) if len(clusters) == 1 else [])
    if needs_address(target) and not str(initial.get("source_addresses", "")).strip():
        initial["source_addresses"] = observed
    return initial


def cluster_choices(clusters: Mapping[str, Any], ticked: Sequence[str]) -> list[Choice]:
    paused = "It is paused: nobody can connect until it is resumed."
    return [
        Choice(f"id_clusters_{number}", name, name, paused if found.get("paused") else "", name in ticked)
        for number, (name, found) in enumerate(clusters.items())
    ]


def offered_methods(target: Target | None) -> list[str]:
    return list(target.offers.get("authentication", [])) if target is not None else []


def fitting_methods(target: Target | None, conditions: Conditions | None) -> list[str]:
    """The ways to sign in that the target offers and the policy allows; what the target offers, where it allows none."""
    offered = offered_methods(target)
    return [one for one in offered if conditions is None or one in conditions.authentication] or offered


def method_choices(target: Target, methods: Sequence[str], chosen: str) -> list[Choice]:
    """Nothing to choose where there is one way only."""
    if len(methods) == 1:
        return []
    return [
        Choice(
            f"id_authentication_{number}",
            method,
            f"With {named_method(method)}",
            who_ends(kind=target.kind, target=target.slug, authentication=method),
            method == chosen,
        )
        for number, method in enumerate(methods)
    ]


def addresses_hint(target: Target | None, conditions: Conditions | None, observed: str) -> str:
    """What the addresses are for on this target, where one is seen to come from, and how wide a block may be."""
    if target is None or not needs_address(target):
        said = [FROM_ANYWHERE]
    else:
        said = [f"{target.slug} lets nobody in from elsewhere."]
        if observed:
            said.append(f"This page sees you at {observed}, and at no other address.")
    widest = conditions.widest if conditions is not None else {}
    said += [f"IPv{version}: /{prefix} at the widest." for version, prefix in widest.items()]
    return " ".join(said)
