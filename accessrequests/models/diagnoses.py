"""The last time that somebody asked why an access does not work, and what was found."""

from __future__ import annotations

from django.db import models

from accessrequests.models.grants import Grant
from accessrequests.models.people import Person


class Diagnosis(models.Model):
    """One for each grant. `asked_from` is where the holder came from, kept until the answer is there."""

    grant = models.OneToOneField(Grant, on_delete=models.PROTECT, related_name="diagnosis")
    asked_by = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    asked_from = models.CharField(max_length=64, blank=True)
    asked_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    findings = models.JSONField(default=list, blank=True)

    class Meta:
        verbose_name_plural = "diagnoses"

    def __str__(self) -> str:
        return f"diagnosis of grant/{self.grant_id}"
