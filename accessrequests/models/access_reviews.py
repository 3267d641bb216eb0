"""Reviews of access: what stood at a moment, frozen, and what was said to each of it."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accessrequests.domain.access_reviews import ReviewAnswer, SubjectKind
from accessrequests.domain.privileges import Level
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.grants import Grant
from accessrequests.models.people import Person
from accessrequests.models.targets import Target


class ReviewCampaign(models.Model):
    """One look at everything that stands in a scope. No target and no environment named: all of them.

    `reviewers`: the groups that answer; none: those who own each target.
    """

    name = models.CharField(max_length=120)
    targets = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    environments = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    reviewers = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    started_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    started_at = models.DateTimeField()
    due_at = models.DateTimeField()
    remind_at = models.DateTimeField()
    signed_off_at = models.DateTimeField(null=True, blank=True)
    signed_off_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    cancelled_at = models.DateTimeField(null=True, blank=True)
    cancelled_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(cancelled_at=None, cancelled_by=None)
                | models.Q(cancelled_at__isnull=False, cancelled_by__isnull=False, signed_off_at=None),
                name="review_cancelled_by_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(signed_off_at=None, signed_off_by=None)
                | models.Q(signed_off_at__isnull=False, signed_off_by__isnull=False),
                name="review_signed_off_by_somebody",
            ),
            models.CheckConstraint(condition=models.Q(due_at__gt=models.F("started_at")), name="review_due_later"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["remind_at"], condition=models.Q(signed_off_at=None), name="review_reminding"),
        ]

    def __str__(self) -> str:
        return f"access_review/{self.pk}"

    @property
    def is_closed(self) -> bool:
        """Nothing of it can be answered any more."""
        return self.signed_off_at is not None or self.cancelled_at is not None


class ReviewItem(models.Model):
    """One access as it stood when the campaign started. What is frozen never changes; the answer is given once.

    `gains`: who has something of it and so never answers; `reviewers`: the groups that do. `is_use_known`: the target
    tells of logins, so that no last use means none was seen.
    """

    campaign = models.ForeignKey(ReviewCampaign, on_delete=models.PROTECT, related_name="items")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=8, choices=choices_of(SubjectKind))
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, null=True, blank=True, related_name="review_items")
    name = models.CharField(max_length=1100)
    who = models.CharField(max_length=300, blank=True)
    gains = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    what = models.TextField()
    roles = models.JSONField(default=list)
    level = models.CharField(max_length=16, choices=choices_of(Level), blank=True)
    since_at = models.DateTimeField()
    ends_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    is_use_known = models.BooleanField(default=False)
    made_by = models.CharField(max_length=200, blank=True)
    reviewers = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    answer = models.CharField(max_length=8, choices=choices_of(ReviewAnswer), blank=True)
    answered_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    answered_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            one_of("kind", SubjectKind, name="review_item_kind_known"),
            one_of("answer", ReviewAnswer, name="review_item_answer_known", blank=True),
            models.UniqueConstraint(fields=["campaign", "grant"], name="review_item_once_a_grant"),
            models.UniqueConstraint(
                fields=["campaign", "target", "kind", "name"],
                condition=models.Q(grant=None),
                name="review_item_once_a_login",
            ),
            models.CheckConstraint(
                condition=models.Q(kind=SubjectKind.GRANT.value) ^ models.Q(grant=None), name="review_item_of_a_grant"
            ),
            models.CheckConstraint(
                condition=models.Q(answer="", answered_at=None, answered_by=None)
                | ~models.Q(answer="") & models.Q(answered_at__isnull=False, answered_by__isnull=False),
                name="review_item_answered_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} in {self.campaign_id}"
