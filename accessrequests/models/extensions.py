"""Later ends of grants, each approved like a request and written on the target before it counts."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accessrequests.domain.lifecycle import ExtensionState
from accessrequests.models.access_requests import AccessRequest
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.grants import Grant


class Extension(models.Model):
    """One later end of a grant. While it waits, and when it failed, the target may hold either of the two ends."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="extensions")
    access_request = models.OneToOneField(AccessRequest, on_delete=models.PROTECT, related_name="extension")
    state = models.CharField(max_length=8, choices=choices_of(ExtensionState))
    ends_from = models.DateTimeField()
    ends_at = models.DateTimeField()
    approved_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True, blank=True)
    why = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            one_of("state", ExtensionState, name="extension_state_known"),
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("ends_from")), name="extension_is_later"),
            models.CheckConstraint(
                condition=models.Q(state=ExtensionState.WAITING.value) ^ models.Q(settled_at__isnull=False),
                name="extension_settled_or_waiting",
            ),
            models.UniqueConstraint(
                fields=["grant"],
                condition=models.Q(state=ExtensionState.WAITING.value),
                name="extension_one_waits",
            ),
        ]

    def __str__(self) -> str:
        return f"extension/{self.pk}"
