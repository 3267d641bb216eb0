"""Plain makers of what tests need, through the product's own operations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import yaml

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Grant, Person, Target
from accessrequests.operations import access_requests, grants, people, policies, targets
from accessrequests.queries import clock
from accessrequests.queries.asks import Asked
from sandbox import catalogue

OPERATOR = people.command_actor("tests")
READ = ["find", "listCollections", "listIndexes", "collStats", "dbStats", "changeStream", "killCursors"]
WRITE = [*READ, "insert", "update", "remove", "createIndex", "dropIndex", "createCollection", "dropCollection"]


def _on(database: str, actions: list[str]) -> list[dict[str, Any]]:
    return [{"resource": {"database": database, "collection": "", "cluster": False}, "actions": actions}]


ROLES: dict[str, Any] = {
    "read@shop": _on("shop", READ),
    "readWrite@shop": _on("shop", WRITE),
    "dbAdmin@shop": _on("shop", ["collMod", "dropDatabase", "createIndex"]),
    "userAdmin@shop": _on("shop", ["createUser", "grantRole"]),
    "dbOwner@shop": _on("shop", [*WRITE, "createUser", "grantRole", "dropDatabase"]),
    "read@admin": _on("admin", READ),
}
DATABASES = {
    "shop": {name: {"documents": 10, "bytes": 1000} for name in ("orders", "customers", "payments", "products")}
}


@dataclass(frozen=True)
class Cast:
    """The people of the sandbox, by name."""

    alice: Person
    bob: Person
    carol: Person
    dave: Person
    erin: Person
    frank: Person
    grace: Person
    mallory: Person


def make_cast() -> Cast:
    """People, targets with an inventory, and the sandbox's policy."""
    cast = make_people()
    make_targets()
    read_inventories()
    publish(catalogue.policy_document())
    return cast


def make_people() -> Cast:
    document = catalogue.people_document()
    folk = people.apply_people(groups=document["groups"], entries=document["people"], actor=OPERATOR)
    return Cast(**{person.username: person for person in folk})


def make_service() -> Person:
    """The sandbox's service identity, which bob owns."""
    document = catalogue.people_document()
    people.apply_people(groups=document["groups"], entries={}, services=document["services"], actor=OPERATOR)
    return Person.objects.get(username=catalogue.SERVICE)


def apply(name: str, /, **changes: Any) -> None:
    """Apply one person again, with some fields changed."""
    document = catalogue.people_document()
    entry = {**document["people"][name], **changes}
    people.apply_people(groups=document["groups"], entries={name: entry}, actor=OPERATOR)


def make_targets(**changes: Any) -> None:
    """Apply the catalogue, with some fields of shop-prod changed."""
    hosts = dict.fromkeys(catalogue.TARGETS, "127.0.0.1:27017")
    entries = catalogue.targets_document(hosts)["targets"]
    entries["shop-prod"] |= changes
    targets.apply_catalogue(entries=entries, actor=OPERATOR)


def read_inventories(**roles: Any) -> None:
    """What a worker would read from every target, with some roles changed (their names with _at_ for @)."""
    changed = {name.replace("_at_", "@"): privileges for name, privileges in roles.items()}
    for slug in catalogue.TARGETS:
        targets.record_inventory(slug=slug, roles={**ROLES, **changed}, databases=DATABASES, clusters={}, quotas={})


def rule(name: str, **changes: Any) -> dict[str, Any]:
    """A rule of a policy: production, anything, one data-owner."""
    fields: dict[str, Any] = {
        "name": name,
        "match": {"environments": ["production"]},
        "eligible": ["engineering"],
        "approvals": [{"group": "data-owners", "people": 1}],
        "maximum": "PT8H",
    }
    return {**fields, **changes}


def publish_rules(*rules: dict[str, Any]) -> None:
    publish({"name": "another", "rules": list(rules)})


def publish(document: dict[str, Any]) -> None:
    policies.publish(text=yaml.safe_dump(document), document=document, actor=OPERATOR)


def target(slug: str = "shop-prod") -> Target:
    return Target.objects.get(slug=slug)


def asked(**changes: Any) -> Asked:
    """An ask that the sandbox's policy allows alice: reading one collection of production for two hours."""
    fields: dict[str, Any] = {
        "target": "shop-prod",
        "kind": "database_user",
        "roles": ("read@shop.orders",),
        "duration": timedelta(hours=2),
        "reason": "Refund totals are off for twelve orders.",
    }
    return Asked(**{**fields, **changes})


