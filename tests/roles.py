"""A project of Atlas with custom roles, and changes of them, as tests need them."""

from __future__ import annotations

from typing import Any

from accessrequests.domain.custom_roles import ChangeKind
from accessrequests.domain.events import Via
from accessrequests.domain.privileges import to_json
from accessrequests.domain.role_definitions import Definition, expand_all, read
from accessrequests.models import CustomRoleChange, Person, Target
from accessrequests.operations import custom_roles, targets
from accessrequests.queries.custom_roles import Proposed
from tests import make
from workers.provisioners.atlas.roles import built_in

SLUG = "ecommerce-prod"
ROLES: dict[str, Definition] = {
    "reporting": read(["find,listIndexes@shop.orders"], []),
    "support": read(["find@shop.customers"], ["reporting@admin"]),
    "alias": read([], ["reporting@admin"]),
    "access-0123456789abcdef0123": read(["find@shop.products"], []),
}
USERS = {
    "reports@admin": ["reporting@admin", "read@shop"],
    "desk@admin": ["support@admin"],
    "alice@admin": ["support@admin", "dbAdmin@shop"],
}


def project(
    *, roles: dict[str, Definition] | None = None, users: dict[str, list[str]] | None = None, **quotas: dict[str, int]
) -> Target:
    """A production project as a worker would have read it. alice@admin is alice's."""
    target = make.apply_atlas(SLUG)
    target.declared = {"database_users": {"alice@admin": {"person": "alice"}}, "members": {}}
    target.save()
    definitions = ROLES if roles is None else roles
    known = expand_all(definitions, built_in(["shop"]))
    targets.record_inventory(
        slug=SLUG,
        roles={name: to_json(held) for name, held in known.items()},
        databases=make.DATABASES,
        clusters=make.ATLAS_CLUSTERS,
        quotas={**make.ATLAS_QUOTAS, **quotas},
        users=USERS if users is None else users,
        custom_roles={name: role.to_json() for name, role in definitions.items()},
    )
    return target


def proposed(kind: str = "edit", role: str = "reporting", **changes: Any) -> Proposed:
    fields: dict[str, Any] = {
        "target": SLUG,
        "kind": ChangeKind(kind),
        "role": role,
        "reason": "Reports need the products, too.",
        "privileges": () if kind == "delete" else ("find,listIndexes@shop.orders", "find@shop.products"),
    }
    return Proposed(**{**fields, **changes})


def propose(proposer: Person, *args: str, **changes: Any) -> CustomRoleChange:
    return custom_roles.propose(proposer=proposer, proposed=proposed(*args, **changes), via=Via.API)


def approve(change: CustomRoleChange, approver: Person) -> CustomRoleChange:
    return custom_roles.approve(change_id=change.pk, approver=approver, via=Via.API, revision=change.revision)


def rule(name: str, **changes: Any) -> dict[str, Any]:
    """A rule for custom roles: production, anything, one data-owner."""
    fields: dict[str, Any] = {
        "name": name,
        "match": {"environments": ["production"]},
        "eligible": ["engineering"],
        "approvals": [{"group": "data-owners", "people": 1}],
    }
    return {**fields, **changes}


def publish(*rules: dict[str, Any]) -> None:
    make.publish({"name": "another", "rules": [make.rule("any")], "custom_roles": list(rules)})
