"""The one way into revocation, inside the operation that holds the row of the grant, and the way to hold it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F
from psycopg.types.json import Jsonb

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
_TURNED = (
    *("state", "end_reason", "ended_by", "note", "revocation_started_at"),
    *("failures", "last_error", "waits_for"),
)
ALIVE = {GrantState.PENDING.value, GrantState.ACTIVE.value}


def start_revocation(grant: Grant, reason: EndReason, *, actor: Actor, at: datetime, note: str = "") -> list[Fact]:
    """Move to revoking. Raising the attempt number voids every claim on the grant that is still out."""
    started = _turn(grant, reason, actor=actor, at=at, note=note)
    grant.save()
    return [started, *([_erased(grant)] if _credential.erase(grant, at) else [])]


def _turn(grant: Grant, reason: EndReason, *, actor: Actor, at: datetime, note: str) -> Fact:
    """What changes in the row, which is not written yet: `_TURNED`, and the attempt."""
    check_move(GRANT_MOVES, GrantState(grant.state), GrantState.REVOKING)
    was = grant.state
    grant.state = GrantState.REVOKING.value
    grant.end_reason = reason.value
    grant.ended_by = actor.name
    grant.note = note
    grant.revocation_started_at = at
    grant.attempt += 1
    grant.failures, grant.last_error, grant.waits_for = 0, "", ""
    facts = {"reason": reason.value, "note": note, "was": was}
    return Fact(Event.GRANT_REVOCATION_STARTED, str(grant), facts, grant=grant)


def _erased(grant: Grant) -> Fact:
    return Fact(Event.CREDENTIAL_ERASED, str(grant), {"why": "the access ends"})


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
    if _is_over(grant, over):
        return start_revocation(grant, EndReason.EXPIRY, actor=CLOCKWORK, at=at, note=_note(grant, at))
    if grant.state == GrantState.PENDING and over >= grant_queries.latest_start(grant):
        late = grant_queries.NotOpened(EndReason.PROVISIONING_FAILED, grant.last_error or grant_queries.TOO_LATE)
        return gave_up(grant, late, at)
    return []


def expired_together(grants: Collection[Grant], *, at: datetime, latest: datetime | None) -> list[Fact]:
    """The same of many, the active ones written at once: two thousand within seconds leave no statement for each."""
    active = [grant for grant in grants if _is_over(grant, max(at, latest or at))]
    facts = [fact for grant in grants if grant not in active for fact in expired(grant, at=at, latest=latest)]
    if not active:
        return facts
    started = [_turn(grant, EndReason.EXPIRY, actor=CLOCKWORK, at=at, note=_note(grant, at)) for grant in active]
    update_alike(active, _TURNED, attempt=F("attempt") + 1)
    erased = _credential.erase_all(active, at)
    for grant, fact in zip(active, started, strict=True):
        facts += [fact, _erased(grant)] if grant.pk in erased else [fact]
    return facts


def update_alike(grants: Iterable[Grant], columns: Sequence[str], **more: Any) -> None:
    """Write these columns as the objects have them, in one statement for all that are to be alike."""
    alike: dict[tuple[Any, ...], list[int]] = {}
    for grant in grants:
        alike.setdefault(tuple(getattr(grant, column) for column in columns), []).append(grant.pk)
    for values, found in alike.items():
        Grant.objects.filter(pk__in=found).update(**dict(zip(columns, values, strict=True)), **more)


def _is_over(grant: Grant, at: datetime) -> bool:
    return grant.state == GrantState.ACTIVE and grant.expires_at is not None and at >= grant.expires_at


def _note(grant: Grant, at: datetime) -> str:
    return DATABASE_BEHIND if grant.expires_at is not None and at < grant.expires_at else ""


def gave_up(grant: Grant, refusal: grant_queries.NotOpened, at: datetime) -> list[Fact]:
    """It is not opened any more, and ends."""
    facts = {"reason": refusal.reason.value, "why": refusal.sentence}
    failed = Fact(Event.GRANT_PROVISIONING_FAILED, str(grant), facts)
    return [failed, *start_revocation(grant, refusal.reason, actor=CLOCKWORK, at=at, note=refusal.sentence)]


# One statement, whose length does not grow with their number.
_MOVE_GATES = """
UPDATE accessrequests_gate AS gate SET state = %(state)s, evidence = gate.evidence || said.evidence
  FROM unnest(%(ids)s::bigint[], %(evidence)s::jsonb[]) AS said (id, evidence) WHERE gate.id = said.id
"""


def move_gates(grant: Grant, state: GateState, evidence: Mapping[str, Mapping[str, Any]]) -> None:
    move_all_gates({grant.pk: evidence}, state)


def move_all_gates(said: Mapping[int, Mapping[str, Mapping[str, Any]]], state: GateState) -> None:
    """The gates of many grants, with what the target said of each gate of each grant."""
    gates = list(Gate.objects.filter(grant__in=said).order_by("pk"))
    for gate in gates:
        check_move(GATE_MOVES, GateState(gate.state), state)
    evidence = [Jsonb({state.value: dict(said[gate.grant_id].get(gate.gate, {}))}) for gate in gates]
    with connection.cursor() as cursor:
        cursor.execute(_MOVE_GATES, {"state": state.value, "ids": [gate.pk for gate in gates], "evidence": evidence})


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
