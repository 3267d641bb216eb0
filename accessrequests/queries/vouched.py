"""Logins of AWS IAM, OIDC and LDAP that accesses are made for, as the catalogue declares whose they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accessrequests.domain import external, sharing
from accessrequests.domain.kinds import named_method
from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.sharing import Share
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, Grant, Person, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries.principals import Principal

_NOT_NAMED = "Name who signs in with {}. {}"
_NEEDS_NO_NAME = "Only AWS IAM, OIDC and LDAP sign in under a name of their own. Leave principal out."
_NOT_THEIRS = "The catalogue does not declare {} of {} as {}'s. An administrator adds it."
_TOO_MUCH = (
    "Another access of {} lives{}, and the roles of one login work wherever it works: both together would also give "
    "{} on {} from {}, for which nobody was asked. Ask for the same clusters and addresses, or when that one has ended."
)


def declared(target: Target) -> Mapping[str, Mapping[str, Any]]:
    """By name, each with its method and whose it is."""
    found: Mapping[str, Mapping[str, Any]] = target.declared.get("principals", {})
    return found


def named(target: Target, *, method: str, name: str) -> Principal | None:
    """A declared login, whoever it belongs to."""
    said = declared(target).get(name)
    if said is None or said["method"] != method:
        return None
    group = said.get("group", "")
    principal = external.principal_of(method, name, is_group=bool(group))
    if "person" in said:
        return Principal(principal, (said["person"],), is_vouched=True)
    owners = tuple(said["members" if group else "owners"])
    return Principal(principal, owners, said.get("service", ""), group=group, is_vouched=True)


def of_person(target: Target, person: Person) -> list[tuple[str, str, Principal]]:
    """Method, name and login of each that is this person's, of a service of theirs, or of a group that they are in."""
    every = [(said["method"], name) for name, said in sorted(declared(target).items())]
    found = [(method, name, named(target, method=method, name=name)) for method, name in every]
    return [(method, name, one) for method, name, one in found if one is not None and person.username in one.owners]


def chosen(
    target: Target, *, kind: str, authentication: str, name: str, beneficiary: Person, errors: dict[str, list[str]]
) -> Principal | None:
    """Who would sign in; None where the name is ours to make."""
    if "kind" in errors or "authentication" in errors:
        return None
    if kind != AccessKind.DATABASE_USER or authentication not in external.METHODS:
        if name:
            errors["principal"] = [_NEEDS_NO_NAME]
        return None
    wrong = external.why_no_name(authentication, name)
    found = named(target, method=authentication, name=name)
    if wrong:
        errors["principal"] = [wrong if name else _NOT_NAMED.format(named_method(authentication), _how(wrong))]
    elif found is None or beneficiary.username not in found.owners:
        errors["principal"] = [_NOT_THEIRS.format(name[:128], target.slug, beneficiary.username)]
    return found or Principal("")


def check_still(access_request: AccessRequest, errors: dict[str, list[str]]) -> None:
    """The catalogue of today still says whose login it is."""
    name, who = access_request.named_by_others, access_request.beneficiary.username
    if not name:
        return
    found = named(access_request.target, method=access_request.authentication, name=name)
    if found is None or found.name != access_request.principal or who not in found.owners:
        errors["principal"] = [f"The catalogue no longer declares {name} as {who}'s. Ask again."]


def why_too_much(target: Target, principal: str, share: Share, *, without: AccessRequest | None = None) -> str:
    """Why an access of this login may not be added to those that it has; empty when it may."""
    if not principal:
        return ""
    lives = Grant.objects.filter(target=target, access_request__principal=principal).select_related("access_request")
    lives = lives.filter(access_request__kind=AccessKind.DATABASE_USER.value).exclude(state=GrantState.REVOKED.value)
    for grant in lives.order_by("pk"):
        other = grant.access_request
        if without is not None and other.pk == without.pk:
            continue
        excess = sharing.overlap(share, share_of(other))
        if excess:
            until = f" until {moment(grant.expires_at)}" if grant.expires_at else ""
            first = excess[0]
            where = "every cluster" if first.cluster == sharing.EVERYWHERE else first.cluster
            whence = "everywhere" if first.address == sharing.EVERYWHERE else first.address
            return _TOO_MUCH.format(external.name_of(principal), until, first.role, where, whence)
    return ""


def share_of(access_request: AccessRequest) -> Share:
    return Share(
        frozenset(access_request.roles),
        frozenset(access_request.clusters),
        frozenset(access_request.source_addresses),
    )


def _how(wrong: str) -> str:
    return wrong.partition(". ")[2]
