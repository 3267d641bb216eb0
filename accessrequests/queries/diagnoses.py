"""What is known of why an access does not work, without asking its target."""

from __future__ import annotations

import ipaddress

from accessrequests.domain.diagnosis import Cause, Shut
from accessrequests.domain.lifecycle import CredentialState, EndReason, GateName, GrantState
from accessrequests.domain.networks import read_network
from accessrequests.domain.wording import ending, moment
from accessrequests.models import Diagnosis, Grant
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries.belonging import Belonging


def may_ask(belonging: Belonging, grant: Grant) -> bool:
    """Its holder, those who may end it, and those who see everything."""
    is_holder = belonging.person.stands_for(grant.holder)
    return is_holder or belonging.sees_all or belonging.may_end(grant.access_request)


def last_of(grant: Grant) -> Diagnosis | None:
    return Diagnosis.objects.select_related("asked_by").filter(grant=grant).first()


def unanswered(grant_id: int) -> Diagnosis | None:
    """The question that waits for an answer, with all that it is about."""
    waiting = Diagnosis.objects.filter(grant_id=grant_id, finished_at=None)
    return waiting.select_related(
        "grant__target", "grant__holder", "grant__access_request", "grant__credential"
    ).first()


def gates_of(grant: Grant) -> tuple[GateName, ...]:
    """What one must pass. Who has a role in a project signs in to its pages, from anywhere."""
    if grant.access_request.kind == AccessKind.PROJECT_ROLE:
        return GateName.USER, GateName.ROLES
    return tuple(GateName)


def not_live(grant: Grant) -> Shut | None:
    """Why there is nothing on the target to look at."""
    if grant.state == GrantState.PENDING:
        return Shut(Cause.NOT_SET_UP)
    if grant.state == GrantState.ACTIVE:
        return None
    return Shut(Cause.ENDED, ending(EndReason(grant.end_reason), by=grant.ended_by, note=grant.note))


def seen_from_here(asked: Diagnosis) -> list[Shut]:
    """What our own rows say."""
    return [*_of_the_password(asked.grant), *_of_the_way(asked)]


def _of_the_password(grant: Grant) -> list[Shut]:
    credential = getattr(grant, "credential", None)
    if credential is None or credential.state == CredentialState.NONE or credential.revealed_at is not None:
        return []
    return [Shut(Cause.PASSWORD_UNREAD, f", made on {moment(credential.ready_at)}" if credential.ready_at else "")]


def _of_the_way(asked: Diagnosis) -> list[Shut]:
    allowed = [read_network(text) for text in asked.grant.access_request.source_addresses]
    if not (asked.asked_from and allowed):
        return []
    here = ipaddress.ip_address(asked.asked_from)
    is_let_in = any(network is not None and here in network for network in allowed)
    return [] if is_let_in else [Shut(Cause.ASKED_FROM_ELSEWHERE, asked.asked_from)]
