"""The Atlas organisation of the sandbox: its projects with their clusters, people, accounts, users, roles and entries."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.catalogue import NAMES
from sandbox.seed import Size

DEV, STAGING, PROD = "ecommerce-dev", "ecommerce-staging", "ecommerce-prod"
CLUSTERS: Mapping[str, tuple[str, ...]] = {DEV: ("main",), STAGING: ("main",), PROD: ("main", "reporting")}
COLLECTIONS = ("customers", "orders", "payments", "products")
DATABASE = "shop"
SIZE = Size(products=25, customers=40, orders=120)
ORGANISATION = "Ecommerce"

# The least that the product needs in each project: users and roles, the access list, members, and to look.
LEAST_ROLES = (
    *("GROUP_DATABASE_ACCESS_ADMIN", "GROUP_NETWORK_ACCESS_MANAGER", "GROUP_ACCESS_MANAGER", "GROUP_READ_ONLY"),
)

Document = dict[str, Any]


def mongod_name(project: str, cluster: str) -> str:
    """As the sandbox calls the server of a cluster."""
    return f"{project}-{cluster}"


def _identifier() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    client_id: str = field(default_factory=lambda: f"mdb_sa_id_{secrets.token_hex(12)}")
    client_secret: str = field(default_factory=lambda: f"mdb_sa_sk_{secrets.token_urlsafe(30)}", repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    public_key: str = field(default_factory=lambda: secrets.token_hex(4))
    private_key: str = field(default_factory=lambda: secrets.token_hex(18), repr=False)


@dataclass(frozen=True, slots=True)
class AtlasKeys:
    """Who calls the API. The product has the first two, and for one project the third; the owner is not the product's."""

    account: ServiceAccount = field(default_factory=ServiceAccount)
    api_key: ApiKey = field(default_factory=ApiKey)
    project_owner: ServiceAccount = field(default_factory=ServiceAccount)
    owner: ServiceAccount = field(default_factory=ServiceAccount)
    owner_key: ApiKey = field(default_factory=ApiKey)
    other: ServiceAccount = field(default_factory=ServiceAccount)
    organisation: str = field(default_factory=_identifier)
    projects: Mapping[str, str] = field(default_factory=lambda: {name: _identifier() for name in CLUSTERS})


def organisation_document(
    *, keys: AtlasKeys, clusters: Mapping[str, list[Document]], shop_password: str, authority: str
) -> Document:
    """The seed of the stand-in; `clusters` says for each project how its mongods are reached.

    `authority` is the certificate of the product's own, which staging trusts. In development Atlas makes certificates.
    """
    return {
        "id": keys.organisation,
        "name": ORGANISATION,
        "people": _people(),
        "teams": [
            {"name": "backend", "members": [_address("alice"), _address("frank")]},
            {"name": "analysts", "members": [_address("grace"), _address("frank")]},
        ],
        "accounts": _accounts(keys),
        "projects": [
            {
                "id": keys.projects[name],
                "name": name,
                "clusters": found,
                **_membership(name),
                **({"authorities": authority} if name == STAGING else {}),
                "custom_roles": _custom_roles(),
                "database_users": _database_users(name, shop_password),
                "access_list": _access_list(),
            }
            for name, found in clusters.items()
        ],
    }


def _address(person: str) -> str:
    return f"{person}@example.com"


def _people() -> list[Document]:
    """Those of the product are members, and the administrator owns the organisation. One is invited only."""
    known = {**NAMES, "nora": "Nora Nilsen", "omar": "Omar Okafor"}
    people: list[Document] = []
    for name, full_name in known.items():
        first, _, last = full_name.partition(" ")
        roles = ["ORG_OWNER"] if name == "erin" else ["ORG_MEMBER"]
        people.append({"username": _address(name), "first_name": first, "last_name": last, "org_roles": roles})
    people[-1] |= {"status": "PENDING", "inviter": _address("erin")}
    return people


