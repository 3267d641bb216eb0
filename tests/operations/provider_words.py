"""What a provider says of Nina, and how it comes to the operations."""

from __future__ import annotations

import dataclasses
from typing import Any

from accessrequests.domain.claims import Claims
from accessrequests.models import Identity, Membership, Person
from accessrequests.operations import identities
from tests import make

ISSUER = "https://id.example.com"
NINA = Claims(
    subject="42",
    username="nina",
    name="Nina Novak",
    email="nina@example.com",
    groups=frozenset({"engineering", "book-club"}),
    is_active=True,
)


def arrive(tokens: str = "", **changes: Any) -> Person:
    return identities.arrive(issuer=ISSUER, claims=dataclasses.replace(NINA, **changes), tokens=tokens)


def follow(identity: Identity, **changes: Any) -> Person:
    claims = dataclasses.replace(NINA, **changes)
    return identities.follow(identity_id=identity.pk, tokens_round=identity.tokens_round, claims=claims)


def keep(identity: Identity) -> int:
    return identities.keep_tokens(identity_id=identity.pk, tokens_round=identity.tokens_round, tokens='{"new": 1}')


def link(person: Person, subject: str = "42") -> Identity:
    make.apply(person.username, identity={"issuer": ISSUER, "subject": subject})
    return Identity.objects.get(person=person)


def sources(person: Person) -> set[tuple[str, str]]:
    return set(Membership.objects.filter(person=person).current().values_list("group__name", "source"))
