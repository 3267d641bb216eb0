"""Compares what the target holds with what was approved, gate by gate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.privileges import difference
from workers.provisioners.base import GrantSpec, Proof, Readiness
from workers.provisioners.connection_record import SCRAM
from workers.provisioners.mongodb.accounts import Account, by_username, find_accounts, networks
from workers.provisioners.mongodb.inventory import privileges_of
from workers.provisioners.mongodb.roles import granted_roles, is_exactly, own_roles, read_role
from workers.provisioners.mongodb.servers import USERS_DATABASE, Client
from workers.provisioners.tag import Tagger


def look(client: Client, *, tagger: Tagger, spec: GrantSpec) -> Readiness:
    """Exact only when user, tag, end, roles, addresses and what the roles let one do are as approved."""
    accounts = find_accounts(client, where=by_username([spec.username]))
    info = client.admin.command(
        "usersInfo",
        {"user": spec.username, "db": USERS_DATABASE},
        showPrivileges=True,
        showAuthenticationRestrictions=True,
    )["users"]
    if not accounts or not info:
        gates = dict.fromkeys(_gates_of(spec), Proof.NOT_YET)
        return Readiness(gates=gates, exact=False, evidence={"user": "not on the target"})
    account = accounts[0]
    findings = {
        "tag": _has_tag(account, tagger, spec),
        "mechanisms": info[0].get("mechanisms") == [SCRAM],
        "roles": account.roles == granted_roles(spec),
        "source_addresses": account.sources == networks(spec.source_addresses),
        "privileges": not _more_than_approved(info[0], spec),
        "own_roles": all(_is_own_role_exact(client, spec)),
    }
    proofs = {
        GateName.NETWORK: Proof.READ_BACK if findings["source_addresses"] else Proof.NOT_YET,
        # It logged in with this password while it was powerless; a probe now could not pass its own restriction.
        GateName.USER: Proof.LOGIN if findings["tag"] and findings["mechanisms"] else Proof.NOT_YET,
        GateName.ROLES: Proof.READ_BACK if findings["roles"] and findings["own_roles"] else Proof.NOT_YET,
    }
    return Readiness(
        gates={gate: proofs[gate] for gate in _gates_of(spec)},
        exact=all(findings.values()),
        evidence={
            "user": account.principal,
            "roles": sorted(f"{name}@{database}" for name, database in account.roles),
            "source_addresses": sorted(account.sources or ()),
            "differs": sorted(name for name, as_approved in findings.items() if not as_approved),
        },
    )


def _gates_of(spec: GrantSpec) -> tuple[GateName, ...]:
    """Without addresses there is no network gate on this kind of target."""
    return tuple(gate for gate in GateName if gate is not GateName.NETWORK or spec.source_addresses)


def _has_tag(account: Account, tagger: Tagger, spec: GrantSpec) -> bool:
    tag = account.proof(tagger)
    return tag is not None and tag.grant_id == spec.grant_id and tag.end in spec.ends


def _more_than_approved(info: Mapping[str, Any], spec: GrantSpec) -> bool:
    """Whether a role was widened on the target since it was approved."""
    approved = [privilege for role in spec.roles for privilege in role.privileges]
    return bool(difference(privileges_of(info["inheritedPrivileges"]), approved))


def _is_own_role_exact(client: Client, spec: GrantSpec) -> list[bool]:
    found = [(read_role(client, role.name, role.database), role) for role in own_roles(spec)]
    return [document is not None and is_exactly(document, role) for document, role in found]
