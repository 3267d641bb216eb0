"""Service accounts: who they are, their roles, and the addresses from which they may call."""

from __future__ import annotations

import ipaddress
from dataclasses import replace
from typing import Any

from sandbox.atlas import events
from sandbox.atlas.attributes import check_names, text
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from sandbox.atlas.routes import ACCESS_MANAGER, ORG_MEMBER, ORG_READ_ONLY, READ_ONLY, Route
from sandbox.atlas.wire import Account, Answer, AtlasError, Request, gone, page

_VERSION = "2024-08-05"
_OF_PROJECT = "/groups/{groupId}/serviceAccounts"
_OF_ORG = "/orgs/{orgId}/serviceAccounts"
_LIST = "{clientId}/accessList"
_ADDED, _REMOVED = "SERVICE_ACCOUNT_ACCESS_LIST_ENTRY_ADDED", "SERVICE_ACCOUNT_ACCESS_LIST_ENTRY_DELETED"
_LEAST_PREFIX = 1  # 0.0.0.0/0 is refused here, unlike in the access list of a project.


def list_of_project(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    found = [each for each in _accounts(organisation) if project.id in each.project_roles]
    return Answer(body=page(request, [_shown(organisation, each, project) for each in found]))


def get_of_project(organisation: Organisation, request: Request) -> Answer:
    project, account = _in_project(organisation, request)
    return Answer(body=_shown(organisation, account, project))


def list_of_org(organisation: Organisation, request: Request) -> Answer:
    return Answer(body=page(request, [_shown(organisation, each, None) for each in _accounts(organisation)]))


def get_of_org(organisation: Organisation, request: Request) -> Answer:
    return Answer(body=_shown(organisation, _named(organisation, request), None))


def list_addresses(organisation: Organisation, request: Request) -> Answer:
    account = _named(organisation, request)
    if "groupId" in request.parameters:
        _in_project(organisation, request)
    return Answer(body=page(request, [_entry(organisation, account, each) for each in account.addresses]))


def add_addresses(organisation: Organisation, request: Request) -> Answer:
    """The answer is the whole list, with 200."""
    project, account = _in_project(organisation, request)
    if not isinstance(request.body, list) or not all(isinstance(each, dict) for each in request.body):
        raise AtlasError("INVALID_JSON")
    added = [_read_address(each) for each in request.body]
    addresses = tuple(dict.fromkeys((*account.addresses, *added)))
    organisation.accounts[account.key] = replace(account, addresses=addresses)
    for each in added:
        events.record(organisation, project, _ADDED, request=request, description=f"{account.key} {each}")
    return list_addresses(organisation, request)


def remove_address(organisation: Organisation, request: Request) -> Answer:
    project, account = _in_project(organisation, request)
    said = request.parameters["ipAddress"]
    kept = tuple(each for each in account.addresses if each != _block(said))
    if len(kept) == len(account.addresses):
        raise AtlasError("RESOURCE_NOT_FOUND", said)
    organisation.accounts[account.key] = replace(account, addresses=kept)
    events.record(organisation, project, _REMOVED, request=request, description=f"{account.key} {said}")
    return gone()


def _accounts(organisation: Organisation) -> list[Account]:
    return [each for each in organisation.accounts.values() if each.is_service_account]


def _named(organisation: Organisation, request: Request) -> Account:
    name = request.parameters["clientId"]
    account = organisation.accounts.get(name)
    if account is None or not account.is_service_account:
        raise AtlasError("RESOURCE_NOT_FOUND", name)
    return account


def _in_project(organisation: Organisation, request: Request) -> tuple[Project, Account]:
    project, account = organisation.project(request.parameters["groupId"]), _named(organisation, request)
    if project.id not in account.project_roles:
        raise AtlasError("RESOURCE_NOT_FOUND", account.key)
    return project, account


def _read_address(body: dict[str, Any]) -> str:
    check_names(body, ("cidrBlock", "ipAddress"))
    said = text(body, "ipAddress") or text(body, "cidrBlock")
    if not said:
        raise AtlasError("MISSING_ATTRIBUTES", "ipAddress, cidrBlock")
    return _block(said)


def _block(said: str) -> str:
    try:
        block = ipaddress.ip_network(said)
    except ValueError as error:
        raise AtlasError("INVALID_IP_ADDRESS_OR_CIDR_NOTATION", said) from error
    if block.prefixlen < _LEAST_PREFIX:
        raise AtlasError("CANNOT_ADD_IP_ADDRESS_TO_WHITELIST", said)
    return str(block)


def _entry(organisation: Organisation, account: Account, block: str) -> dict[str, Any]:
    address, _, _ = block.partition("/")
    is_one = ipaddress.ip_network(block).num_addresses == 1
    facts = organisation.account_facts.get(account.key, {})
    shown = {"cidrBlock": block, "createdAt": facts.get("createdAt"), "lastUsedAddress": None, "lastUsedAt": None}
    return {**shown, "requestCount": 0, **({"ipAddress": address} if is_one else {})}


def _shown(organisation: Organisation, account: Account, project: Project | None) -> dict[str, Any]:
    facts = organisation.account_facts.get(account.key, {})
    return {
        "clientId": account.key,
        "createdAt": facts.get("createdAt"),
        "description": facts.get("description", ""),
        "name": account.name,
        "roles": list(account.org_roles if project is None else account.project_roles[project.id]),
        "secrets": facts.get("secrets", []),
        "systemManaged": False,
    }


ROUTES = (
    Route("GET", _OF_PROJECT, _VERSION, (READ_ONLY, ACCESS_MANAGER), list_of_project),
    Route("GET", f"{_OF_PROJECT}/{{clientId}}", _VERSION, (READ_ONLY, ACCESS_MANAGER), get_of_project),
    Route("GET", f"{_OF_PROJECT}/{_LIST}", _VERSION, (READ_ONLY, ACCESS_MANAGER), list_addresses),
    Route("POST", f"{_OF_PROJECT}/{_LIST}", _VERSION, (ACCESS_MANAGER,), add_addresses),
    Route("DELETE", f"{_OF_PROJECT}/{_LIST}/{{ipAddress}}", _VERSION, (ACCESS_MANAGER,), remove_address),
    Route("GET", _OF_ORG, _VERSION, (ORG_MEMBER, ORG_READ_ONLY), list_of_org),
    Route("GET", f"{_OF_ORG}/{{clientId}}", _VERSION, (ORG_MEMBER, ORG_READ_ONLY), get_of_org),
    Route("GET", f"{_OF_ORG}/{_LIST}", _VERSION, (ORG_MEMBER, ORG_READ_ONLY), list_addresses),
)
