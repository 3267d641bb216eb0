"""Targets, the roles that they really have, and policies, as people read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet

from accessrequests.domain import privileges
from accessrequests.models import PolicyVersion, Target
from accessrequests.queries.asks import NotReadYet


@dataclass(frozen=True, slots=True)
class Role:
    """A role of a target in words."""

    role: str
    level: str
    reach: str
    what_this_lets_you_do: list[str]


def every_target() -> QuerySet[Target]:
    return Target.objects.select_related("inventory")


def targets() -> QuerySet[Target]:
    """Those on which something can be asked for."""
    return every_target().filter(retired_at=None)


def preset(slug: str, name: str) -> Mapping[str, Any] | None:
    """An ask that people often need on a target, by the name that its catalogue entry gives it."""
    target = targets().filter(slug=slug).first()
    found = (one for one in target.presets if one["name"] == name) if target else iter(())
    return next(found, None)


def roles_of(target: Target) -> Sequence[Role]:
    """:raises NotReadYet: before a worker has read them."""
    inventory = getattr(target, "inventory", None)
    if inventory is None:
        raise NotReadYet(f"What {target.slug} has to offer has not been read yet. Try again in a minute.")
    return [_role(name, privileges.from_json(stored)) for name, stored in sorted(inventory.roles.items(), key=_place)]


def _place(item: tuple[str, object]) -> tuple[str, str]:
    """By database, then by name."""
    role, _, database = item[0].partition("@")
    return (database, role)


def _role(name: str, held: Sequence[privileges.Privilege]) -> Role:
    reading = privileges.read(held)
    return Role(name, reading.level.value, reading.reach, privileges.what_this_lets_you_do(held))


def policies() -> QuerySet[PolicyVersion]:
    return PolicyVersion.objects.select_related("published_by")


def current_version() -> int:
    """The number of the policy that new asks are judged by; 0 before the first."""
    newest = PolicyVersion.objects.order_by("-version").values_list("version", flat=True).first()
    return newest or 0
