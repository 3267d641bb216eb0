"""Logins that somebody else vouches for, by AWS IAM, OIDC or LDAP: what their names look like, and where they belong.

The names are not ours: somebody may stand on the target under one already, and several accesses may share it.
Atlas Administration API, "Create One Database User": groups of OIDC and LDAP are on `admin`, all others on `$external`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from accessrequests.domain.kinds import AWS_IAM, LDAP, OIDC

ADMIN, EXTERNAL = "admin", "$external"
METHODS = (AWS_IAM, OIDC, LDAP)
WITH_GROUPS = frozenset({OIDC, LDAP})
LONGEST = 1024

_ARN = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:(?:user|role)/[\w+=,.@/-]+", re.ASCII)
_OF_PROVIDER = re.compile(r"[0-9a-f]{24}/[^\s/][^\s\x00-\x1f\x7f]*")
# RFC 2253, 2: what is special stands behind a backslash, as itself or in hexadecimal digits.
_VALUE = r'(?:[^,+"\\<>;=#\x00-\x1f\x7f]|\\[,+"\\<>;=# ]|\\[0-9A-Fa-f]{2})+'
_PART = rf"(?:[A-Za-z][A-Za-z0-9-]*|[0-9]+(?:\.[0-9]+)+)={_VALUE}"
_DISTINGUISHED = re.compile(rf"{_PART}(?:[,+] ?{_PART})*")
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    AWS_IAM: (_ARN, "the ARN of a user or a role, like arn:aws:iam::123456789012:role/reports"),
    OIDC: (
        _OF_PROVIDER,
        "the provider's id in Atlas and the group or user there, like 65d9c1b7c5f5f1f4f7a5e111/analysts",
    ),
    LDAP: (_DISTINGUISHED, "a distinguished name, like cn=analysts,ou=groups,dc=example,dc=com"),
}


def why_no_name(method: str, name: str) -> str:
    """What is wrong with a name, and how one is written; empty for one that the method knows."""
    form, like = _FORMS[method]
    if len(name) <= LONGEST and form.fullmatch(name):
        return ""
    return f"{name[:80] or 'Nothing'} is not such a name. Write {like}."


def database_of(method: str, *, is_group: bool) -> str:
    return ADMIN if is_group and method in WITH_GROUPS else EXTERNAL


def principal_of(method: str, name: str, *, is_group: bool) -> str:
    """As logins are named that stand on a target anyway: name@database."""
    return f"{name}@{database_of(method, is_group=is_group)}"


def name_of(principal: str) -> str:
    return principal.rpartition("@")[0]


def is_group(method: str, principal: str) -> bool:
    return method in WITH_GROUPS and principal.rpartition("@")[2] == ADMIN
