"""Targets as people know them, and the inventory that workers read from them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Target(models.Model):
    """A database server in the catalogue. How workers reach it stands in their own file, never here."""

    slug = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    kind = models.CharField(max_length=32)
    environment = models.CharField(max_length=32)
    owner = models.CharField(max_length=64)
    data_classes = models.JSONField(default=list)
    offers = models.JSONField(default=dict)
    connect_to = models.JSONField(default=dict)
    # Whose logins stand there anyway: {"database_users": {name@database: {…}}, "members": {user name: Atlas user}}.
    declared = models.JSONField(default=dict, blank=True)
    # Asks that people often need there, each under a name, with roles, a length and a hint for the reason.
    presets = models.JSONField(default=list, blank=True)
    applied_at = models.DateTimeField()
    retired_at = models.DateTimeField(null=True, blank=True)
    unreachable_since = models.DateTimeField(null=True, blank=True)
    checked_at = models.DateTimeField(null=True, blank=True)
    clock_skew = models.FloatField(null=True, blank=True)
    # What a worker found to be put right at its last look, in sentences.
    warnings = models.JSONField(default=list, blank=True)
    # Where the worker's record led at the last look, for a kind of target that is one project of many.
    place = models.CharField(max_length=64, blank=True, default="")

    def __str__(self) -> str:
        return self.slug


class Inventory(models.Model):
    """What the target really has: roles with their privileges, databases, collections, rough sizes.

    `clusters` and `quotas` are empty for a target that has none of its own. `users`: who stands there, with their roles; `reach`: the clusters that each of them is limited to, none for every one. `custom_roles`: those of a project, as people write them. Shapes: workers/provisioners/base.py.
    """

    target = models.OneToOneField(Target, on_delete=models.PROTECT, related_name="inventory")
    read_at = models.DateTimeField()
    roles = models.JSONField(default=dict)
    databases = models.JSONField(default=dict)
    clusters = models.JSONField(default=dict)
    quotas = models.JSONField(default=dict)
    users = models.JSONField(default=dict)
    reach = models.JSONField(default=dict)
    custom_roles = models.JSONField(default=dict)

    class Meta:
        verbose_name_plural: ClassVar = "inventories"

    def __str__(self) -> str:
        return f"inventory of {self.target_id} at {self.read_at:%Y-%m-%d %H:%M}"


class Suspicion(models.Model):
    """Something that reconcile saw once. It acts only on what still stands at a second look."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="suspicions")
    username = models.CharField(max_length=255)
    why = models.CharField(max_length=200)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["target", "username", "why"], name="suspicion_once"),
        ]

    def __str__(self) -> str:
        return f"{self.username} on {self.target_id}: {self.why}"


class Look(models.Model):
    """How far the comparison of a target with our grants has come, since it goes step by step.

    `phase` is the step and `cursor` the last grant that was compared; `seen` is what looked wrong until now, and
    `standing` what did so at an earlier look too and is decided again. `changes_until`, `logins_until`: up to when the
    target's own events and logins were read. `asked_at`: when somebody last wanted it looked at now.
    """

    target = models.OneToOneField(Target, on_delete=models.PROTECT, related_name="look")
    started_at = models.DateTimeField()
    phase = models.CharField(max_length=16)
    cursor = models.BigIntegerField(default=0)
    seen = models.JSONField(default=dict)
    standing = models.JSONField(default=dict)
    finished_at = models.DateTimeField(null=True, blank=True)
    changes_until = models.DateTimeField(null=True, blank=True)
    logins_until = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"look at {self.target_id}: {self.phase}"
