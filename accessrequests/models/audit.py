"""The audit trail: one insert-only table, each row sealed onto the one before."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accessrequests.domain.events import Via
from accessrequests.models.columns import choices_of


class AuditEvent(models.Model):
    """One fact. `sequence` has no gaps; `hash` covers the previous hash and every column shown on screen."""

    sequence = models.BigIntegerField(primary_key=True)
    at = models.DateTimeField()
    event = models.CharField(max_length=64)
    actor = models.CharField(max_length=64)
    via = models.CharField(max_length=8, choices=choices_of(Via))
    subject = models.CharField(max_length=100)
    facts = models.JSONField()
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["subject", "-sequence"], name="audit_by_subject"),
            models.Index(fields=["actor", "-sequence"], name="audit_by_actor"),
            models.Index(fields=["event", "-sequence"], name="audit_by_event"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self) -> str:
        return f"{self.sequence} {self.event}"
