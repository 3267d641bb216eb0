"""Work waiting to be carried, answers already given, and calls counted."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accessrequests import log_lines
from accessrequests.domain.events import Job, Queue
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.people import Person

# A commit that leaves messages is told here; the relay listens.
CHANNEL = "access_outbox"
URGENT = (Queue.REVOKE.value, Queue.BREAK_GLASS.value)
# Never sent, or not since it was put off. With a backlog nearly all that is open has been sent and waits to be claimed.
UNSENT = models.Q(sent_at=None) | models.Q(sent_at__lt=models.F("ready_at"))
# Filed by the clock: one of each subject waits at a time.
PERIODIC = [
    job.value
    for job in (
        *(Job.RECONCILE, Job.READ_INVENTORY, Job.READ_CHANGES, Job.PROVE_ALIVE, Job.PRUNE),
        *(Job.WATCH_BREAK_GLASS, Job.SELF_TEST, Job.WATCH_KIT, Job.READ_SCHEDULES),
        *(Job.ASK_PROVIDER, Job.REARM, Job.READ_USAGE, Job.WATCH_SLACK),
    )
]


class OutboxMessage(models.Model):
    """One job. It carries ids only; the handler reads the state. `claim` is the fencing number of its lease.

    A delivery names the `receiver` of webhooks that it is for, and the notice that it `tells`. `request_id` is that of
    the click or call which led here, through however many messages, for the log alone.
    """

    job = models.CharField(max_length=24, choices=choices_of(Job))
    queue = models.CharField(max_length=16, choices=choices_of(Queue))
    lane = models.CharField(max_length=120)
    subject = models.CharField(max_length=100)
    event = models.CharField(max_length=64, blank=True)
    target = models.CharField(max_length=64, blank=True)
    receiver = models.CharField(max_length=40, blank=True)
    tells = models.BigIntegerField(null=True, blank=True)
    request_id = models.CharField(max_length=64, blank=True, default=log_lines.request_id, db_default="")
    created_at = models.DateTimeField()
    ready_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    claim = models.PositiveIntegerField(default=0)
    claimed_by = models.CharField(max_length=100, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            one_of("job", Job, name="outbox_job_known"),
            one_of("queue", Queue, name="outbox_queue_known"),
            models.UniqueConstraint(
                fields=["job", "subject"],
                condition=models.Q(done_at=None, job__in=PERIODIC),
                name="outbox_periodic_once",
            ),
            models.UniqueConstraint(
                fields=["tells", "receiver"], condition=models.Q(tells__isnull=False), name="outbox_delivery_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["ready_at", "id"], condition=models.Q(done_at=None), name="outbox_ready"),
            models.Index(fields=["ready_at", "id"], condition=models.Q(UNSENT, done_at=None), name="outbox_unsent"),
            models.Index(
                fields=["ready_at", "id"], condition=models.Q(done_at=None, queue__in=URGENT), name="outbox_urgent"
            ),
            models.Index(fields=["lane", "id"], condition=models.Q(done_at=None), name="outbox_lane"),
            models.Index(fields=["target"], condition=models.Q(done_at=None), name="outbox_target"),
            models.Index(fields=["done_at"], condition=models.Q(done_at__isnull=False), name="outbox_done"),
            models.Index(
                fields=["subject", "-done_at"],
                condition=models.Q(job=Job.PROVE_ALIVE.value, done_at__isnull=False),
                name="outbox_last_sign",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.job} {self.subject}"


class IdempotencyKey(models.Model):
    """That a POST with this key was carried out, and on which object. Never the answer itself."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    key = models.CharField(max_length=255)
    path = models.CharField(max_length=200)
    body_hash = models.CharField(max_length=64)
    object_id = models.BigIntegerField()
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "key"], name="idempotency_key_once")]

    def __str__(self) -> str:
        return f"{self.path} by {self.person_id}"


class CallBucket(models.Model):
    """How many calls one token of a person made in the current second, or how often they pressed something themselves."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    token = models.BigIntegerField(default=0)  # 0: no token, but their own hand
    second = models.BigIntegerField()
    calls = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["person", "token"], name="call_bucket_once")]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.person_id}"
