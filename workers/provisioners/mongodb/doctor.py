"""Why somebody cannot log in to a self-managed MongoDB, or not do what was approved: gate by gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from accessrequests.domain.diagnosis import Cause, Diagnosis, Shut
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.privileges import Privilege, difference
from workers.provisioners.base import GrantSpec
from workers.provisioners.connection_record import SCRAM
from workers.provisioners.mongodb.accounts import Account, by_username, find_accounts, networks
from workers.provisioners.mongodb.inventory import privileges_of
from workers.provisioners.mongodb.roles import granted_roles, narrowed, needs_own_role, own_roles
from workers.provisioners.mongodb.servers import USERS_DATABASE, Client

_GONE = "There is no user whose roles could be looked at."


def diagnose(client: Client, spec: GrantSpec) -> Diagnosis:
    accounts = find_accounts(client, where=by_username([spec.username]))
    info = client.admin.command("usersInfo", {"user": spec.username, "db": USERS_DATABASE}, showPrivileges=True)
    if not accounts or not info["users"]:
        shut = Shut(Cause.USER_GONE, spec.username)
        return Diagnosis(known=frozenset({GateName.NETWORK}), shut=(shut,), unclear=_GONE)
    found = (*_of_login(accounts[0], info["users"][0], spec), *_of_roles(accounts[0], info["users"][0], spec))
    return Diagnosis(known=frozenset(GateName), shut=found)


def _of_login(account: Account, info: Mapping[str, Any], spec: GrantSpec) -> Iterator[Shut]:
    if account.sources != networks(spec.source_addresses):
        yield Shut(Cause.ADDRESSES_CHANGED, ", ".join(sorted(account.sources or ())) or "by a rule of another form")
    if SCRAM not in info.get("mechanisms", ()):
        yield Shut(Cause.METHOD_CHANGED)


def _of_roles(account: Account, info: Mapping[str, Any], spec: GrantSpec) -> Iterator[Shut]:
    whole_roles = [role for role in spec.roles if not needs_own_role(role)]
    said = {(role.name, role.database): f"{role.name}@{role.database}" for role in whole_roles}
    # Ours are named after the user; people know them by what was approved.
    for own, role in zip(own_roles(spec), narrowed(spec), strict=True):
        said[own.name, own.database] = f"{role.name}@{role.database}.{role.collection}".rstrip(".")
    missing = sorted(said[role] for role in granted_roles(spec) - account.roles)
    if missing:
        yield Shut(Cause.ROLE_GONE, ", ".join(missing))
        return
    held = privileges_of(info["inheritedPrivileges"])
    whole: list[Privilege] = [privilege for role in whole_roles for privilege in role.privileges]
    if difference([*whole, *(privilege for role in own_roles(spec) for privilege in role.privileges)], held):
        named = f"The role {' and '.join(sorted(said.values()))}"
        yield Shut(Cause.ROLE_NARROWED if held else Cause.ROLE_EMPTY, named)
