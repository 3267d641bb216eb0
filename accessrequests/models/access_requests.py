"""What people asked for, and what others said to it."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from accessrequests.domain import external
from accessrequests.domain.kinds import CERTIFICATES, SCRAM
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.privileges import Level
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.people import Person
from accessrequests.models.policies import PolicyVersion
from accessrequests.models.targets import Target


class AccessKind(StrEnum):
    """What is granted for a while."""

    DATABASE_USER = "database_user"
    ROLE_GRANT = "role_grant"
    PROJECT_ROLE = "project_role"


class Answer(StrEnum):
    """What one approver said."""

    APPROVE = "approve"
    DENY = "deny"


class AccessRequest(models.Model):
    """One person's ask: target, roles, reason, time box; with the verdict and the policy version of the moment."""

    requester = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="access_requests")
    beneficiary = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="access_requests")
    kind = models.CharField(max_length=16, choices=choices_of(AccessKind))
    # Where the name is not ours: the login that gets the roles, as name@database or an Atlas user by address, the service
    # or group that it belongs to, and all who gain by it.
    principal = models.CharField(max_length=1100, blank=True, default="")
    service = models.CharField(max_length=64, blank=True, default="")
    owners = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    # Asked together with others: the id of the first of them.
    bundle = models.BigIntegerField(null=True, blank=True)
    roles = models.JSONField()
    privileges = models.JSONField()
    clusters = models.JSONField(default=list)
    authentication = models.CharField(max_length=16)
    source_addresses = models.JSONField(default=list)
    duration = models.DurationField()
    approved_duration = models.DurationField(null=True, blank=True)
    starts_at = models.DateTimeField(null=True, blank=True)
    reason = models.TextField()
    # Access first, review after. What belongs to that alone stands in a row of `BreakGlass`.
    is_break_glass = models.BooleanField(default=False)
    ticket = models.CharField(max_length=200, blank=True)
    level = models.CharField(max_length=16, choices=choices_of(Level))
    # The live grant that would last longer; without one, access that would begin.
    extends = models.ForeignKey(
        "accessrequests.Grant", on_delete=models.PROTECT, null=True, blank=True, related_name="extension_requests"
    )
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT)
    verdict = models.JSONField()
    step_groups = ArrayField(models.CharField(max_length=64), default=list)
    # Those of them that still want somebody: whoever is only in the others waits for nothing here.
    wanted_groups = ArrayField(models.CharField(max_length=64), default=list)
    # Groups that may answer any open step: nobody else could, or nobody did in time.
    stand_ins = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    look_again_at = models.DateTimeField(null=True, blank=True)
    reminders = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=16, choices=choices_of(AccessRequestState))
    revision = models.PositiveIntegerField(default=1)
    filed_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.CharField(max_length=64, blank=True)
    # Why it is void, where nobody took it back.
    note = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            one_of("state", AccessRequestState, name="access_request_state_known"),
            one_of("kind", AccessKind, name="access_request_kind_known"),
            one_of("level", Level, name="access_request_level_known"),
            models.CheckConstraint(
                condition=models.Q(state=AccessRequestState.PENDING.value) ^ models.Q(decided_at__isnull=False),
                name="access_request_decided_or_pending",
            ),
            models.UniqueConstraint(
                fields=["extends"],
                condition=models.Q(state=AccessRequestState.PENDING.value),
                name="access_request_one_extension_waits",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["lapses_at"],
                condition=models.Q(state=AccessRequestState.PENDING.value),
                name="access_request_lapsing",
            ),
            models.Index(
                fields=["look_again_at"],
                condition=models.Q(state=AccessRequestState.PENDING.value),
                name="access_request_reminding",
            ),
            models.Index(fields=["decided_at"], name="access_request_decided"),
            GinIndex(fields=["step_groups"], name="access_request_deciders"),
            models.Index(fields=["requester", "-id"], name="access_request_mine"),
            models.Index(fields=["beneficiary", "-id"], name="access_request_for_me"),
            models.Index(
                fields=["requester", "beneficiary"],
                condition=~models.Q(requester=models.F("beneficiary")),
                name="access_request_for_another",
            ),
            models.Index(fields=["bundle"], condition=models.Q(bundle__isnull=False), name="access_request_together"),
        ]

    def __str__(self) -> str:
        return f"access_request/{self.pk}"

    @property
    def makes_a_user(self) -> bool:
        """Whether a user is made for it; otherwise roles are added to one who stands anyway."""
        return self.kind == AccessKind.DATABASE_USER

    @property
    def is_shortened(self) -> bool:
        """Whether less time was approved than was asked for."""
        return self.approved_duration is not None and self.approved_duration < self.duration

    @property
    def has_password(self) -> bool:
        return self.makes_a_user and self.authentication == SCRAM

    @property
    def has_certificate(self) -> bool:
        """Whether what its holder is shown once is a certificate, with its key."""
        return self.makes_a_user and self.authentication in CERTIFICATES

    @property
    def named_by_others(self) -> str:
        """Who signs in where AWS, a provider of identities or a directory vouches for them: as these call them."""
        return external.name_of(self.principal) if self.makes_a_user and self.principal else ""

    @property
    def database_user(self) -> str:
        return self.principal if self.kind == AccessKind.ROLE_GRANT else ""


class Approval(models.Model):
    """One recorded yes or no. `groups` are those that count for it, `group` the one whose slot it fills.

    `on_behalf_of`: whose voice it is, where somebody who is away has lent theirs; the groups are then that one's.
    """

    access_request = models.ForeignKey(AccessRequest, on_delete=models.PROTECT, related_name="approvals")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="approvals")
    on_behalf_of = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    revision = models.PositiveIntegerField()
    answer = models.CharField(max_length=8, choices=choices_of(Answer))
    groups = models.JSONField(default=list)
    group = models.CharField(max_length=64, blank=True)
    comment = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["access_request", "person", "revision", "answer"], name="approval_once_a_person"
            ),
            models.UniqueConstraint(
                fields=["access_request", "on_behalf_of", "revision", "answer"], name="approval_once_a_lent_voice"
            ),
            models.CheckConstraint(
                condition=models.Q(on_behalf_of=None) | ~models.Q(on_behalf_of=models.F("person")),
                name="approval_for_somebody_else",
            ),
            one_of("answer", Answer, name="approval_answer_known"),
        ]

    def __str__(self) -> str:
        return f"{self.answer} of {self.person_id} on access_request/{self.access_request_id}"
