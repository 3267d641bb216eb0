"""Who answers in whose place, from when, until when."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.contrib.postgres.constraints import ExclusionConstraint
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Greatest, Least, Now

from accessrequests.domain.delegating import LONGEST
from accessrequests.models.people import Person

_PAIR = Func(Least("giver", "stand_in"), Greatest("giver", "stand_in"), Value("[]"), function="int8range")


class DelegationQuerySet(models.QuerySet["Delegation"]):
    def running(self, at: datetime | Now) -> DelegationQuerySet:
        there = self.filter(ended_at=None, giver__is_active=True, stand_in__is_active=True)
        return there.filter(starts_at__lte=at, ends_at__gt=at)


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
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_by="") | Q(ended_at__isnull=False) & ~Q(ended_by=""),
                name="delegation_ended_by_somebody",
            ),
            # The pair as a range of integers, since plain integers have no GiST class without an extension.
            ExclusionConstraint(
                name="delegation_one_of_a_pair",
                expressions=[(_PAIR, "="), (Func("starts_at", "ends_at", function="tstzrange"), "&&")],
                condition=Q(ended_at=None),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["stand_in"], condition=Q(ended_at=None), name="delegation_held"),
            models.Index(fields=["giver"], condition=Q(ended_at=None), name="delegation_lent"),
        ]

    def __str__(self) -> str:
        return f"delegation/{self.pk}"
