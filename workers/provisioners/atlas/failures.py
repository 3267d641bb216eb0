"""Turns what Atlas answers into sentences: chosen by its errorCode, never by its text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus

import httpx2

from workers.provisioners.base import ProvisionerError


class Kind(StrEnum):
    """What an errorCode says of the call that it answers."""

    GONE = "gone"  # what the call named is not there
    EXISTS = "exists"  # what the call would make is there already
    IN_USE = "in use"  # somebody else still needs what the call would delete
    FULL = "full"  # a quota of the project or of Atlas is used up
    REFUSED = "refused"  # Atlas will never take this call as it is
    RIGHTS = "rights"  # our account may not, or the record names another project: nothing is known of what we asked for
    BUSY = "busy"  # not now
    UNKNOWN = "unknown"


_GONE = """
    USER_NOT_FOUND USERNAME_NOT_FOUND USER_NOT_IN_GROUP USER_NOT_IN_ORG RESOURCE_NOT_FOUND ATLAS_CUSTOM_ROLE_NOT_FOUND
    ATLAS_NETWORK_PERMISSION_ENTRY_NOT_FOUND ATLAS_WHITELIST_NOT_FOUND NOT_IN_IP_RANGE CERTIFICATE_DOES_NOT_EXIST
    CLUSTER_NOT_FOUND TEAM_NOT_FOUND TEAM_NOT_IN_ORG TEAM_NOT_IN_GROUP
"""
_EXISTS = "USER_ALREADY_EXISTS ATLAS_CUSTOM_ROLE_NAME_ALREADY_EXISTS TEAM_EXISTS_IN_GROUP USER_ALREADY_IN_GROUP"
_IN_USE = "ATLAS_CUSTOM_ROLE_IN_USE_BY_USERS ATLAS_CUSTOM_ROLE_IN_USE_BY_ROLES"
_FULL = """
    GROUP_USERS_LIMIT_EXCEEDED COLLECTION_ROLES_LIMIT_EXCEEDED CUSTOM_ROLES_LIMIT_EXCEEDED
    ATLAS_NETWORK_PERMISSIONS_LIMIT_EXCEEDED CROSS_REGION_NETWORK_PERMISSIONS_LIMIT_EXCEEDED
    ATLAS_GENERATED_CERTS_LIMIT_EXCEEDED MAX_USERS_PER_GROUP_EXCEEDED MAX_TEAMS_PER_GROUP_EXCEEDED
"""
_RIGHTS = """
    GROUP_NOT_FOUND INVALID_GROUP_ID ORG_NOT_FOUND NOT_IN_GROUP USER_UNAUTHORIZED USER_CANNOT_ACCESS_GROUP
    USER_CANNOT_ACCESS_ORG NOT_ORG_GROUP_CREATOR IP_ADDRESS_NOT_ON_ACCESS_LIST IP_ADDRESS_NOT_ON_WHITELIST
    ORG_REQUIRES_WHITELIST ORG_REQUIRES_ACCESS_LIST ACCESS_FORBIDDEN ACCOUNT_SUSPENDED
"""
_BUSY = """
    AUTOMATION_CONFIG_CONCURRENT_MODIFICATION DEFAULT_CONFIG_LIMIT_EXCEPTION WRITES_NOT_ALLOWED_DURING_APP_UPGRADES
    RATE_LIMITED RATE_LIMITED_TOKEN_BUCKET UNEXPECTED_ERROR
