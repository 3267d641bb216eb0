"""What the tables say of a grant and of its messages."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain.events import Job
from accessrequests.models import AuditEvent, Grant, OutboxMessage
from accessrequests.operations import outbox
from accessrequests.queries import clock
from workers import handlers
from workers.reconcile import MORE


def events_of(subject: object) -> list[str]:
    """Everything that happened to it, in order."""
    return list(AuditEvent.objects.filter(subject=str(subject)).order_by("sequence").values_list("event", flat=True))


def facts_of(subject: object, event: str) -> list[dict[str, object]]:
    found = AuditEvent.objects.filter(subject=str(subject), event=event).order_by("sequence")
    return list(found.values_list("facts", flat=True))


def message(job: Job, subject: object) -> OutboxMessage:
    """The newest message of this job."""
    return OutboxMessage.objects.filter(job=job.value, subject=str(subject)).latest("pk")


def carry(job: Job, subject: object, *, owner: str = "test") -> OutboxMessage:
    """Carry just this one, as a worker would, and give it back as it is now."""
    found = message(job, subject)
    handlers.carry(message_id=found.pk, owner=owner)
    found.refresh_from_db()
    return found


def carry_out(job: Job, subject: object) -> OutboxMessage:
    """Until it is done: what a slow machine makes it put off is due again at once."""
    found = carry(job, subject)
    for _ in range(5):
        if found.done_at is not None:
            return found
        due_now(job, subject)
        found = carry(job, subject)
    raise AssertionError(f"{job} of {subject} is put off again and again: {found.last_error}")


def compare(slug: str) -> OutboxMessage:
    """Reconcile all of a target: what did not fit into one turn, as on a slow machine, is carried again at once."""
    subject = f"target/{slug}"
    outbox.file_periodic(job=Job.RECONCILE, subject=subject, target=slug)
    while (found := carry(Job.RECONCILE, subject)).done_at is None and found.last_error == MORE:
        due_now(Job.RECONCILE, subject)
    return found


def due_now(job: Job, subject: object) -> None:
    """As if the back-off were over."""
    pk = message(job, subject).pk
    OutboxMessage.objects.filter(pk=pk).update(ready_at=clock.now())


def lapse_claim(job: Job, subject: object) -> None:
    """As if the claim had not been beaten for as long as its lease lasts."""
    pk = message(job, subject).pk
    OutboxMessage.objects.filter(pk=pk).update(claimed_until=clock.now() - timedelta(milliseconds=1))


def fresh(grant: Grant) -> Grant:
    return Grant.objects.select_related("target", "holder").get(pk=grant.pk)
