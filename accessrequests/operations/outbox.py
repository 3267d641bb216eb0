"""Outbox messages: sent, claimed, beaten, postponed, done. The claim is the only lease; sending is not claiming."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Exists, Q, TextField, Value
from django.db.models.functions import Cast, Concat

from accessrequests.domain.events import QUEUE_OF, Job, lane_of
from accessrequests.domain.lifecycle import GrantState
from accessrequests.models import Grant, OutboxMessage, Target
from accessrequests.models.outbox import CHANNEL
from accessrequests.operations._record import wake
from accessrequests.queries import clock

LEASE = timedelta(seconds=6)
UNTIL_WOKEN = timedelta(seconds=30)
LONGEST_WAIT = timedelta(seconds=45)  # no try is put off for longer than half a minute
A_MOMENT = timedelta(seconds=1)
# These wait for a date that is theirs, which may lie far ahead; and nothing new is opened while clocks differ.
DATED = (Job.PROVISION.value, Job.ERASE_CREDENTIAL.value)


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to carry one message for as long as it is beaten. `number` is its fencing number."""

    message_id: int
    number: int
    job: Job
    subject: str
    event: str
    target: str
    failures: int
    receiver: str = ""
    tells: int = 0
    request_id: str = ""

    @property
    def subject_id(self) -> int:
        return int(self.subject.partition("/")[2])

    @property
    def subject_name(self) -> str:
        return self.subject.partition("/")[2]


# One statement: nobody else holds it, it is due, nothing older in its lane is unfinished, and this database may act.
_CLAIM = """
UPDATE accessrequests_outboxmessage AS message
   SET claim = claim + 1, claimed_by = %(owner)s, claimed_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE id = %(id)s AND done_at IS NULL AND ready_at <= clock_timestamp()
   AND (claimed_until IS NULL OR claimed_until < clock_timestamp())
   AND NOT EXISTS (SELECT 1 FROM accessrequests_outboxmessage AS older
                    WHERE older.lane = message.lane AND older.id < message.id AND older.done_at IS NULL)
   AND NOT access_is_quarantined()
RETURNING id, claim, job, subject, event, target, failures, receiver, tells, request_id
"""


def claim(*, message_id: int, owner: str) -> Claim | None:
    """Take a message, or None: it is done, not due, somebody has it, or an older one of its lane is unfinished."""
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"id": message_id, "owner": owner, "lease": LEASE.total_seconds()})
        row = cursor.fetchone()
    if row is None:
        return None
    return _claim_of(row)


def _claim_of(row: Sequence[Any]) -> Claim:
    message_id, number, job, subject, event, target, failures, receiver, tells, request_id = row
    return Claim(message_id, number, Job(job), subject, event, target, failures, receiver, tells or 0, request_id)


# Those that nobody holds of these lanes, and that have not failed: what fails is tried by itself.
# Picked once, before: a join may ask a subquery again, which then passes over what it took and picks as many more.
_CLAIM_TOGETHER = """
WITH picked AS MATERIALIZED (
    SELECT free.id FROM accessrequests_outboxmessage AS free
     WHERE free.lane = ANY(%(lanes)s) AND free.done_at IS NULL AND free.failures = 0
       AND free.ready_at <= clock_timestamp()
       AND (free.claimed_until IS NULL OR free.claimed_until < clock_timestamp())
       AND NOT EXISTS (SELECT 1 FROM accessrequests_outboxmessage AS older
                        WHERE older.lane = free.lane AND older.id < free.id AND older.done_at IS NULL)
     ORDER BY free.id LIMIT %(most)s FOR UPDATE SKIP LOCKED)
UPDATE accessrequests_outboxmessage AS message
   SET claim = claim + 1, claimed_by = (SELECT claimed_by FROM accessrequests_outboxmessage WHERE id = %(held)s),
       claimed_until = clock_timestamp() + make_interval(secs => %(lease)s)
 WHERE id IN (SELECT id FROM picked) AND NOT access_is_quarantined()
RETURNING id, claim, job, subject, event, target, failures, receiver, tells, request_id
"""


