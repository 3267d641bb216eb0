"""The sandbox's people, groups, targets and policy, as the files that an operator would write."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from accessrequests.domain import project_roles

# In the order in which the contract of the sandbox lists them.
NAMES: Mapping[str, str] = {
    "alice": "Alice Archer",
    "bob": "Bob Brandt",
    "carol": "Carol Castillo",
    "dave": "Dave Dunn",
    "erin": "Erin Engel",
    "frank": "Frank Fischer",
    "grace": "Grace Gupta",
    "mallory": "Mallory Moss",
}

MEMBERS: Mapping[str, tuple[str, ...]] = {
    "engineering": ("alice", "bob", "grace", "frank"),
    "data-owners": ("bob", "grace"),
    "security": ("carol",),
    "on-call": ("frank",),
    "auditors": ("dave",),
    "administrators": ("erin",),
}

ROLES: Mapping[str, str] = {"auditors": "auditor", "administrators": "administrator"}

# A service identity, and who answers for it.
SERVICE, SERVICE_OWNER = "ci-runner", "bob"

TARGETS: Mapping[str, tuple[str, str]] = {
    "shop-dev": ("Shop development", "development"),
    "shop-staging": ("Shop staging", "staging"),
    "shop-prod": ("Shop production", "production"),
}

# Projects of the Atlas stand-in, as targets of the same names.
ATLAS_TARGETS: Mapping[str, tuple[str, str]] = {
    "ecommerce-dev": ("Ecommerce development", "development"),
    "ecommerce-staging": ("Ecommerce staging", "staging"),
    "ecommerce-prod": ("Ecommerce production", "production"),
}
# Who is on call, by a file of shifts that the workers read.
SCHEDULE = "shop-primary"
# Development has Atlas make certificates, staging trusts the product's own authority: a project does one of the two.
METHODS: Mapping[str, tuple[str, ...]] = {
    "ecommerce-dev": ("scram", "x509_managed", "aws_iam", "oidc"),
    "ecommerce-staging": ("scram", "x509", "aws_iam", "oidc", "ldap"),
    "ecommerce-prod": ("scram",),
}
PROVIDER = "65d9c1b7c5f5f1f4f7a5e111"  # of identities, as Atlas calls it
# Whose the logins are that AWS, a provider of identities or a directory vouches for. The first stands there anyway.
PRINCIPALS: Mapping[str, Mapping[str, Any]] = {
    "arn:aws:iam::123456789012:role/nightly-export": {
        "method": "aws_iam",
        "service": "nightly-export",
        "owners": ["alice", "bob"],
    },
    "arn:aws:iam::123456789012:user/alice": {"method": "aws_iam", "person": "alice"},
    f"{PROVIDER}/analysts": {"method": "oidc", "group": "Analysts", "members": ["alice", "frank"]},
    f"{PROVIDER}/order-import": {"method": "oidc", "service": "order-import", "owners": ["alice"]},
    "uid=alice,ou=people,dc=example,dc=com": {"method": "ldap", "person": "alice"},
    "cn=support,ou=groups,dc=example,dc=com": {"method": "ldap", "group": "Support", "members": ["alice", "grace"]},
}
# What the production server's kit for the day without the product may do, and who may hold a half of it.
OFFLINE_KIT: Mapping[str, list[str]] = {"roles": ["readWrite@shop"], "holders": ["frank", "erin"]}
# What people often ask for.
PRESETS: Mapping[str, tuple[Mapping[str, Any], ...]] = {
    "shop-prod": (
        {
            "name": "Look into an order",
            "roles": ["read@shop.orders"],
            "duration": "PT1H",
            "reason_hint": "Which order is it about, and what is wrong with it?",
        },
        {
            "name": "Correct a customer's data",
            "roles": ["find,update@shop.customers"],
            "duration": "PT30M",
            "reason_hint": "Whose data is wrong, and who told you?",
        },
    ),
    "ecommerce-prod": (
        {
            "name": "Read orders where they are written",
            "roles": ["read@shop.orders"],
            "clusters": ["main"],
            "duration": "PT2H",
            "reason_hint": "Which order is it about, and what is wrong with it?",
        },
    ),
}
# Logins that stand on the targets anyway, beside the application's own, which is nobody's to widen.
REPORTS = "shop-reports@admin"

_EVERYBODY = ("read", "request", "decide", "reveal", "end", "audit")


def scopes_of(person: str) -> tuple[str, ...]:
    """Every scope that this person may have."""
    return (*_EVERYBODY, "admin") if person in MEMBERS["administrators"] else _EVERYBODY


def people_document(identities: Mapping[str, Mapping[str, str]] | None = None) -> dict[str, Any]:
    """`identities` says whom a provider of sign-ins means by which subject, where there is one."""
    return {
        "groups": {group: {"role": ROLES[group]} if group in ROLES else {} for group in MEMBERS},
        "people": {
            person: {
                "name": name,
                "email": f"{person}@example.com",
                "groups": [group for group, members in MEMBERS.items() if person in members],
                "active": True,
                **({"identity": dict(identities[person])} if identities else {}),
            }
            for person, name in NAMES.items()
        },
        "services": {
            SERVICE: {"title": "Continuous integration", "owner": SERVICE_OWNER, "groups": ["engineering"]},
        },
    }


def targets_document(hosts: Mapping[str, str], *, projects: Collection[str] = ()) -> dict[str, Any]:
    """The catalogue: what people may know of each target. `projects`: those of Atlas that are in it too."""
    mongodb = {
        slug: {
            **_entry(name, environment),
            "kind": "mongodb",
            "offers": {"kinds": ["database_user", "role_grant"], "authentication": ["scram"]},
            "database_users": {REPORTS: _of_reports()},
            "connect_to": {"hosts": [hosts[slug]], "options": {"replicaSet": "rs0", "directConnection": "true"}},
            **({"offline_kit": dict(OFFLINE_KIT)} if environment == "production" else {}),
            **_often(slug),
        }
        for slug, (name, environment) in TARGETS.items()
    }
    atlas = {
        slug: {
            **_entry(*ATLAS_TARGETS[slug]),
            "kind": "atlas",
            "offers": {
                "kinds": ["database_user", "role_grant", "project_role"],
                "authentication": list(METHODS[slug]),
                "project_roles": sorted(project_roles.ROLES.keys() - project_roles.NOT_FOR_GRANTS),
            },
            "database_users": {"alice@admin": {"person": "alice"}, REPORTS: _of_reports()},
            "members": {person: f"{person}@example.com" for person in NAMES},
            "principals": {name: dict(said) for name, said in PRINCIPALS.items() if said["method"] in METHODS[slug]},
            **_often(slug),
        }
        for slug in projects
    }
    return {"targets": mongodb | atlas}


def _of_reports() -> dict[str, Any]:
    return {"service": "shop-reports", "owners": ["alice", "bob"]}


def _often(slug: str) -> dict[str, Any]:
    return {"presets": [dict(preset) for preset in PRESETS[slug]]} if slug in PRESETS else {}


def _entry(name: str, environment: str) -> dict[str, Any]:
    return {
        "name": name,
        "environment": environment,
        "owner": "data-owners",
        "data_classes": ["personal", "payment"],
    }


def connections_document(
    hosts: Mapping[str, str],
    *,
    username: str,
    passwords: Mapping[str, str],
    atlas: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """The workers' own records: how they reach each target, and with what secret. `atlas`: those of Atlas projects."""
    mongodb = {
        slug: {
            "kind": "mongodb",
            "hosts": [hosts[slug]],
            "options": {"replicaSet": "rs0"},
            "username": username,
            "password": passwords[slug],
            "tls": False,
        }
        for slug in TARGETS
    }
    return {"targets": mongodb | {slug: dict(record) for slug, record in (atlas or {}).items()}}


