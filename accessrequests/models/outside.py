"""What others have on a target, and what they changed there: listed, and never touched."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accessrequests.domain.outside import Kind
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.targets import Target


class Other(models.Model):
    """Something on a target that we did not make. The row goes when it is gone.

    `is_own`: it was made for us, and workers log in with it. `made_at` and `made_by` are what the target's own events tell; where they do not, it is older than `first_seen_at`.
    """

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="others")
    kind = models.CharField(max_length=8, choices=choices_of(Kind))
    name = models.CharField(max_length=1100)
    detail = models.TextField(blank=True)
    first_seen_at = models.DateTimeField()
    made_at = models.DateTimeField(null=True, blank=True)
    made_by = models.CharField(max_length=200, blank=True)
    last_login_at = models.DateTimeField(null=True, blank=True)
    is_own = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            one_of("kind", Kind, name="other_kind_known"),
            models.UniqueConstraint(fields=["target", "kind", "name"], name="other_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["target", "-id"], name="other_of_target")]

    def __str__(self) -> str:
        return f"{self.kind} {self.name} on {self.target_id}"


class OutsideChange(models.Model):
    """One of the target's own events that is none of our doing, known by the target's id of it."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="outside_changes")
    event_id = models.CharField(max_length=64)
    event = models.CharField(max_length=64)
    kind = models.CharField(max_length=8, choices=choices_of(Kind))
    name = models.CharField(max_length=1100, blank=True)
    actor = models.CharField(max_length=200, blank=True)
    at = models.DateTimeField()
    touches_ours = models.BooleanField(default=False)

    class Meta:
        constraints: ClassVar = [
            one_of("kind", Kind, name="outside_change_kind_known"),
            models.UniqueConstraint(fields=["target", "event_id"], name="outside_change_once"),
        ]
        indexes: ClassVar = [models.Index(fields=["target", "-at", "-id"], name="outside_change_of_target")]

    def __str__(self) -> str:
        return f"{self.event} {self.name} on {self.target_id}"