def claim_together(*, held: Claim, subjects: Iterable[str], most: int) -> list[Claim]:
    """Take what is free of the same job for these, so that it is done at once with what is held already."""
    lanes = [lane_of(held.job, subject) for subject in subjects]
    if not lanes:
        return []
    wanted: dict[str, Any] = {"lanes": lanes, "held": held.message_id, "lease": LEASE.total_seconds(), "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM_TOGETHER, wanted)
        return [_claim_of(row) for row in cursor.fetchall()]


def put_back(*, claims: Sequence[Claim], delay: timedelta = timedelta(), failed: bool = False) -> None:
    """Whoever comes by may take them again, after `delay` or at once: they wait no less long for that.

    What `failed` is tried by itself from now on, and taken along by nobody.
    """
    if not claims:
        return
    held = [(claim.message_id, claim.number) for claim in claims]
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH held AS (SELECT unnest(%s::bigint[]) AS id, unnest(%s::int[]) AS claim), back AS ("
            " UPDATE accessrequests_outboxmessage AS message SET claimed_until = NULL, sent_at = NULL,"
            "   ready_at = greatest(ready_at, clock_timestamp() + make_interval(secs => nullif(%s, 0))),"
            "   failures = failures + %s FROM held"
            "  WHERE message.id = held.id AND message.claim = held.claim AND done_at IS NULL RETURNING message.id)"
            " SELECT pg_notify(%s, '') WHERE EXISTS (SELECT 1 FROM back)",
            [
                *([number for number, _ in held], [claim for _, claim in held]),
                *(delay.total_seconds(), int(failed), CHANNEL),
            ],
        )


def beat(*, claims: Sequence[Claim]) -> None:
    """Keep claims alive that are still being worked on. One that was put down meanwhile is not taken up again.

    A row that somebody else writes just now is passed over, so that it holds up none of the others: there is a next beat.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accessrequests_outboxmessage SET claimed_until = clock_timestamp() + make_interval(secs => %s)"
            " WHERE id IN (SELECT message.id FROM accessrequests_outboxmessage AS message"
            "   JOIN unnest(%s::bigint[], %s::int[]) AS held (id, claim)"
            "     ON message.id = held.id AND message.claim = held.claim"
            "  WHERE claimed_until IS NOT NULL AND done_at IS NULL FOR NO KEY UPDATE OF message SKIP LOCKED)",
            [LEASE.total_seconds(), [held.message_id for held in claims], [held.number for held in claims]],
        )


# One statement: it is done, and the relay is woken where another waits in its lane.
_FINISH = """
WITH done AS (
    UPDATE accessrequests_outboxmessage SET done_at = clock_timestamp(), claimed_until = NULL
     WHERE id = %(id)s AND claim = %(claim)s AND done_at IS NULL
 RETURNING id, lane)
SELECT CASE WHEN EXISTS (SELECT 1 FROM accessrequests_outboxmessage AS other
                          WHERE other.lane = done.lane AND other.id <> done.id AND other.done_at IS NULL)
            THEN pg_notify(%(channel)s, '') END
  FROM done
"""


def finish(*, claim: Claim) -> bool:
    """The work is done. False: the claim had passed to somebody else."""
    with connection.cursor() as cursor:
        cursor.execute(_FINISH, {"id": claim.message_id, "claim": claim.number, "channel": CHANNEL})
        return cursor.fetchone() is not None


def finish_behind(*, claim: Claim, message_ids: Sequence[int]) -> None:
    """What waited in the lane of the claim is done with it, unless the claim has passed to somebody else."""
    held = OutboxMessage.objects.filter(pk=claim.message_id, claim=claim.number, done_at=None)
    waiting = OutboxMessage.objects.filter(pk__in=message_ids, done_at=None)
    waiting.filter(Exists(held)).update(done_at=clock.now())


@transaction.atomic(durable=True)
def postpone(*, claim: Claim, delay: timedelta, why: str, failed: bool, unreachable: str = "") -> bool:
    """Try again after `delay`; for a target that does not answer, when it does. False: the claim had passed on.

    The target's row is locked first, so that its waking either sees this message, or is seen here.
    """
    target = Target.objects.select_for_update(no_key=True).filter(slug=unreachable).first() if unreachable else None
    if target is not None and target.unreachable_since is not None:
        delay = max(delay, UNTIL_WOKEN)
    at = clock.now()
    held = OutboxMessage.objects.filter(pk=claim.message_id, claim=claim.number, done_at=None)
    failures = claim.failures + 1 if failed else 0
    return bool(held.update(ready_at=at + delay, claimed_until=None, sent_at=None, failures=failures, last_error=why))


@transaction.atomic(durable=True)
def file_missing_revocations() -> int:
    """File a revocation for every grant that is ending and has none: a row was lost. How many."""
    at = clock.now()
    waiting = OutboxMessage.objects.filter(job=Job.REVOKE.value, done_at=None).values("subject")
    subjects = Grant.objects.filter(state=GrantState.REVOKING.value).annotate(
        subject=Concat(Value("grant/"), Cast("pk", TextField()), output_field=TextField())
    )
    lost = subjects.exclude(subject__in=waiting).select_related("target")
    messages = [
        OutboxMessage(
            job=Job.REVOKE.value,
            queue=QUEUE_OF[Job.REVOKE].value,
            lane=f"{Job.REVOKE.value}/{grant}",
            subject=str(grant),
            target=grant.target.slug,
            created_at=at,
            ready_at=at,
        )
        for grant in lost
    ]
    OutboxMessage.objects.bulk_create(messages)
    return len(messages)


@transaction.atomic(durable=True)
def mend_times(*, latest: datetime) -> int:
    """After the database's clock went back: what is due by `latest` is due, and no claim outlasts its lease. How many."""
    at = clock.now()
    waiting = OutboxMessage.objects.filter(done_at=None)
    waiting.filter(claimed_until__gt=at + LEASE + A_MOMENT).update(claimed_until=at + LEASE)
    waiting.filter(sent_at__gt=at + A_MOMENT).update(sent_at=None)
    due = Q(ready_at__gt=at, ready_at__lte=latest) | Q(ready_at__gt=at + LONGEST_WAIT)
    brought = waiting.filter(due).exclude(job__in=DATED).update(ready_at=at, sent_at=None)
    if brought:
        wake()
    return brought


@transaction.atomic(durable=True)
def file_deliveries(*, claim: Claim, receivers: Iterable[str]) -> None:
    """What a notice tells people, these receivers of webhooks are told too, each by a message of its own, once."""
    notice = OutboxMessage.objects.get(pk=claim.message_id)
    at = clock.now()
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                job=Job.DELIVER.value,
                queue=notice.queue,
                lane=f"{Job.DELIVER.value}/{receiver}/{notice.lane.partition('/')[2]}",
                subject=notice.subject,
                event=notice.event,
                receiver=receiver,
                tells=notice.pk,
                created_at=notice.created_at,
                ready_at=at,
            )
            for receiver in receivers
        ],
        ignore_conflicts=True,
    )
    wake()


def mark_sent(*, message_ids: Sequence[int]) -> None:
    """The broker has taken them, or what takes them along. Nothing more is known."""
    OutboxMessage.objects.filter(pk__in=message_ids).update(sent_at=clock.now())


@transaction.atomic(durable=True)
def file_periodic(*, job: Job, subject: str, target: str = "") -> bool:
    """File work that the clock asks for, unless it is waiting already."""
    at = clock.now()
    waiting = OutboxMessage.objects.filter(job=job.value, subject=subject, done_at=None)
    if waiting.exists():
        return False
    OutboxMessage.objects.bulk_create(
        [
            OutboxMessage(
                job=job.value,
                queue=QUEUE_OF[job].value,
                lane=lane_of(job, subject),
                subject=subject,
                target=target,
                created_at=at,
                ready_at=at,
            )
        ],
        ignore_conflicts=True,
    )
    wake()
    return True
