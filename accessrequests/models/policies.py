"""Published policies. A version never changes."""

from __future__ import annotations

from django.db import models

from accessrequests.models.people import Person


class PolicyVersion(models.Model):
    """One published document, with its rules as plain values."""

    version = models.PositiveIntegerField(unique=True)
    name = models.CharField(max_length=100)
    document = models.TextField()
    rules = models.JSONField()
    published_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True)
    published_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name}, version {self.version}"
