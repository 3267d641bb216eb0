"""Which database this is: the one row by which a restored or copied one is told from the one that was at work."""

from __future__ import annotations

from django.db import models


class Installation(models.Model):
    """`database` is what the relay last accepted as ours; `epoch` counts how often a person accepted another one."""

    database = models.CharField(max_length=100)
    epoch = models.PositiveIntegerField(default=1)
    quarantined_at = models.DateTimeField(null=True, blank=True)
    why = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"installation/{self.pk}"
