"""Objects on a target that several grants use at once, and which grant needs what of each."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accessrequests.domain.sharing import SharedKind
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.grants import Grant
from accessrequests.models.targets import Target


class SharedObject(models.Model):
    """One object. `baseline` is how it was before any grant of ours used it; it counts only while one does.

    One worker at a time holds the lease; `lease_number` is its fencing number. A call of a holder that never put it
    down may be on its way `stray_calls_until`.
    """

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="shared_objects")
    kind = models.CharField(max_length=20, choices=choices_of(SharedKind))
    key = models.CharField(max_length=1100)
    baseline = models.JSONField(null=True, blank=True)
    baseline_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=100, blank=True)
    lease_number = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True, blank=True)
    stray_calls_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            one_of("kind", SharedKind, name="shared_object_kind_known"),
            models.UniqueConstraint(fields=["target", "kind", "key"], name="shared_object_once"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"


class SharedUse(models.Model):
    """What one grant needs of it: committed before the call that makes it real, removed once it is confirmed gone.

    From `ending_at` on it is no longer written to the target, and still counts as a use of the object.
    """

    shared = models.ForeignKey(SharedObject, on_delete=models.PROTECT, related_name="uses")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="shared_uses")
    wants = models.JSONField(default=dict)
    attempted_at = models.DateTimeField()
    ending_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["shared", "grant"], name="shared_use_once")]

    def __str__(self) -> str:
        return f"{self.shared_id} for grant/{self.grant_id}"


class SharedCall(models.Model):
    """A call that adds roles to somebody who is there anyway: written before it, and gone once it was answered in time.

    One that stays is of a worker that died, or that was stopped for so long that others may have ended the grant: what
    it `says` is then taken back, unless something needs it. Where it may have sent an invitation, it stays and is looked
    after each day for as long as somebody may accept that; `left` says what a person must look at.
    """

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="+")
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+")
    lease_of = models.BigIntegerField()
    lease_number = models.PositiveIntegerField()
    says = models.JSONField()
    began_at = models.DateTimeField()
    looked_at = models.DateTimeField(null=True, blank=True)
    left = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["lease_of", "lease_number"], name="shared_call_of_lease")]

    def __str__(self) -> str:
        return f"a call for grant/{self.grant_id}"
