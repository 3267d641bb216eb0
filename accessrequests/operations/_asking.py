"""An ask on its way into the row of a request, inside one operation; and as the audit trail tells it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from accessrequests.domain import policy
from accessrequests.domain.events import PRODUCT, Actor, Event, Via
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.window import format_duration
from accessrequests.models import AccessRequest, Person
from accessrequests.operations._asked import put_to
from accessrequests.operations._granting import approved
from accessrequests.operations._record import Fact
from accessrequests.operations.refusals import Refused
from accessrequests.queries import asks
from accessrequests.queries.asks import Asked, Considered


def filed(requester: Person, asked: Asked, *, via: Via, at: datetime) -> tuple[AccessRequest, list[Fact]]:
    """File one ask; where the policy asks nobody, it is born approved.

    :raises Refused: when the policy says no.
    """
    considered = asks.consider(requester=requester, asked=asked, at=at)
    check_allowed(considered)
    access_request = row_of(requester, considered, at)
    put_to(access_request, considered.verdict)
    access_request.save(update_fields=["stand_ins", "step_groups", "wanted_groups", "look_again_at"])
    facts = [Fact(Event.ACCESS_REQUEST_SUBMITTED, str(access_request), facts_of(access_request))]
    if considered.verdict.automatic:
        facts.append(approved_by_policy(access_request, via, at))
    return access_request, facts


def check_allowed(considered: Considered) -> None:
    """:raises Refused: when the policy says no, naming the first rule that does."""
    if not considered.verdict.allowed:
        first = considered.verdict.refusals[0]
        raise Refused(first.sentence, rule=first.rule)


def approved_by_policy(access_request: AccessRequest, via: Via, at: datetime) -> Fact:
    """Nobody approved it, least of all who asks: the product did, because the policy asks nobody."""
    return replace(approved(access_request, decided_by="policy", at=at), actor=Actor(name=PRODUCT, via=via))


def row_of(requester: Person, considered: Considered, at: datetime) -> AccessRequest:
    return AccessRequest.objects.create(
        requester=requester,
        beneficiary=considered.beneficiary,
        target=considered.target,
        kind=considered.asked.kind,
        state=AccessRequestState.PENDING.value,
        filed_at=at,
        lapses_at=at + considered.verdict.lapses_after,
        **_asked_for(considered),
    )


def rewrite(access_request: AccessRequest, considered: Considered, at: datetime) -> None:
    """Put another ask of the same person on the same target in the place of the first. Every answer to that is void.

    Who may decide was settled when it was filed, and it waits no longer than it would have.
    """
    for name, value in _asked_for(considered).items():
        setattr(access_request, name, value)
    access_request.approved_duration = None
    access_request.revision += 1
    access_request.lapses_at = min(access_request.lapses_at, at + considered.verdict.lapses_after)
    access_request.stand_ins = []
    put_to(access_request, considered.verdict)
    access_request.save()


def _asked_for(considered: Considered) -> dict[str, Any]:
    asked, verdict = considered.asked, considered.verdict
    return {
        "roles": [str(role) for role in considered.roles],
        "privileges": asks.stored_privileges(considered.privileges),
        "principal": considered.principal.name,
        "service": considered.principal.service or considered.principal.group,
        "owners": list(considered.owners),
        "clusters": list(considered.clusters),
        "authentication": asked.authentication,
        "source_addresses": list(considered.source_addresses),
        "duration": asked.duration,
        "starts_at": asked.starts_at,
        "reason": asked.reason,
        "ticket": asked.ticket,
        "level": verdict.level.value,
        "policy_version": considered.policy_version,
        "verdict": policy.to_json(verdict),
    }


def facts_of(access_request: AccessRequest) -> dict[str, object]:
    return {
        "target": access_request.target.slug,
        "kind": access_request.kind,
        "roles": access_request.roles,
        **({"principal": access_request.principal} if access_request.principal else {}),
        "level": access_request.level,
        "duration": format_duration(access_request.duration),
        "beneficiary": access_request.beneficiary.username,
        **({"owners": access_request.owners} if access_request.beneficiary.is_service else {}),
        "clusters": access_request.clusters,
        "authentication": access_request.authentication,
        "source_addresses": access_request.source_addresses,
        "reason": access_request.reason,
        "ticket": access_request.ticket,
        "policy": access_request.policy_version.version,
        "rules": access_request.verdict["rules"],
    }
