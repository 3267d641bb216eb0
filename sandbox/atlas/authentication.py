"""How a database user signs in: which names and databases go with which method."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID

from sandbox.atlas.attributes import choice
from sandbox.atlas.wire import AtlasError

ADMIN, EXTERNAL = "admin", "$external"
NONE = "NONE"
METHODS: Mapping[str, tuple[str, ...]] = {
    "awsIAMType": ("USER", "ROLE"),
    "ldapAuthType": ("USER", "GROUP"),
    "oidcAuthType": ("IDP_GROUP", "USER"),
    "x509Type": ("CUSTOMER", "MANAGED"),
}
_ON_ADMIN = frozenset({("ldapAuthType", "GROUP"), ("oidcAuthType", "IDP_GROUP")})
_MOST_LETTERS = 1024
_LEAST_PASSWORD = 8

_SCRAM_NAME = re.compile(r"[^\s\0]+")
_BLOCKED_PREFIXES = ("mms-", "__system")
_ARN = {
    "USER": re.compile(r"arn:aws[\w-]*:iam::\d{12}:user/[\w+=,.@/-]+"),
    "ROLE": re.compile(r"arn:aws[\w-]*:(iam::\d{12}:role|sts::\d{12}:assumed-role)/[\w+=,.@/-]+"),
}
_OIDC_NAME = re.compile(r"[0-9a-f]{24}/[^/\s]\S*")
_MANAGED_NAME = re.compile(r"(CN=)?[^,=+<>;\"\\]+")
_LONE_METACHARACTER = re.compile(r'(?<!\\)[<>;"]')
_ATTRIBUTE = re.compile(r"(^|(?<!\\)[,+])\s*([A-Za-z][\w-]*)=")
# RFC 2253 names seven kinds of attributes; e-mail addresses are in the subjects of many certificates all the same.
_MORE_NAMES = {"EMAILADDRESS": NameOID.EMAIL_ADDRESS, "E": NameOID.EMAIL_ADDRESS}
_COMMON = frozenset({"12345678", "123456789", "1234567890", "password", "password1", "passw0rd", "qwertyuiop"})

Method = tuple[str, str] | None


def method_of(user: Mapping[str, Any]) -> Method:
    """The attribute and its value that say how the user signs in; None is by password.

    :raises AtlasError: a value that is none, or two methods at once.
    """
    chosen = [(name, said) for name, types in METHODS.items() if (said := choice(user, name, (NONE, *types)))]
    found = [each for each in chosen if each[1] != NONE]
    if {name for name, _ in found} == {"ldapAuthType", "x509Type"}:
        raise AtlasError("ATLAS_X509_USER_CANNOT_USE_LDAP")
    if len(found) > 1:
        raise AtlasError("ATLAS_INVALID_AUTH_SETTINGS", "one user signs in in one way")
    return found[0] if found else None


def check_database(method: Method, database: str) -> None:
    """:raises AtlasError: users of this method are on the other database."""
    belongs = ADMIN if method is None or method in _ON_ADMIN else EXTERNAL
    if database == belongs:
        return
    if belongs == EXTERNAL:
        raise AtlasError("DATABASE_NAME_INVALID_EXTERNAL")
    raise AtlasError("DATABASE_NAME_INVALID_ADMIN", "A user with a password" if method is None else "A group")


def check_name(method: Method, name: str) -> None:
    """:raises AtlasError: the name does not go with the method."""
    if len(name) > _MOST_LETTERS:
        raise AtlasError("ATLAS_INVALID_USERNAME", name)
    match method:
        case None:
            if name.startswith(_BLOCKED_PREFIXES):
                raise AtlasError("BLOCKED_USERNAME", name)
            _check_pattern(_SCRAM_NAME, name)
        case ("awsIAMType", kind):
            _check_pattern(_ARN[kind], name)
        case ("oidcAuthType", _):
            _check_pattern(_OIDC_NAME, name)
        case ("x509Type", "MANAGED"):
            if _MANAGED_NAME.fullmatch(name) is None:
                raise AtlasError("ATLAS_MANAGED_X509_NAME_INVALID", name)
        case ("x509Type", _):
            if not _distinguished(name).get_attributes_for_oid(NameOID.COMMON_NAME):
                raise AtlasError("ATLAS_INVALID_USERNAME", name)
        case _:
            _distinguished(name)


def check_password(method: Method, password: str | None) -> None:
    """:raises AtlasError: it is weak, or given to a user who signs in in another way."""
    if password is None:
        return
    if method is not None and method[0] == "x509Type":
        raise AtlasError("ATLAS_X509_USER_CANNOT_USE_SCRAM")
    if method is not None:
        raise AtlasError("ATLAS_INVALID_AUTH_SETTINGS", "a user who signs in elsewhere has no password")
    if len(password) < _LEAST_PASSWORD:
        raise AtlasError("WEAK_PASSWORD")
    if password.lower() in _COMMON:
        raise AtlasError("COMMON_PASSWORD")


def _check_pattern(pattern: re.Pattern[str], name: str) -> None:
    if pattern.fullmatch(name) is None:
        raise AtlasError("ATLAS_INVALID_USERNAME", name)


def _distinguished(name: str) -> x509.Name:
    """A distinguished name as in RFC 2253.

    :raises AtlasError: it is none.
    """
    if _LONE_METACHARACTER.search(name):
        raise AtlasError("ATLAS_INVALID_DN_METACHARACTERS", name)
    # Names of attributes are in any case, and a space may follow a comma.
    spelt = _ATTRIBUTE.sub(lambda found: found[1] + found[2].upper() + "=", name)
    try:
        return x509.Name.from_rfc4514_string(spelt, _MORE_NAMES)
    except ValueError as error:
        raise AtlasError("ATLAS_INVALID_LDAP_NAME", name) from error
