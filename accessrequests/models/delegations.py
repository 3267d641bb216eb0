"""Who answers in whose place, from when, until when."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from accessrequests.domain.delegating import LONGEST
from accessrequests.models.people import Person


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def not_over(self) -> DelegationQuerySet:
        """Running or still to begin, by the database's clock."""
        return self.filter(ended_at=None, ends_at__gt=Now(), giver__is_active=True, stand_in__is_active=True)

    def running(self) -> DelegationQuerySet:
        return self.not_over().filter(starts_at__lte=Now())


class Delegation(models.Model):
    """One person's voice, lent to another for a while. Ended early by `ended_at`, never deleted."""

    giver = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="voices_lent")
    stand_in = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="voices_held")
    made_at = models.DateTimeField()
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.CharField(max_length=64, blank=True, default="")

    objects = DelegationQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(giver=F("stand_in")), name="delegation_to_somebody_else"),
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="delegation_ends_after_it_starts"),
            models.CheckConstraint(condition=Q(ends_at__lte=F("starts_at") + LONGEST), name="delegation_not_too_long"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["stand_in"], condition=Q(ended_at=None), name="delegation_held"),
            models.Index(fields=["giver"], condition=Q(ended_at=None), name="delegation_lent"),
        ]

    def __str__(self) -> str:
        return f"delegation/{self.pk}"
