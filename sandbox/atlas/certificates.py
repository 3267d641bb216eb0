"""Certificates of database users: those that Atlas issues, and the customer's own authorities.

A certificate lives for whole months and cannot be revoked; only deleting its user ends it. A project either has managed
certificates or brings an authority of its own: with one of its own, Atlas issues none, and takes none it issued before.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509

from sandbox.atlas import events
from sandbox.atlas.attributes import check_names, text
from sandbox.atlas.authorities import issue_to_user, make_authority, read_authority
from sandbox.atlas.dates import moment_of, stamp
from sandbox.atlas.organisation import Organisation
from sandbox.atlas.principals import EXTERNAL, mongod_name
from sandbox.atlas.project import Project
from sandbox.atlas.routes import DATABASE_ACCESS, OWNER, READ_ONLY, Route
from sandbox.atlas.wire import Answer, AtlasError, Request, accepted, page

_VERSION = "2023-01-01"
_CERTS = "/groups/{groupId}/databaseUsers/{username}/certs"
_SECURITY = "/groups/{groupId}/userSecurity"
_USUAL_MONTHS, _MOST_MONTHS = 3, 24
_MOST_CERTIFICATES = 100
_LONGEST_NAME = 64  # RFC 5280, upper bound of a common name.
_CREATED = "MONGODB_USER_X509_CERT_CREATED"


def list_certificates(organisation: Organisation, request: Request) -> Answer:
    """Those that have not expired, also of a user who had this name before and is gone."""
    project, username = _managed(organisation, request)
    now = organisation.now()
    found = [
        {**each, "links": []} for each in project.certificates.get(username, []) if moment_of(each["notAfter"]) > now
    ]
    return Answer(body=page(request, found))


def create_certificate(organisation: Organisation, request: Request) -> Answer:
    """PEM, certificate first and then its key, which is shown this once."""
    project, username = _managed(organisation, request)
    if _own_authorities(project):
        raise AtlasError("CANNOT_GENERATE_CERT_IF_ADVANCED_X509")
    months = _months(request)
    issued_before = project.certificates.setdefault(username, [])
    if len(issued_before) >= _MOST_CERTIFICATES:
        raise AtlasError("ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED")
    common_name = username.partition("=")[2] or username
    if len(common_name) > _LONGEST_NAME:
        raise AtlasError("ATLAS_MANAGED_X509_NAME_INVALID", username)
    ensure_authority(project)
    now = organisation.now()
    issued = issue_to_user(
        read_authority(project.authority), common_name=common_name, ends_at=months_after(now, months)
    )
    issued_before.append(
        {
            "_id": issued.certificate.serial_number,
            "createdAt": stamp(now),
            "groupId": project.id,
            "notAfter": stamp(issued.certificate.not_valid_after_utc),
            "subject": f"CN={common_name}",
        }
    )
    events.record(organisation, project, _CREATED, request=request, dbUserUsername=username)
    return Answer(status=201, text=issued.pem)


def get_security(organisation: Organisation, request: Request) -> Answer:
    return Answer(body=_security(organisation.project(request.parameters["groupId"]), request))


def change_security(organisation: Organisation, request: Request) -> Answer:
    """New authorities replace the old ones whole; the clusters take them one after the other."""
    project, body = organisation.project(request.parameters["groupId"]), request.document()
    check_names(body, ("customerX509", "ldap"))
    said = body.get("customerX509")
    if said is not None:
        if not isinstance(said, dict):
            raise AtlasError("INVALID_JSON_ATTRIBUTE", "customerX509")
        check_names(said, ("cas",))
        project.user_security["customerX509"] = {"cas": _checked(text(said, "cas") or "", now=organisation.now())}
        project.changed()
    if isinstance(body.get("ldap"), dict):
        project.user_security["ldap"] = {name: each for name, each in body["ldap"].items() if name != "bindPassword"}
    return accepted(_security(project, request))


def disable_customer_x509(organisation: Organisation, request: Request) -> Answer:
    project = organisation.project(request.parameters["groupId"])
    if project.user_security.pop("customerX509", None) is not None:
        project.changed()
    return accepted(_security(project, request))


def ensure_authority(project: Project) -> None:
    """A project issues managed certificates with an authority that no other project has."""
    if not project.authority:
        project.authority = make_authority(f"Managed certificates of {project.name}"[:_LONGEST_NAME]).pem
        project.changed()


def months_after(moment: datetime, months: int) -> datetime:
    """The same day so many months later, or the last of that month."""
    count = moment.month - 1 + months
    first = moment.replace(year=moment.year + count // 12, month=count % 12 + 1, day=1)
    last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
    return first.replace(day=min(moment.day, last.day))


def _managed(organisation: Organisation, request: Request) -> tuple[Project, str]:
    project, username = organisation.project(request.parameters["groupId"]), request.parameters["username"]
    user = project.database_users.get((EXTERNAL, username))
    if user is None:
        if ("admin", username) in project.database_users:
            raise AtlasError("USER_NOT_MANAGED_X509")
        raise AtlasError("USERNAME_NOT_FOUND", username)
    if user["x509Type"] != "MANAGED":
        raise AtlasError("USER_NOT_MANAGED_X509")
    return project, mongod_name(user)


def _months(request: Request) -> int:
    body = request.document()
    check_names(body, ("monthsUntilExpiration",))
    months = body.get("monthsUntilExpiration")
    months = _USUAL_MONTHS if months is None else months
    if not isinstance(months, int) or isinstance(months, bool) or months < 1:
        raise AtlasError("INVALID_ATTRIBUTE", "monthsUntilExpiration")
    if months > _MOST_MONTHS:
        raise AtlasError("CERT_EXPIRY_CANNOT_EXCEED_TWO_YEARS")
    return months


def _own_authorities(project: Project) -> str:
    return str((project.user_security.get("customerX509") or {}).get("cas") or "")


def _checked(cas: str, *, now: datetime) -> str:
    """:raises AtlasError: not certificates in PEM, or one that has expired."""
    try:
        found = x509.load_pem_x509_certificates(cas.encode())
    except ValueError as error:
        raise AtlasError("INVALID_ATTRIBUTE", "cas") from error
    if any(certificate.not_valid_after_utc <= now.astimezone(UTC) for certificate in found):
        raise AtlasError("EXPIRED_X509_CA_CERTIFICATE")
    return cas


def _security(project: Project, request: Request) -> dict[str, Any]:
    shown = {"customerX509": {}, "ldap": {"authenticationEnabled": False, "authorizationEnabled": False}}
    return {**shown, **project.user_security, "links": [request.link("groups", project.id, "userSecurity")]}


ROUTES = (
    Route("GET", _CERTS, _VERSION, (READ_ONLY, DATABASE_ACCESS), list_certificates),
    Route("POST", _CERTS, _VERSION, (OWNER,), create_certificate),
    Route("GET", _SECURITY, _VERSION, (OWNER,), get_security),
    Route("PATCH", _SECURITY, _VERSION, (OWNER,), change_security),
    Route("DELETE", f"{_SECURITY}/customerX509", _VERSION, (OWNER,), disable_customer_x509),
)