def schedules_document(shifts: Path) -> dict[str, Any]:
    """Where the workers read who is on call."""
    return {"schedules": {SCHEDULE: {"file": str(shifts), "good_for": "PT5M"}}}


def shifts_document(at: datetime) -> dict[str, Any]:
    """Frank, for as long as anybody leaves a sandbox running."""
    begins, ends = at - timedelta(hours=1), at + timedelta(days=30)
    return {"shifts": [{"person": "frank", "from": begins.isoformat(), "to": ends.isoformat()}]}


# Frank is on call, and may have production without asking; everybody else who decides there hears of it.
BREAK_GLASS: Mapping[str, Any] = {
    "eligible": ["on-call"],
    "tells": ["data-owners", "security"],
    "review_by": ["security"],
}
# Who has a second factor from the beginning, without which nobody breaks the glass.
WITH_SECOND_FACTOR = MEMBERS["on-call"]


def policy_document() -> dict[str, Any]:
    data_owner = {"group": "data-owners", "people": 1}
    security = {"group": "security", "people": 1}
    staging = METHODS["ecommerce-staging"]
    return {
        "name": "sandbox",
        "rules": [
            _rule("development", "development", [], approvals=[], maximum="PT24H", targets=[*TARGETS]),
            _rule("staging-read", "staging", ["read"], approvals=[], maximum="PT24H", authentication=staging),
            _rule(
                "staging-write",
                "staging",
                ["write"],
                approvals=[data_owner],
                maximum="PT24H",
                targets=["shop-staging"],
            ),
            # Whoever is on call now need not wait for a data owner, for this role and no other.
            {
                **_rule(
                    "ecommerce-staging-write",
                    "staging",
                    ["write"],
                    approvals=[data_owner],
                    maximum="PT24H",
                    targets=["ecommerce-staging"],
                    authentication=staging,
                ),
                "on_call": {"schedule": SCHEDULE, "roles": ["readWrite@shop"], "maximum": "PT2H"},
            },
            *_rules_of_made_up_data(),
            _rule(
                "production-read",
                "production",
                ["read"],
                approvals=[data_owner],
                maximum="PT8H",
                break_glass=BREAK_GLASS,
            ),
            _rule(
                "production-change",
                "production",
                ["write", "admin"],
                approvals=[data_owner, security],
                maximum="PT4H",
                break_glass=BREAK_GLASS,
            ),
        ],
        "custom_roles": [
            _role_rule("development-roles", ["development"], approvals=[]),
            _role_rule("roles", ["staging", "production"], approvals=[data_owner]),
        ],
    }


