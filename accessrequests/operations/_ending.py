"""The one way into revocation, inside the operation that holds the row of the grant, and the way to hold it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from accessrequests.domain.events import PRODUCT, Actor, Event
from accessrequests.domain.lifecycle import (
    GATE_MOVES,
    GRANT_MOVES,
    EndReason,
    GateState,
    GrantState,
    check_move,
)
from accessrequests.domain.wording import moment
from accessrequests.models import Gate, Grant
from accessrequests.operations import _credential
from accessrequests.operations._record import CLOCKWORK, Fact
from accessrequests.operations.refusals import IllegalMove
from accessrequests.queries import grants as grant_queries

DATABASE_BEHIND = "The database's clock runs behind, so the end was taken from a clock that is right."
ALIVE = {GrantState.PENDING.value, GrantState.ACTIVE.value}


def start_revocation(grant: Grant, reason: EndReason, *, actor: Actor, at: datetime, note: str = "") -> list[Fact]:
    """Move to revoking. Raising the attempt number voids every claim on the grant that is still out."""
    check_move(GRANT_MOVES, GrantState(grant.state), GrantState.REVOKING)
    was = grant.state
    grant.state = GrantState.REVOKING.value
    grant.end_reason = reason.value
    grant.ended_by = actor.name
    grant.note = note
    grant.revocation_started_at = at
    grant.attempt += 1
    grant.failures, grant.last_error, grant.waits_for = 0, "", ""
    grant.save()
    facts = [
        Fact(
            Event.GRANT_REVOCATION_STARTED, str(grant), {"reason": reason.value, "note": note, "was": was}, grant=grant
        )
    ]
    if _credential.erase(grant, at):
        facts.append(Fact(Event.CREDENTIAL_ERASED, str(grant), {"why": "the access ends"}))
    return facts


def locked(grant_id: int) -> Grant:
    """The grant, its row locked, and all that it stands on, read after the lock.

    :raises Grant.DoesNotExist: when it is not there.
    """
    found = locked_all([grant_id])
    if not found:
        raise Grant.DoesNotExist
    return found[0]


def locked_all(grant_ids: Collection[int], *, skip_held: bool = False) -> list[Grant]:
    """Several at once, in order of their ids, so that nobody waits in a circle; or without those that others hold.

    One SELECT with joins would not do: what it joins is as old as the statement, not as new as the lock.
    """
    rows = Grant.objects.select_for_update(no_key=True, skip_locked=skip_held).filter(pk__in=grant_ids)
    held = list(rows.order_by("pk").values_list("pk", flat=True))
    joined = Grant.objects.select_related("target", "holder", "access_request__requester")
    joined = joined.select_related("access_request__beneficiary", "access_request__policy_version")
    found = list(joined.filter(pk__in=held).order_by("pk"))
    for grant in found:
        grant.access_request.target = grant.target
    return found


def expired(grant: Grant, *, at: datetime, latest: datetime | None) -> list[Fact]:
    """What follows where its deadline has come: for an active grant its end, for a pending one that of its window."""
    over = max(at, latest or at)
    if grant.state == GrantState.ACTIVE and grant.expires_at is not None and over >= grant.expires_at:
        note = DATABASE_BEHIND if at < grant.expires_at else ""
        return start_revocation(grant, EndReason.EXPIRY, actor=CLOCKWORK, at=at, note=note)
    if grant.state == GrantState.PENDING and over >= grant_queries.latest_start(grant):
        late = grant_queries.NotOpened(EndReason.PROVISIONING_FAILED, grant.last_error or grant_queries.TOO_LATE)
        return gave_up(grant, late, at)
    return []


def gave_up(grant: Grant, refusal: grant_queries.NotOpened, at: datetime) -> list[Fact]:
    """It is not opened any more, and ends."""
    facts = {"reason": refusal.reason.value, "why": refusal.sentence}
    failed = Fact(Event.GRANT_PROVISIONING_FAILED, str(grant), facts)
    return [failed, *start_revocation(grant, refusal.reason, actor=CLOCKWORK, at=at, note=refusal.sentence)]


def move_gates(grant: Grant, state: GateState, evidence: Mapping[str, Mapping[str, Any]]) -> None:
    gates = list(grant.gates.all())
    for gate in gates:
        check_move(GATE_MOVES, GateState(gate.state), state)
        gate.state = state.value
        gate.evidence = {**gate.evidence, state.value: dict(evidence.get(gate.gate, {}))}
    Gate.objects.bulk_update(gates, ["state", "evidence"])


def ended_by_person(grant: Grant, reason: EndReason, *, actor: Actor, at: datetime, note: str) -> list[Fact]:
    """Somebody who may ends the access.

    :raises IllegalMove: when it is ending or has ended.
    """
    if grant.state not in ALIVE:
        since = grant.revocation_started_at or at
        raise IllegalMove(_who_ended(grant, actor.name, since), person=grant.ended_by, what=grant.end_reason, at=since)
    return start_revocation(grant, reason, actor=actor, at=at, note=note)


def _who_ended(grant: Grant, who_asks: str, at: datetime) -> str:
    if grant.ended_by == PRODUCT:
        return f"It had ended already, at {moment(at)}."
    ended = "ending" if grant.state == GrantState.REVOKING else "ended"
    faster = "You have done that" if grant.ended_by == who_asks else f"{grant.ended_by} was faster"
    return f"{faster}: the access is {ended} already."
