"""Changes of custom roles on a target: proposed, decided, carried out."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accessrequests.domain.custom_roles import OPEN, ChangeKind
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.privileges import Level
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.people import Person
from accessrequests.models.policies import PolicyVersion
from accessrequests.models.targets import Target


class CustomRoleChange(models.Model):
    """One change of one role, from the proposal to what Atlas says of it.

    `before` and `after` are definitions as people write them; null where the role is not there. `answers`: what each
    approver said. `note`: why it failed or is void, or what stands in the way just now.
    """

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="custom_role_changes")
    kind = models.CharField(max_length=8, choices=choices_of(ChangeKind))
    role = models.CharField(max_length=128)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    reason = models.TextField()
    proposer = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    level = models.CharField(max_length=16, choices=choices_of(Level))
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="+")
    verdict = models.JSONField()
    step_groups = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    answers = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=16, choices=choices_of(ChangeState))
    revision = models.PositiveIntegerField(default=1)
    proposed_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=64, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    note = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            one_of("state", ChangeState, name="custom_role_change_state_known"),
            one_of("kind", ChangeKind, name="custom_role_change_kind_known"),
            one_of("level", Level, name="custom_role_change_level_known"),
            models.UniqueConstraint(
                fields=["target", "role"],
                condition=models.Q(state__in=[state.value for state in OPEN]),
                name="custom_role_change_one_at_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state=ChangeState.PENDING.value) ^ models.Q(decided_at__isnull=False),
                name="custom_role_change_decided_or_pending",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["target", "-id"], name="custom_role_change_newest"),
            models.Index(
                fields=["lapses_at"],
                condition=models.Q(state=ChangeState.PENDING.value),
                name="custom_role_change_lapsing",
            ),
        ]

    def __str__(self) -> str:
        return f"custom_role_change/{self.pk}"
