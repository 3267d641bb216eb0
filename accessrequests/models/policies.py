"""Policies: the published versions, which never change, and the drafts of what may become the next."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accessrequests.domain.publishing import DraftState
from accessrequests.models.columns import choices_of, one_of
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


class PolicyDraft(models.Model):
    """A document that may become the next version. Once it is proposed its text stays as it is.

    `drafted_by` is nobody where it came from the command line, which proves nothing about who typed. `against` is the
    version that was in force when it was proposed, and by which it is judged; `version` what it became.
    """

    name = models.CharField(max_length=100)
    document = models.TextField()
    rules = models.JSONField()
    state = models.CharField(max_length=16, choices=choices_of(DraftState))
    drafted_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    drafted_at = models.DateTimeField()
    proposed_by = models.ForeignKey(Person, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    proposed_at = models.DateTimeField(null=True, blank=True)
    against = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    decided_by = models.CharField(max_length=64, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    why = models.TextField(blank=True)
    version = models.OneToOneField(PolicyVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="draft")

    class Meta:
        constraints: ClassVar = [
            one_of("state", DraftState, name="policy_draft_state_known"),
            models.CheckConstraint(
                condition=models.Q(state=DraftState.DRAFT.value)
                | models.Q(state=DraftState.REJECTED.value)
                | models.Q(state=DraftState.PUBLISHED.value)
                | models.Q(proposed_by__isnull=False, proposed_at__isnull=False, against__isnull=False),
                name="policy_draft_proposed_by_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(state=DraftState.PUBLISHED.value) ^ models.Q(version__isnull=True),
                name="policy_draft_published_as_a_version",
            ),
        ]

    def __str__(self) -> str:
        return f"policy_draft/{self.pk}"


class PolicyApproval(models.Model):
    """One person's agreement to a proposed draft. Never changed: whose still counts is judged at the last one."""

    draft = models.ForeignKey(PolicyDraft, on_delete=models.PROTECT, related_name="approvals")
    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="+")
    comment = models.TextField(blank=True)
    at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["draft", "person"], name="policy_approval_once")]

    def __str__(self) -> str:
        return f"{self.person_id} agrees to policy_draft/{self.draft_id}"
