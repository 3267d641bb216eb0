"""What workers share of their connections to targets: a token that is good for a while, and how many calls are left."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class ConnectionToken(models.Model):
    """The token of one account, sealed with what only workers know. One process at a time asks for the next one."""

    account = models.CharField(max_length=200, unique=True)
    sealed = models.BinaryField(null=True)
    round = models.PositiveIntegerField(default=0)
    minted_at = models.DateTimeField(null=True)
    renew_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    lease = models.PositiveIntegerField(default=0)
    leased_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"token {self.round} of {self.account}"


class ConnectionBudget(models.Model):
    """What the target last said of one of its limits on calls."""

    target = models.CharField(max_length=64)
    bucket = models.CharField(max_length=80)
    capacity = models.PositiveIntegerField()
    remaining = models.PositiveIntegerField()
    seen_at = models.DateTimeField()
    held_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "bucket"], name="connection_budget_once"),
        ]

    def __str__(self) -> str:
        return f"{self.remaining} of {self.capacity} calls of {self.bucket} on {self.target}"
