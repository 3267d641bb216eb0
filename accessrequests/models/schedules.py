"""Who is on call, as workers last read it from where an operator said."""

from __future__ import annotations

from django.db import models


class Schedule(models.Model):
    """A list of shifts. It counts for `good_for` after it was read; then nobody is on call by it."""

    name = models.CharField(max_length=80, unique=True)
    shifts = models.JSONField(default=list)
    good_for = models.DurationField()
    read_at = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"schedule/{self.name}"
