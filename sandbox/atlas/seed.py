"""Makes an organisation out of a seed: names of people, accounts and projects, and bodies as the API takes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.atlas import access_list, certificates, custom_roles, database_users
from sandbox.atlas.dates import stamp
from sandbox.atlas.organisation import Organisation, Person, Team, new_id
from sandbox.atlas.project import Cluster, Project
from sandbox.atlas.wire import Account

Seed = Mapping[str, Any]

_SECRET_DAYS = 365
_CERTIFICATE_ALERTS = (
    "NDS_X509_USER_AUTHENTICATION_CUSTOMER_CA_EXPIRATION_CHECK",
    "NDS_X509_USER_AUTHENTICATION_MANAGED_USER_CERTS_EXPIRATION_CHECK",
    "NDS_X509_USER_AUTHENTICATION_CUSTOMER_CRL_EXPIRATION_CHECK",
)
_CLUSTER_FIELDS = frozenset(each.name for each in fields(Cluster)) - {"id", "name", "created_at"}


def grown(seed: Seed, *, directory: Path | None = None) -> Organisation:
    """The organisation of a seed; every list in it may be absent.

        {name, settings: {…},
         people: [{username, first_name, last_name, org_roles, status}], teams: [{name, members: [username]}],
         accounts: [{key, secrets: [..], name, description, org_roles: [..], projects: {name: [role]}, addresses: [..]}],
         projects: [{name, limits: {name: n}, clusters: [{name, hosts, admin_uri, …}], members: {username: [role]},
                     teams: {name: [role]}, authorities: PEM, custom_roles: [body], database_users: [body], access_list: [body]}]}

    :raises AtlasError: a body that the API would refuse.
    """
    organisation = Organisation(name=seed["name"], identifier=seed.get("id"), directory=directory)
    organisation.settings.change(seed.get("settings", {}))
    for each in seed.get("people", ()):
        _add_person(organisation, each)
    for each in seed.get("teams", ()):
        team = Team(new_id(), each["name"], [_id_of(organisation, name) for name in each.get("members", ())])
        organisation.teams[team.id] = team
    for each in seed.get("projects", ()):
        _add_project(organisation, each)
    for each in seed.get("accounts", ()):
        _add_account(organisation, each)
    organisation.save()
    return organisation


def _add_person(organisation: Organisation, said: Seed) -> None:
    now = organisation.now().timestamp()
    person = Person(
        id=new_id(),
        username=said["username"],
        first_name=said.get("first_name", ""),
        last_name=said.get("last_name", ""),
        created_at=now,
        org_roles=list(said.get("org_roles", ["ORG_MEMBER"])),
        status=said.get("status", "ACTIVE"),
        invited_at=now if said.get("status", "ACTIVE") != "ACTIVE" else None,
        inviter=said.get("inviter", ""),
    )
    organisation.people[person.id] = person


def _add_project(organisation: Organisation, said: Seed) -> None:
    now = organisation.now().timestamp()
    project = Project(id=said.get("id") or new_id(), name=said["name"], created_at=now)
    project.limits = dict(said.get("limits", {}))
    for each in said.get("clusters", ()):
        more = {name: value for name, value in each.items() if name in _CLUSTER_FIELDS}
        project.clusters[each["name"]] = Cluster(id=new_id(), name=each["name"], created_at=now, **more)
    project.members = {_id_of(organisation, name): list(roles) for name, roles in said.get("members", {}).items()}
    teams = {team.name: team.id for team in organisation.teams.values()}
    project.teams = {teams[name]: list(roles) for name, roles in said.get("teams", {}).items()}
    project.alert_configs = [_alert(organisation, name) for name in _CERTIFICATE_ALERTS]
    organisation.add_project(project)
    for each in said.get("custom_roles", ()):
        custom_roles.add(organisation, project, dict(each))
    for each in said.get("database_users", ()):
        database_users.add(organisation, project, dict(each))
    if said.get("access_list"):
        access_list.put_entries(organisation, project, [dict(each) for each in said["access_list"]])
    certificates.ensure_authority(project)
    if said.get("authorities"):
        project.user_security["customerX509"] = {"cas": said["authorities"]}
    project.changed()  # Whatever the clusters held before, they are to hold this.


def _add_account(organisation: Organisation, said: Seed) -> None:
    account = Account(
        key=said["key"],
        secrets=tuple(said["secrets"]),
        name=said.get("name", said["key"]),
        org_roles=tuple(said.get("org_roles", ("ORG_MEMBER",))),
        project_roles={organisation.named(name).id: tuple(roles) for name, roles in said.get("projects", {}).items()},
        addresses=tuple(said.get("addresses", ())),
    )
    organisation.accounts[account.key] = account
    now = datetime.now(UTC)
    organisation.account_facts[account.key] = {
        "id": account.key.rpartition("_")[2] if account.is_service_account else new_id(),
        "createdAt": stamp(now),
        "description": said.get("description", ""),
        "secrets": [
            {
                "createdAt": stamp(now),
                "expiresAt": stamp(now + timedelta(days=_SECRET_DAYS)),
                "id": new_id(),
                "lastUsedAt": None,
                "maskedSecretValue": f"mdb_sa_sk_...{secret[-4:]}",
            }
            for secret in account.secrets
        ],
    }


def _alert(organisation: Organisation, name: str) -> dict[str, Any]:
    """Atlas warns of certificates 30 days before their end, and every day from then on."""
    now = stamp(organisation.now())
    told = {"delayMin": 0, "emailEnabled": True, "intervalMin": 1440, "smsEnabled": False, "typeName": "GROUP"}
    return {
        "created": now,
        "enabled": True,
        "eventTypeName": name,
        "id": new_id(),
        "matchers": [],
        "notifications": [{**told, "roles": ["GROUP_OWNER"]}],
        "threshold": {"operator": "LESS_THAN", "threshold": 30, "units": "DAYS"},
        "updated": now,
    }


def _id_of(organisation: Organisation, username: str) -> str:
    person = organisation.person(username)
    if person is None:
        raise KeyError(username)
    return person.id
