"""How an access was used, as its target tells."""

from __future__ import annotations

from django.db import models

from accessrequests.models.grants import Grant


class Usage(models.Model):
    """One for each grant whose target keeps a history of logins; what is older than `read_until` is counted in it.

    `is_final`: it was read a while after the end, and nothing more is expected.
    """

    grant = models.OneToOneField(Grant, on_delete=models.PROTECT, related_name="usage")
    read_until = models.DateTimeField()
    first_login = models.DateTimeField(null=True, blank=True)
    last_login = models.DateTimeField(null=True, blank=True)
    logins = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    tried_after_end = models.PositiveIntegerField(default=0)
    addresses = models.JSONField(default=list, blank=True)
    is_final = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "usage"

    def __str__(self) -> str:
        return f"usage of grant/{self.grant_id}"
