"""The offline kits: which target has one and who holds it, never what is in it; and each use of one."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accessrequests.domain.offline_kits import KitState
from accessrequests.domain.reviews import Finding
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.people import Person
from accessrequests.models.targets import Target


class OfflineKit(models.Model):
    """The kit of one target. `fingerprint` tells a kit from another and gives nothing of it away.

    `holders` are user names: they matter most when nobody can ask this database. `seen` are the logins that were told of
    already, `trouble` is what the last look found to be wrong, in a sentence.
    """

    target = models.OneToOneField(Target, on_delete=models.PROTECT, related_name="offline_kit")
    username = models.CharField(max_length=100)
    roles = ArrayField(models.CharField(max_length=200))
    holders = ArrayField(models.CharField(max_length=64))
    state = models.CharField(max_length=16, choices=choices_of(KitState))
    fingerprint = models.CharField(max_length=32)
    ordered_at = models.DateTimeField()
    ordered_by = models.CharField(max_length=100)
    made_at = models.DateTimeField(null=True, blank=True)
    spent_at = models.DateTimeField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)
    watched_at = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    trouble = models.TextField(blank=True)
    seen = models.JSONField(default=list, blank=True)

    class Meta:
        constraints: ClassVar = [one_of("state", KitState, name="offline_kit_state_known")]

    def __str__(self) -> str:
        return f"offline kit of {self.target_id}"


class KitUse(models.Model):
    """Somebody logged in with a kit, from the first login that was seen until a new kit is made."""

    kit = models.ForeignKey(OfflineKit, on_delete=models.PROTECT, related_name="uses")
    holders = ArrayField(models.CharField(max_length=64))
    began_at = models.DateTimeField()
    noticed_at = models.DateTimeField()
    last_at = models.DateTimeField()
    logins = models.PositiveIntegerField()
    addresses = ArrayField(models.CharField(max_length=100), default=list)
    review_groups = ArrayField(models.CharField(max_length=64), default=list)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    finding = models.CharField(max_length=8, blank=True, choices=choices_of(Finding))
    review_note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            one_of("finding", Finding, name="kit_use_finding_known", blank=True),
            models.CheckConstraint(
                condition=models.Q(reviewed_at=None, reviewed_by=None, finding="")
                | models.Q(reviewed_at__isnull=False, reviewed_by__isnull=False) & ~models.Q(finding=""),
                name="kit_use_reviewed_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"kit use {self.pk}"
