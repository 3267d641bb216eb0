"""Access that somebody took without asking first, and what others said to it afterwards."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accessrequests.domain.reviews import Finding
from accessrequests.models.access_requests import AccessRequest
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.people import Person
from accessrequests.models.targets import Target


class BreakGlass(models.Model):
    """One for each request that is a break-glass.

    `began_at` is when the grant was born: at once, unless a second person had to agree, for the reason in `why_second`.
    `proved_by` is the second factor that was given, `os_user` who stood at the command line if it was filed there.
    The groups that are told stand on the request: being told is being able to see it and to end it.
    """

    access_request = models.OneToOneField(AccessRequest, on_delete=models.PROTECT, related_name="break_glass")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="break_glasses")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="break_glasses")
    incident = models.CharField(max_length=200)
    is_drill = models.BooleanField(default=False)
    proved_by = models.CharField(max_length=40)
    os_user = models.CharField(max_length=64, blank=True)
    why_second = models.CharField(max_length=300, blank=True)
    review_groups = ArrayField(models.CharField(max_length=64), default=list)
    review_within = models.DurationField()
    began_at = models.DateTimeField(null=True, blank=True)
    used_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    review_due_at = models.DateTimeField(null=True, blank=True)
    escalated_at = models.DateTimeField(null=True, blank=True)
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    finding = models.CharField(max_length=8, blank=True, choices=choices_of(Finding))
    review_note = models.TextField(blank=True)

    class Meta:
        verbose_name_plural = "break-glasses"
        constraints: ClassVar = [
            one_of("finding", Finding, name="break_glass_finding_known", blank=True),
            models.CheckConstraint(
                condition=models.Q(reviewed_at=None, reviewed_by=None, finding="")
                | models.Q(reviewed_at__isnull=False, reviewed_by__isnull=False) & ~models.Q(finding=""),
                name="break_glass_reviewed_by_somebody",
            ),
            models.CheckConstraint(
                condition=~models.Q(reviewed_by=models.F("person")), name="break_glass_reviewed_by_another"
            ),
            models.CheckConstraint(
                condition=models.Q(began_at=None, review_due_at=None)
                | models.Q(began_at__isnull=False, review_due_at__isnull=False),
                name="break_glass_begun_is_due",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person", "-began_at"], name="break_glass_of_person"),
            models.Index(fields=["target", "-began_at"], name="break_glass_on_target"),
            models.Index(fields=["review_due_at"], condition=models.Q(reviewed_at=None), name="break_glass_to_review"),
        ]

    def __str__(self) -> str:
        return f"break-glass {self.access_request_id}"
