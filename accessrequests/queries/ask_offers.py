"""Whether a target offers what is asked for, and in a way that we can give."""

from __future__ import annotations

from collections.abc import Sequence

from accessrequests.domain.kinds import KINDS, named_method
from accessrequests.models import Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import principals


def check_offer(target: Target, *, kind: str, authentication: str, errors: dict[str, list[str]]) -> None:
    """That the target offers such an access, and that we can give it."""
    kinds = target.offers.get("kinds", [])
    methods = target.offers.get("authentication", [])
    if kind not in kinds:
        errors["kind"] = [f"{target.slug} offers {_listed(kinds)}, not {kind}."]
    if not principals.makes_a_user(kind):
        return
    given = KINDS[target.kind].given
    if authentication not in methods:
        errors["authentication"] = [f"{target.slug} offers {_listed(methods)}, not {authentication}."]
    elif authentication not in given:
        named = named_method(authentication)
        can = _listed(sorted(given.intersection(methods)))
        errors["authentication"] = [f"We cannot give access by {named} on {target.slug} yet. It can be given by {can}."]


def check_network_gate(target: Target, *, kind: str, addresses: Sequence[str], errors: dict[str, list[str]]) -> None:
    """Where nobody gets in from an address that is not listed, the access needs one; and no more than can be opened."""
    known = KINDS[target.kind]
    if len(addresses) > known.most_addresses:
        sentence = f"At most {known.most_addresses} addresses fit one request for {target.slug}. Name a block of them."
        errors["source_addresses"] = [sentence]
    needs_one = known.needs_address and kind == AccessKind.DATABASE_USER
    if needs_one and not addresses:
        sentence = f"{target.slug} lets people in only from addresses that are listed. Name the one you connect from."
        errors["source_addresses"] = [sentence]


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "nothing"