"""
_REFUSED = """
    ALREADY_EXPIRED PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY EXPIRATION_DATE_EXCEEDS_MAX EXPIRATION_DATE_IN_PAST
    ATLAS_X509_USER_CANNOT_BE_TEMPORARY ATLAS_X509_USER_CANNOT_USE_LDAP ATLAS_X509_USER_CANNOT_USE_SCRAM
    ATLAS_INVALID_DN_METACHARACTERS ATLAS_INVALID_LDAP_NAME ATLAS_MANAGED_X509_NAME_INVALID ATLAS_INVALID_AUTH_SETTINGS
    ATLAS_INVALID_USERNAME INVALID_MONGODB_USERNAME BLOCKED_USERNAME ATLAS_USER_NOT_USER_EDITABLE
    DATABASE_NAME_INVALID_ADMIN DATABASE_NAME_INVALID_EXTERNAL DUPLICATE_DATABASE_ROLES ATLAS_INVALID_ROLE
    ATLAS_INVALID_ROLE_DATABASE ATLAS_RESTRICTED_ROLE ATLAS_RESTRICTED_COLLECTION ATLAS_INVALID_CUSTOM_ROLE_ASSIGNMENT
    UNSUPPORTED_ROLE WEAK_PASSWORD COMMON_PASSWORD MISSING_PASSWORD INVALID_DATABASE_NAME INVALID_COLLECTION_NAME
    CANNOT_MODIFY_CHARTS_USER DATABASE_USERNAME_CANNOT_BE_CHANGED DATABASE_NAME_CANNOT_BE_CHANGED
    AUTH_TYPE_CANNOT_BE_CHANGED ATLAS_CUSTOM_ROLE_HAS_NO_PERMISSIONS ATLAS_CUSTOM_ROLE_INVALID_NAME
    ATLAS_DUPLICATE_CUSTOM_ROLE_ACTION ATLAS_DUPLICATE_CUSTOM_ROLE_RESOURCE ATLAS_INVALID_CUSTOM_ROLE_INHERITANCE
    ATLAS_INVALID_CUSTOM_ROLE_CIRCULAR_DEPENDENCY ATLAS_INVALID_CUSTOM_ROLE_INHERITED_SCOPE ATLAS_INVALID_RESOURCE
    ATLAS_INVALID_CUSTOM_ROLE_RESTRICTED ATLAS_INVALID_CUSTOM_ROLE_SELF_REFERENTIAL
    ATLAS_RESERVED_CUSTOM_ROLE_RESTRICTED CUSTOM_ROLE_ACTIONS_INVALID_FOR_EXISTING_CLUSTERS
    INVALID_IP_ADDRESS_OR_CIDR_NOTATION INVALID_CIDR_BLOCK MULTIPLE_VALUES_SPECIFIED_FOR_ONE_NETWORK_PERMISSION_ENTRY
    DUPLICATE_ADDRESSES_IN_INPUT INVALID_NETWORK_PERMISSION_COMMENT NETWORK_PERMISSION_EXPIRATION_NOT_SUPPORTED
    CANNOT_USE_AWS_SECURITY_GROUP_WITHOUT_VPC_PEERING_CONNECTION CANNOT_ADD_IP_ADDRESS_TO_WHITELIST
    CERT_EXPIRY_CANNOT_EXCEED_TWO_YEARS CANNOT_GENERATE_CERT_IF_ADVANCED_X509 USER_NOT_MANAGED_X509
    EXPIRED_X509_CA_CERTIFICATE INVALID_ROLE_FOR_GROUP INVALID_ENUM_VALUE CANNOT_ADD_ORG_ROLE INVALID_USERNAME
    DOMAIN_NOT_IN_ALLOW_LIST CANNOT_DELETE_LAST_OWNER CANNOT_DEMOTE_LAST_OWNER CANNOT_DELETE_LAST_ADMIN
    NO_ROLES_IN_ASSIGNMENT CANNOT_ADD_PENDING_USER INVALID_USER_ID INVALID_VERSION_DATE VERSION_GONE INVALID_ATTRIBUTE
    INVALID_PATH_PARAMETER INVALID_QUERY_PARAMETER INVALID_JSON INVALID_JSON_ATTRIBUTE MALFORMED_JSON MISSING_ATTRIBUTE
    MISSING_ATTRIBUTES INVALID_DATE_FORMAT GROUP_MISMATCH ATTRIBUTE_READ_ONLY VALIDATION_ERROR