def _membership(project: str) -> Document:
    """No more than one owner in development; Nora, and in development every team, are in no project."""
    members: dict[str, Document] = {
        DEV: {"bob": ["GROUP_OWNER"], "alice": ["GROUP_READ_ONLY"]},
        STAGING: {"bob": ["GROUP_OWNER"], "grace": ["GROUP_CLUSTER_MANAGER"]},
        PROD: {"grace": ["GROUP_OWNER"], "bob": ["GROUP_OWNER"], "carol": ["GROUP_READ_ONLY"]},
    }
    teams: dict[str, Document] = {
        DEV: {},
        STAGING: {"backend": ["GROUP_DATA_ACCESS_READ_WRITE"]},
        PROD: {"backend": ["GROUP_READ_ONLY"], "analysts": ["GROUP_DATA_ACCESS_READ_ONLY"]},
    }
    return {"members": {_address(name): roles for name, roles in members[project].items()}, "teams": teams[project]}


def _accounts(keys: AtlasKeys) -> list[Document]:
    everywhere = {name: list(LEAST_ROLES) for name in CLUSTERS}
    return [
        _account(keys.account, "Access Requests", projects=everywhere),
        _key(keys.api_key, "Access Requests (digest)", projects=everywhere),
        _account(keys.project_owner, "Access Requests (certificates)", projects={DEV: ["GROUP_OWNER"]}),
        _account(keys.owner, "Platform", org_roles=["ORG_OWNER"]),
        _key(keys.owner_key, "Platform (digest)", org_roles=["ORG_OWNER"]),
        _account(keys.other, "Nightly reports", projects={DEV: ["GROUP_READ_ONLY"], PROD: ["GROUP_READ_ONLY"]}),
    ]


def _account(account: ServiceAccount, name: str, **said: Any) -> Document:
    return {"key": account.client_id, "secrets": [account.client_secret], "name": name, **said}


def _key(key: ApiKey, name: str, **said: Any) -> Document:
    return {"key": key.public_key, "secrets": [key.private_key], "name": name, **said}


def _custom_roles() -> list[Document]:
    orders, customers = ({"cluster": False, "db": DATABASE, "collection": name} for name in ("orders", "customers"))
    return [
        {
            "roleName": "supportDesk",
            "actions": [
                {"action": "FIND", "resources": [orders, customers]},
                {"action": "UPDATE", "resources": [orders]},
            ],
            "inheritedRoles": [],
        }
    ]


def _database_users(project: str, password: str) -> list[Document]:
    """Standing users of the shop itself, and one of a person. All that the product may do is to add roles to two."""

    def user(name: str, role: str, *, database: str = DATABASE, **said: Any) -> Document:
        roles = [{"roleName": role, "databaseName": database}]
        return {"databaseName": "admin", "username": name, "roles": roles, **said}

    analysts = [{"name": "reporting", "type": "CLUSTER"}] if project == PROD else []
    etl = {"databaseName": "$external", "awsIAMType": "ROLE"}
    desk = user("support-desk", "supportDesk", database="admin", password=password, description="Support desk")
    main = [{"name": "main", "type": "CLUSTER"}]
    return [
        user("shop-app", "readWrite", password=password, description="The shop itself"),
        user("shop-reports", "read", password=password, description="Monthly reports", scopes=analysts),
        user("alice", "read", password=password, description="Alice's own", scopes=main),
        # Clients made from Atlas's specification cannot read a user who has a custom role: only one project has any.
        *([desk] if project == STAGING else []),
        {**user("arn:aws:iam::123456789012:role/nightly-export", "read", scopes=main), **etl},
    ]


def _access_list() -> list[Document]:
    return [
        {"ipAddress": "127.0.0.1", "comment": "This machine"},
        {"cidrBlock": "10.20.0.0/16", "comment": "Offices"},
        {"ipAddress": "192.0.2.10", "comment": "Build machines"},
    ]