def submit(requester: Person, **changes: Any) -> AccessRequest:
    return access_requests.submit(requester=requester, asked=asked(**changes), via=Via.API)


def approve(access_request: AccessRequest, approver: Person, *, duration: timedelta | None = None) -> AccessRequest:
    return access_requests.approve(
        access_request_id=access_request.pk,
        approver=approver,
        via=Via.API,
        revision=access_request.revision,
        duration=duration,
    )


def approved_grant(requester: Person, approver: Person, **changes: Any) -> Grant:
    """A grant that waits for a worker."""
    access_request = approve(submit(requester, **changes), approver)
    return Grant.objects.get(access_request=access_request)


def active_grant(requester: Person, approver: Person, **changes: Any) -> Grant:
    """A grant that the target has confirmed, without a target."""
    return activated(approved_grant(requester, approver, **changes))


def activated(grant: Grant, *, certificate: str = "") -> Grant:
    """The same grant, confirmed, without a target."""
    attempt = grants.start_provisioning(grant_id=grant.pk)
    assert attempt is not None
    assert grants.may_open(grant_id=grant.pk, attempt=attempt.number)
    gates = {"user": {"proof": "login"}}
    assert grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates=gates, certificate=certificate)
    grant.refresh_from_db()
    return grant


def now() -> datetime:
    """The time by the clock that decides."""
    return clock.now()


def unread_target(slug: str = "shop-new") -> Target:
    """A production target that nobody has looked at yet."""
    entry = catalogue.targets_document(dict.fromkeys(catalogue.TARGETS, "127.0.0.1:27017"))["targets"]["shop-prod"]
    (made,) = targets.apply_catalogue(entries={slug: entry}, actor=OPERATOR)
    return made


ATLAS_CLUSTERS: dict[str, Any] = {
    name: {"hosts": [f"{name}.example:27017"], "options": {"replicaSet": name}, "paused": False, "tls": True}
    for name in ("orders", "reports")
}
ATLAS_QUOTAS: dict[str, Any] = {
    "database_users": {"limit": 100, "used": 40},
    "custom_roles": {"limit": 100, "used": 3},
    "access_list": {"limit": 200, "used": 12},
}


def make_atlas(
    slug: str = "ecommerce-prod",
    *,
    authentication: tuple[str, ...] = ("scram",),
    principals: Mapping[str, Any] | None = None,
    **quotas: dict[str, int],
) -> Target:
    """A production project of Atlas with two clusters, as a worker would have read it."""
    made = apply_atlas(slug, authentication=authentication, principals=principals)
    targets.record_inventory(
        slug=slug, roles=ROLES, databases=DATABASES, clusters=ATLAS_CLUSTERS, quotas={**ATLAS_QUOTAS, **quotas}
    )
    return made


def apply_atlas(
    slug: str = "ecommerce-prod",
    *,
    authentication: tuple[str, ...] = ("scram",),
    principals: Mapping[str, Any] | None = None,
) -> Target:
    """The same before anybody has read it."""
    entry = {
        "name": "E-commerce, production",
        "kind": "atlas",
        "environment": "production",
        "owner": "data-owners",
        "data_classes": ["personal"],
        "offers": {"kinds": ["database_user"], "authentication": list(authentication)},
        "connect_to": {"hosts": [], "options": {}},
        "declared": {"principals": dict(principals or {})},
    }
    (made,) = targets.apply_catalogue(entries={slug: entry}, actor=OPERATOR)
    return made


def asked_of_atlas(**changes: Any) -> Asked:
    """An ask that the sandbox's policy allows alice there: one cluster, from one address."""
    return asked(**{"target": "ecommerce-prod", "clusters": ("orders",), "source_addresses": ("192.0.2.7",), **changes})


def submit_to_atlas(requester: Person, **changes: Any) -> AccessRequest:
    return access_requests.submit(requester=requester, asked=asked_of_atlas(**changes), via=Via.API)


def allow_certificates() -> None:
    publish_rules(rule("with-certificates", authentication=["scram", "x509"]))


def granted_by_certificate(requester: Person, approver: Person) -> Grant:
    """A grant on Atlas that waits for a worker, to be used with a certificate."""
    make_atlas(authentication=("scram", "x509"))
    allow_certificates()
    return Grant.objects.get(access_request=approve(submit_to_atlas(requester, authentication="x509"), approver))
