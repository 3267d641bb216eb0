"""The access list of a project: the addresses from which all its clusters can be reached."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from typing import Any

from sandbox.atlas import events
from sandbox.atlas.attributes import check_names, text
from sandbox.atlas.dates import asked_expiry, check_change
from sandbox.atlas.limits import ENTRIES, limit_of
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.project import Project
from sandbox.atlas.routes import NETWORK_ACCESS, READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, created, gone, page

_VERSION = "2023-01-01"
_LIST = "/groups/{groupId}/accessList"
_ENTRY = f"{_LIST}/{{entryValue}}"
_PLACES = ("ipAddress", "cidrBlock", "awsSecurityGroup")
_NAMES = (*_PLACES, "comment", "deleteAfterDate", "groupId")
_MOST_COMMENT = 80
_ADDED, _CHANGED = "NETWORK_PERMISSION_ENTRY_ADDED", "NETWORK_PERMISSION_ENTRY_UPDATED"
_REMOVED = "NETWORK_PERMISSION_ENTRY_REMOVED"


def list_entries(organisation: Organisation, request: Request) -> Answer:
    return Answer(body=_page(organisation.project(request.parameters["groupId"]), request))


def create_entries(organisation: Organisation, request: Request) -> Answer:
    """Add entries, or put others in the place of those that there are: this never says that there is one already.

    The answer is the first page of the whole list.
    """
    project = organisation.project(request.parameters["groupId"])
    if not isinstance(request.body, list) or not all(isinstance(each, dict) for each in request.body):
        raise AtlasError("INVALID_JSON")
    existed = set(project.access_list)
    put = put_entries(organisation, project, request.body)
    for key in put:
        kind = _CHANGED if key in existed else _ADDED
        events.record(organisation, project, kind, request=request, whitelistEntry=key)
    fresh = [key for key in put if key not in existed]
    due = organisation.now().timestamp() + organisation.settings.active_seconds
    project.pending_entries.update(dict.fromkeys(fresh, due))
    if fresh:
        project.wake()
    return created(_page(project, request))


def get_entry(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    return Answer(body=_shown(_found(project, request), request))


def get_status(organisation: Organisation, request: Request) -> Answer:
    """PENDING until the clusters let people in from there."""
    project = organisation.project(request.parameters["groupId"])
    is_pending = key_of(_found(project, request)) in project.pending_entries
    return Answer(body={"STATUS": "PENDING" if is_pending else "ACTIVE"})


def delete_entry(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    remove(organisation, project, _found(project, request), request=request)
    return gone()


def remove(
    organisation: Organisation, project: Project, entry: Mapping[str, Any], *, request: Request | None = None
) -> None:
    """Somebody's call takes an entry away, or the purge, which has no request."""
    key = key_of(entry)
    del project.access_list[key]
    project.opened([key])
    events.record(organisation, project, _REMOVED, request=request, whitelistEntry=key)
    project.changed()


def put_entries(organisation: Organisation, project: Project, bodies: list[dict[str, Any]]) -> list[str]:
    """Check and keep entries, all or none; their keys.

    :raises AtlasError: which cannot be.
    """
    if not bodies:
        raise AtlasError("MISSING_ATTRIBUTES", ", ".join(_PLACES))
    entries = [_read_entry(organisation, project, each) for each in bodies]
    keys = [key_of(each) for each in entries]
    if len(set(keys)) < len(keys):
        raise AtlasError("DUPLICATE_ADDRESSES_IN_INPUT")
    most = limit_of(organisation, project, ENTRIES)
    if len({*project.access_list, *keys}) > most:
        raise AtlasError("ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED", most)
    project.access_list.update(zip(keys, entries, strict=True))
    return keys


def key_of(entry: Mapping[str, Any]) -> str:
    return str(entry.get("cidrBlock") or entry["awsSecurityGroup"])


def _read_entry(organisation: Organisation, project: Project, body: dict[str, Any]) -> dict[str, Any]:
    """An entry as Atlas shows it; one address is both an address and a block."""
    check_names(body, _NAMES)
    given = [name for name in _PLACES if text(body, name)]
    if not given:
        raise AtlasError("MISSING_ATTRIBUTES", ", ".join(_PLACES))
    if len(given) > 1:
        raise AtlasError("MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY")
    comment = text(body, "comment")
    if comment is not None and len(comment) > _MOST_COMMENT:
        raise AtlasError("INVALID_NETWORK_PERMISSION_COMMENT", comment)
    place = _read_place(given[0], body[given[0]], is_temporary=body.get("deleteAfterDate") is not None)
    expiry = asked_expiry(body, organisation.now())
    existing = project.access_list.get(place["cidrBlock"])
    if existing is not None:
        check_change(existing, expiry=expiry, now=organisation.now())
    dated = {"deleteAfterDate": expiry} if expiry else {}
    return {**place, **({"comment": comment} if comment else {}), **dated, "groupId": project.id}


def _read_place(name: str, said: str, *, is_temporary: bool) -> dict[str, str]:
    if name == "awsSecurityGroup":
        raise AtlasError(
            "NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED"
            if is_temporary
            else "CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION"
        )
    try:
        block = ipaddress.ip_network(said if name == "cidrBlock" else ipaddress.ip_address(said))
    except ValueError as error:
        code = "INVALID_CIDR_BLOCK" if name == "cidrBlock" else "INVALID_IP_ADDRESS_OR_CIDR_NOTATION"
        raise AtlasError(code, said) from error
    if name == "cidrBlock" and "/" not in said:
        raise AtlasError("INVALID_CIDR_BLOCK", said)
    if block.num_addresses > 1:
        return {"cidrBlock": str(block)}
    return {"cidrBlock": str(block), "ipAddress": str(block.network_address)}


def _found(project: Project, request: Request) -> dict[str, Any]:
    value = request.parameters["entryValue"]
    try:
        entry = project.access_list.get(str(ipaddress.ip_network(value)))
    except ValueError as error:
        raise AtlasError("INVALID_IP_ADDRESS_OR_CIDR_NOTATION", value) from error
    if entry is None:
        raise AtlasError("ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND", value, project.id)
    return entry


def _page(project: Project, request: Request) -> dict[str, Any]:
    return page(request, [_shown(each, request) for each in project.access_list.values()])


def _shown(entry: dict[str, Any], request: Request) -> dict[str, Any]:
    return {**entry, "links": [request.link("groups", entry["groupId"], "accessList", key_of(entry))]}


ROUTES = (
    Route("GET", _LIST, _VERSION, (READ_ONLY, NETWORK_ACCESS), list_entries),
    Route("POST", _LIST, _VERSION, (NETWORK_ACCESS,), create_entries),
    Route("GET", _ENTRY, _VERSION, (READ_ONLY, NETWORK_ACCESS), get_entry),
    Route("DELETE", _ENTRY, _VERSION, (NETWORK_ACCESS,), delete_entry),
    Route("GET", f"{_ENTRY}/status", _VERSION, (READ_ONLY, NETWORK_ACCESS), get_status),
)
