"""Logins that stand on the targets anyway, as the catalogue of the tests declares them."""

from __future__ import annotations

from typing import Any

from accessrequests.models import Target
from accessrequests.operations import targets
from tests import make

KINDS = ["database_user", "role_grant", "project_role"]
PROJECT_ROLES = ["GROUP_READ_ONLY", "GROUP_CLUSTER_MANAGER"]
DECLARED: dict[str, Any] = {
    "database_users": {
        "alice@admin": {"person": "alice"},
        "reporting@admin": {"service": "reporting", "owners": ["alice", "bob"]},
        "carol@admin": {"person": "carol"},
    },
    "members": {"alice": "alice@example.com", "bob": "bob@example.com"},
}
USERS = {"alice@admin": ["read@crm"], "reporting@admin": ["read@shop"], "alice@example.com": ["GROUP_READ_ONLY"]}


def declare(declared: dict[str, Any] | None = None, **offers: Any) -> Target:
    """shop-prod offers every kind, and says whose its logins are."""
    said = {"kinds": KINDS, "authentication": ["scram"], "project_roles": PROJECT_ROLES, **offers}
    make.make_targets(offers=said, declared=DECLARED if declared is None else declared)
    targets.record_inventory(
        slug="shop-prod", roles=make.ROLES, databases=make.DATABASES, clusters={}, quotas={}, users=USERS
    )
    return make.target()


def asked(**changes: Any) -> dict[str, Any]:
    """What `make.submit` takes: reading all of shop with the person's own login."""
    return {"kind": "role_grant", "database_user": "alice@admin", "roles": ("read@shop",), **changes}