"""
# ATLAS_GENERAL_ERROR says nothing: it stays unknown.
_KINDS: Mapping[str, Kind] = {
    code: kind
    for kind, codes in {
        Kind.GONE: _GONE,
        Kind.EXISTS: _EXISTS,
        Kind.IN_USE: _IN_USE,
        Kind.FULL: _FULL,
        Kind.RIGHTS: _RIGHTS,
        Kind.BUSY: _BUSY,
        Kind.REFUSED: _REFUSED,
    }.items()
    for code in codes.split()
}
_SENTENCES: Mapping[Kind, str] = {
    Kind.GONE: "It is no longer there ({}).",
    Kind.EXISTS: "Something of that name is there already ({}).",
    Kind.IN_USE: "Somebody else still needs it ({}).",
    Kind.FULL: "A limit of the Atlas project is reached ({}). End access that is no longer needed, or have it raised.",
    Kind.REFUSED: "Atlas will not take it as it is ({}).",
    Kind.RIGHTS: "Atlas does not let the worker's account do this there ({}). Check its roles in the project, its API "
    "access list, and the project in the connection record.",
    Kind.BUSY: "Atlas cannot take it right now ({}).",
    Kind.UNKNOWN: "Atlas refused it ({}).",
}
_CODE = re.compile(r"[A-Z][A-Z0-9_]{1,79}")


class AtlasFailure(ProvisionerError):
    """A call that Atlas did not carry out, or of which we do not know whether it did (`outcome_unknown`)."""

    def __init__(
        self,
        sentence: str,
        *,
        code: str = "",
        status: int = 0,
        unreachable: bool = False,
        outcome_unknown: bool = False,
        answered: bool = False,
        retry_after: float = 0.0,
    ) -> None:
        self.code = code
        self.status = status
        self.kind = _KINDS.get(code, Kind.UNKNOWN)
        self.outcome_unknown = outcome_unknown
        self.answered = answered
        super().__init__(
            sentence, permanent=self.kind is Kind.REFUSED, unreachable=unreachable, retry_after=retry_after
        )

    @property
    def gone(self) -> bool:
        """What the call named is not there. A lost right or another project is never taken for that."""
        return self.kind is Kind.GONE and self.status == HTTPStatus.NOT_FOUND

    @property
    def exists(self) -> bool:
        return self.kind is Kind.EXISTS

    @property
    def in_use(self) -> bool:
        return self.kind is Kind.IN_USE

    @property
    def full(self) -> bool:
        return self.kind is Kind.FULL


@dataclass(frozen=True, slots=True)
class Refusal:
    """What Atlas answered instead of doing it. Its own text is left behind: it may quote what we sent."""

    status: int
    code: str

    @classmethod
    def of(cls, answer: httpx2.Response) -> Refusal:
        try:
            body = answer.json()
        except ValueError:
            body = None
        return cls(answer.status_code, code_of(body))

    @property
    def kind(self) -> Kind:
        return _KINDS.get(self.code, Kind.UNKNOWN)

    def failure(self, *, is_safe: bool, wait: float = 0.0) -> AtlasFailure:
        named = f"code {self.code}" if self.code else f"status {self.status}"
        if self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return AtlasFailure(
                f"Atlas could not carry out the call ({named}).",
                code=self.code,
                status=self.status,
                # Of a write that Atlas began to carry out nobody knows how far it came: whoever asked looks it up.
                unreachable=is_safe and not wait,
                outcome_unknown=not is_safe,
                answered=True,
                retry_after=wait,
            )
        kind = Kind.RIGHTS if self.status == HTTPStatus.UNAUTHORIZED else self.kind
        return AtlasFailure(_SENTENCES[kind].format(named), code=self.code, status=self.status, retry_after=wait)


def code_of(body: object) -> str:
    """The errorCode of an answer, or nothing when there is none that could be one."""
    code = body.get("errorCode") if isinstance(body, dict) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else ""
