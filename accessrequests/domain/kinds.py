"""What we know of each kind of target, and of each way to sign in, without looking at one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

# What is granted for a while: a user that is made, or roles added to a login that stands anyway.
ACCESS_KINDS = ("database_user", "role_grant", "project_role")
SCRAM = "scram"
X509 = "x509"
# Atlas makes this one, with an authority of the project's own; whoever has `x509` was certified by ours.
X509_MANAGED = "x509_managed"
AWS_IAM = "aws_iam"
OIDC = "oidc"
LDAP = "ldap"
METHODS = (SCRAM, X509, X509_MANAGED, AWS_IAM, OIDC, LDAP)
CERTIFICATES = frozenset({X509, X509_MANAGED})
METHOD_NAMES: Mapping[str, str] = {
    SCRAM: "a password",
    X509: "an X.509 certificate",
    X509_MANAGED: "an X.509 certificate that Atlas makes",
    AWS_IAM: "AWS IAM",
    OIDC: "OIDC",
    LDAP: "LDAP",
}


@dataclass(frozen=True, slots=True)
class TargetKind:
    """One kind of target. `is_limited`: it holds only so many users and addresses. `expiring`: the ways to sign in
    whose users it deletes by itself at a given date. `furthest_end`: that date may lie at most so far ahead. `given`:
    the ways to sign in that we can give there, whatever a catalogue offers. `most_addresses`: so many are opened within
    the time that a step may take. `keeps_logins`: it tells who logged in, for some days. `tells_changes`: it tells who
    changed what. `has_search`: it has search indexes. `cuts_together`: to cut many users at once costs it little more
    than one. `usually_takes`: how long until it has carried a change out, or was looked at whole.
    """

    has_clusters: bool = False
    is_limited: bool = False
    needs_address: bool = False
    expiring: frozenset[str] = frozenset()
    furthest_end: timedelta | None = None
    given: frozenset[str] = frozenset({SCRAM})
    most_addresses: int = 20
    keeps_logins: bool = False
    tells_changes: bool = False
    has_search: bool = False
    cuts_together: bool = False
    usually_takes: str = "a second or two"


# MongoDB Atlas refuses a date for users with a certificate, and says nothing of one for AWS IAM, OIDC and LDAP users
# (Administration API, "Create One Database User"), so that we count on one for passwords only.
KINDS: Mapping[str, TargetKind] = {
    "mongodb": TargetKind(cuts_together=True),
    "atlas": TargetKind(
        has_clusters=True,
        is_limited=True,
        needs_address=True,
        expiring=frozenset({SCRAM}),
        # Less than seven days, by Atlas's own clock (error EXPIRATION_DATE_EXCEEDS_MAX).
        furthest_end=timedelta(days=7) - timedelta(minutes=5),
        given=frozenset(METHODS),
        most_addresses=4,
        keeps_logins=True,
        tells_changes=True,
        has_search=True,
        usually_takes="less than a minute",
    ),
}


def named_method(method: str) -> str:
    return METHOD_NAMES.get(method, method)
