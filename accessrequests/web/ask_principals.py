"""The part of the form that says who signs in, where AWS, a provider of identities or a directory vouches for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accessrequests.domain.kinds import named_method
from accessrequests.queries.principals import Principal


@dataclass(frozen=True, slots=True)
class KnownPrincipal:
    """A login of the person's that others vouch for."""

    method: str
    value: str
    said: str


def principals_of(vouched: Sequence[tuple[str, str, Principal]], methods: Sequence[str]) -> list[KnownPrincipal]:
    """Those that the catalogue declares as the person's, for the ways to sign in that may be chosen."""
    return [
        KnownPrincipal(method, name, f"{named_method(method)}. {one.who_else or 'Yours.'}")
        for method, name, one in vouched
        if method in methods
    ]


def principals_hint(known: Sequence[KnownPrincipal]) -> str:
    said = "For AWS IAM, OIDC and LDAP: the ARN, the provider's id with the group or user, or the distinguished name."
    if not known:
        return f"{said} The catalogue declares none of them as yours here; an administrator adds it."
    return f"{said} Yours here: {', '.join(one.value for one in known)}."
