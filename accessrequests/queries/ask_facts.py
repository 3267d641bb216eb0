"""An ask as a policy looks at it: what it is for, and how it would be used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from accessrequests.domain import privileges
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.matching import EVERY_DATABASE, Ask, databases_of
from accessrequests.domain.networks import Network, read_network
from accessrequests.domain.plain_text import visible_length
from accessrequests.domain.privileges import Level, Privilege
from accessrequests.models import AccessRequest, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import principals


def ask_of(access_request: AccessRequest, *, person: str, groups: frozenset[str], as_filed: bool = False) -> Ask:
    """A filed request. What its requester wrote is judged only `as_filed`, and so is the length that was asked for."""
    shortened = None if as_filed else access_request.approved_duration
    return Ask(
        target=access_request.target.slug,
        environment=access_request.target.environment,
        level=Level(access_request.level),
        groups=groups,
        duration=shortened or access_request.duration,
        reason_length=visible_length(access_request.reason) if as_filed else None,
        person=person,
        **use_of(access_request),
        **what_for(access_request.kind, _stored(access_request)),
        ticket=access_request.ticket if as_filed else None,
    )


def what_for(kind: str, expanded: Mapping[str, Sequence[Privilege]]) -> dict[str, Any]:
    """What it is for. A role of a project reaches what is in it, whatever databases those are."""
    held = (privilege for privileges_held in expanded.values() for privilege in privileges_held)
    touched = EVERY_DATABASE if kind == AccessKind.PROJECT_ROLE else databases_of(held)
    return {"kind": kind, "databases": touched, "roles": frozenset(expanded)}


def _stored(access_request: AccessRequest) -> dict[str, tuple[Privilege, ...]]:
    """What its roles came to when it was filed."""
    return {name: privileges.from_json(held) for name, held in access_request.privileges.items()}


def use(
    target: Target, kind: str, authentication: str, clusters: Sequence[str], networks: tuple[Network, ...]
) -> dict[str, Any]:
    """How it would be used, as a policy looks at it. Roles for a login that stands anyway open no new way in."""
    is_unscoped = KINDS[target.kind].has_clusters and not clusters and kind != AccessKind.PROJECT_ROLE
    if not principals.makes_a_user(kind):
        return {"authentication": None, "is_unscoped": is_unscoped, "networks": None}
    return {"authentication": authentication, "is_unscoped": is_unscoped, "networks": networks}


def use_of(access_request: AccessRequest) -> dict[str, Any]:
    """The same of a filed request, whose addresses were read when it was filed."""
    found = map(read_network, access_request.source_addresses)
    networks = tuple(network for network in found if network is not None)
    target, kind = access_request.target, access_request.kind
    return use(target, kind, access_request.authentication, access_request.clusters, networks)
