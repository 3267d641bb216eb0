"""The same ask on several servers: which others can be ticked, what each of them would take, and the filing of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from accessrequests.domain.events import Via
from accessrequests.domain.kinds import KINDS
from accessrequests.models import AccessRequest, Person, Target
from accessrequests.operations import access_requests, bundles
from accessrequests.operations.idempotency import Idempotency
from accessrequests.queries import asks
from accessrequests.queries.asks import Asked, Considered, Invalid, NotReadYet
from accessrequests.queries.offers import cost_of


def others_of(targets: Iterable[Target], chosen: Target | None, *, kind: str) -> list[tuple[str, str]]:
    """Servers on which the same words mean the same: of the same kind, without clusters, and offering such an access."""
    if chosen is None or KINDS[chosen.kind].has_clusters:
        return []
    alike = [one for one in targets if one.kind == chosen.kind and kind in one.offers.get("kinds", [])]
    return [(one.slug, one.slug) for one in alike if one.slug != chosen.slug][: bundles.MOST - 1]


def each(asked: Asked, also: Sequence[str]) -> list[Asked]:
    return [asked, *(replace(asked, target=slug) for slug in also)]


def foreseen(considered: Considered, also: Sequence[str], *, requester: Person, at: datetime) -> list[tuple[str, str]]:
    """By name, what each of the others would take, or why it cannot be asked there."""
    found = []
    for one in each(considered.asked, also)[1:]:
        try:
            verdict = asks.consider(
                requester=requester, asked=one, at=at, is_draft=True, version=considered.policy_version
            ).verdict
            found.append((one.target, verdict.refusals[0].sentence if verdict.refusals else f"{cost_of(verdict)}."))
        except (Invalid, NotReadYet) as error:
            found.append((one.target, str(error)))
    return found


def filed(person: Person, asked: Asked, also: Sequence[str], *, key: Idempotency | None) -> AccessRequest:
    """What was asked for on the first server, filed alone or together with the others."""
    if not also:
        return access_requests.submit(requester=person, asked=asked, via=Via.WEB, idempotency=key)
    several = each(asked, also)
    try:
        return bundles.submit(requester=person, asked=several, via=Via.WEB, idempotency=key)[0]
    except Invalid as error:
        said = [
            f"{several[int(name.split('.')[1])].target}: {sentence}" if name.startswith("asks.") else sentence
            for name, sentences in error.errors.items()
            for sentence in sentences
        ]
        raise Invalid({"also": said}) from error