def _rules_of_made_up_data() -> list[dict[str, Any]]:
    return [
        # Looking at made-up data for weeks harms nobody, and shows how Atlas is asked again and again.
        _rule(
            "ecommerce-dev-read",
            "development",
            ["read"],
            approvals=[],
            maximum="P30D",
            targets=["ecommerce-dev"],
            authentication=METHODS["ecommerce-dev"],
        ),
        _rule(
            "ecommerce-dev-change",
            "development",
            ["write", "admin"],
            approvals=[],
            maximum="PT24H",
            targets=["ecommerce-dev"],
            authentication=METHODS["ecommerce-dev"],
        ),
    ]


def _role_rule(name: str, environments: list[str], *, approvals: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "name": name,
        "match": {"environments": environments},
        "eligible": ["engineering"],
        "approvals": approvals,
    }


def _rule(
    name: str,
    environment: str,
    levels: list[str],
    *,
    approvals: list[dict[str, Any]],
    maximum: str,
    targets: list[str] | None = None,
    authentication: Sequence[str] = ("scram",),
    **more: Any,
) -> dict[str, Any]:
    return {
        "name": name,
        "match": {"environments": [environment], "targets": targets or [], "levels": levels},
        "eligible": ["engineering"],
        "approvals": approvals,
        "maximum": maximum,
        "reason_minimum": 10,
        "lapses_after": "PT8H",
        "deny": False,
        "authentication": list(authentication),
        **more,
    }
