"""The last statement of every operation: its follow-ups and its audit events, in its own transaction.

`record` wakes the relay on commit and has the database seal the events onto the chain, under the one lock of the trail.
Lock order: rows first, audit last. Nothing may follow it in the transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection

from accessrequests.domain import chain
from accessrequests.domain.events import ALARMS, FOLLOW_UPS, PRODUCT, QUEUE_OF, Actor, Event, Job, Queue, Via, lane_of
from accessrequests.models import Grant, IdempotencyKey, OutboxMessage
from accessrequests.models.outbox import CHANNEL
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.quarantined import Quarantined
from accessrequests.queries.grants import CUT_BOUND

_OF_TARGETS = frozenset({Job.RECONCILE, Job.READ_INVENTORY, Job.READ_CHANGES, Job.ROTATE_KIT})
UNREAD_LIFE = timedelta(minutes=15)

# What may be recorded of a database that acts on nothing: that it is so, and who looks at it.
EVEN_QUARANTINED = frozenset(
    {
        Event.DATABASE_QUARANTINED,
        Event.PERSON_SIGNED_IN,
        Event.PERSON_SIGN_IN_REFUSED,
        Event.AUDIT_VERIFIED,
        Event.AUDIT_EXPORTED,
    }
)

CLOCKWORK = Actor(name=PRODUCT, via=Via.WORKER)


@dataclass(frozen=True, slots=True)
class Fact:
    """One event with its facts. `grant` is given when jobs that follow work on a grant, `actor` when it is another's."""

    event: Event
    subject: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    grant: Grant | None = None
    actor: Actor | None = None


def record(
    *facts: Fact, actor: Actor, at: datetime, idempotency: Idempotency | None = None, object_id: int | None = None
) -> None:
    """Write the idempotency key, the outbox messages and the audit events of one operation. Call it last."""
    if idempotency is not None and object_id is not None:
        IdempotencyKey.objects.create(
            person_id=idempotency.person_id,
            key=idempotency.key,
            path=idempotency.path,
            body_hash=idempotency.body_hash,
            object_id=object_id,
            created_at=at,
        )
    messages = _messages(facts, at)
    if messages:
        # The only conflict there can be: an inventory that waits to be read already. One reading is enough.
        OutboxMessage.objects.bulk_create(messages, ignore_conflicts=True)
    _seal(facts, actor, wake=bool(messages))


def _messages(facts: Iterable[Fact], at: datetime) -> list[OutboxMessage]:
    """The jobs that follow. What one operation did to a subject is shown in Slack by one of them, the first."""
    messages, shown = [], set()
    for fact in facts:
        for job in FOLLOW_UPS.get(fact.event, ()):
            message = _message(job, fact, at)
            if job is Job.SHOW_IN_SLACK and (message.lane in shown or not settings.ACCESS_SLACK):
                continue
            if job is Job.SHOW_IN_SLACK:
                shown.add(message.lane)
            messages.append(message)
    return messages


def wake() -> None:
    """On commit the relay looks for what is to be carried."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def _message(job: Job, fact: Fact, at: datetime) -> OutboxMessage:
    tells = job in {Job.NOTIFY, Job.SHOW_IN_SLACK}
    subject = f"grant/{fact.grant.pk}" if fact.grant is not None and not tells else fact.subject
    return OutboxMessage(
        job=job.value,
        queue=_queue_of(job, fact).value,
        lane=f"{lane_of(job, subject)}{_beside(job, fact)}",
        subject=subject,
        event=fact.event.value,
        target=_target_of(job, fact),
        created_at=at,
        ready_at=_ready_at(job, fact, at),
    )


def _queue_of(job: Job, fact: Fact) -> Queue:
    """A break-glass and its alarms go before what people wait for, and the relay carries them where nobody else does."""
    of_break_glass = fact.grant is not None and fact.grant.access_request.is_break_glass
    if job in {Job.PROVISION, Job.ROTATE, Job.SHOW_IN_SLACK} and of_break_glass:
        return Queue.BREAK_GLASS
    if job in {Job.NOTIFY, Job.SHOW_IN_SLACK} and fact.event in ALARMS:
        return Queue.BREAK_GLASS
    return QUEUE_OF[job]


def _beside(job: Job, fact: Fact) -> str:
    """A lane of its own for what must not wait until something else is told."""
    if job is Job.NOTIFY and fact.event in ALARMS:
        return f"/{fact.event.value}"
    return "/alarm" if _is_alarm(job, fact) else ""


def _target_of(job: Job, fact: Fact) -> str:
    if fact.grant is not None and job in {Job.PROVISION, Job.REVOKE, Job.ROTATE, Job.EXTEND}:
        return fact.grant.target.slug
    return fact.subject.partition("/")[2] if job in _OF_TARGETS else ""


def _ready_at(job: Job, fact: Fact, at: datetime) -> datetime:
    if job is Job.PROVISION and fact.grant is not None:
        return max(at, fact.grant.not_before)
    if _is_alarm(job, fact):
        return at + CUT_BOUND
    return at + UNREAD_LIFE if job is Job.ERASE_CREDENTIAL else at


def _is_alarm(job: Job, fact: Fact) -> bool:
    """A failure may have been mended before anybody needs to hear of it; what is told meanwhile must not wait for that."""
    return job is Job.NOTIFY and fact.event is Event.GRANT_ATTEMPT_FAILED


def _seal(facts: tuple[Fact, ...], actor: Actor, *, wake: bool) -> None:
    """One statement, in which the database takes the lock, reads the head and its clock, and writes what follows."""
    events = json.dumps([_unsealed(fact, fact.actor or actor) for fact in facts])
    even_quarantined = all(fact.event in EVEN_QUARANTINED for fact in facts)
    with connection.cursor() as cursor:
        if wake:
            cursor.execute("SELECT access_seal(%s, %s), pg_notify(%s, '')", [events, even_quarantined, CHANNEL])
        else:
            cursor.execute("SELECT access_seal(%s, %s)", [events, even_quarantined])
        is_sealed = cursor.fetchone()[0]
    if not is_sealed:
        raise Quarantined


def _unsealed(fact: Fact, actor: Actor) -> dict[str, Any]:
    columns = {"event": fact.event.value, "actor": actor.name, "via": actor.via.value, "subject": fact.subject}
    facts = _plain(fact.facts)
    return {**columns, "facts": facts, "sealed": chain.canonical_around(columns, facts)}


def _plain(value: Any) -> Any:
    """The value as the table gives it back, so that what is hashed now is what will be read.

    Keys are text; a float without a fraction is an integer, for jsonb writes 1e16 in digits and has no negative zero.
    """
    if isinstance(value, Mapping):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value
