"""Access that shall exist, from approval until the target confirms that it is gone."""

from __future__ import annotations

from typing import ClassVar

from django.db import models

from accessrequests.domain import naming
from accessrequests.domain.lifecycle import CredentialState, EndReason, GateName, GateState, GrantState
from accessrequests.models.access_requests import AccessRequest
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.people import Person
from accessrequests.models.targets import Target


class Grant(models.Model):
    """One unit of access.

    `attempt` is the fencing number: only the newest attempt may record an outcome. `provisioning_attempt` is the
    number of the last attempt to make the access; while it has no recorded end, a call of it may still be on its way.
    Calls of attempts before that one, if any had no recorded end either, may be on their way `stray_calls_until`.
    `opened_at` says since when the target has everything and only its own word is missing that it is ready;
    `waits_for` is what it says of that once it takes long. `warned_at` is when its holder was told that its end, as it
    now is, comes near. `made_in` is the place where it was made, of a target whose record may come to lead to another.
    """

    access_request = models.OneToOneField(AccessRequest, on_delete=models.PROTECT, related_name="grant")
    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="grants")
    holder = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="grants")
    username = models.CharField(max_length=63)
    length = models.DurationField()
    state = models.CharField(max_length=16, choices=choices_of(GrantState))
    created_at = models.DateTimeField()
    not_before = models.DateTimeField()
    activate_by = models.DateTimeField()
    starts_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    activated_at = models.DateTimeField(null=True, blank=True)
    revocation_started_at = models.DateTimeField(null=True, blank=True)
    cut_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=24, blank=True, choices=choices_of(EndReason))
    ended_by = models.CharField(max_length=64, blank=True)
    note = models.TextField(blank=True)
    attempt = models.PositiveIntegerField(default=0)
    provisioning_attempt = models.PositiveIntegerField(default=0)
    attempt_started_at = models.DateTimeField(null=True, blank=True)
    attempt_ended_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(null=True, blank=True)
    stray_calls_until = models.DateTimeField(null=True, blank=True)
    warned_at = models.DateTimeField(null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    last_error = models.TextField(blank=True)
    made_in = models.CharField(max_length=64, blank=True, default="")
    waits_for = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            one_of("state", GrantState, name="grant_state_known"),
            one_of("end_reason", EndReason, name="grant_end_reason_known", blank=True),
            models.UniqueConstraint(fields=["target", "username"], name="grant_username_once"),
            models.CheckConstraint(
                condition=~models.Q(state=GrantState.ACTIVE.value)
                | models.Q(activated_at__isnull=False, expires_at__isnull=False),
                name="grant_active_has_an_end",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[GrantState.PENDING.value, GrantState.ACTIVE.value], end_reason="")
                | models.Q(
                    state__in=[GrantState.REVOKING.value, GrantState.REVOKED.value], revocation_started_at__isnull=False
                )
                & ~models.Q(end_reason=""),
                name="grant_ending_has_a_reason",
            ),
            models.CheckConstraint(
                condition=~models.Q(state=GrantState.REVOKED.value)
                | models.Q(revoked_at__isnull=False, cut_at__isnull=False),
                name="grant_revoked_was_cut",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state__in=[GrantState.PENDING.value, GrantState.ACTIVE.value]),
                name="grant_ending",
            ),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(state=GrantState.ACTIVE.value, warned_at=None),
                name="grant_unwarned",
            ),
            models.Index(
                fields=["activate_by"], condition=models.Q(state=GrantState.PENDING.value), name="grant_waiting"
            ),
            # Those whose end is late: asked for on every page of an administrator.
            models.Index(
                fields=["revocation_started_at"],
                condition=models.Q(state=GrantState.REVOKING.value, cut_at=None),
                name="grant_cutting",
            ),
            # The soonest to end of all that live, for lists of them.
            models.Index(
                fields=["expires_at", "id"],
                condition=~models.Q(state=GrantState.REVOKED.value),
                name="grant_ends_next",
            ),
            # Those cut off last, for how late they were: who was made long ago ends today, too.
            models.Index(fields=["cut_at"], condition=models.Q(cut_at__isnull=False), name="grant_cut_lately"),
            models.Index(fields=["holder", "-id"], name="grant_mine"),
            models.Index(
                fields=["holder", "-id"],
                include=["state", "not_before"],  # which are counted on every look at one's own
                condition=~models.Q(state=GrantState.REVOKED.value),
                name="grant_mine_live",
            ),
            models.Index(
                fields=["target", "id"],
                condition=~models.Q(state=GrantState.REVOKED.value),
                name="grant_live_on_target",
            ),
        ]

    def __str__(self) -> str:
        return f"grant/{self.pk}"

    @property
    def login(self) -> str:
        """Whom people know on the target: the user that was made, or the one who got the roles."""
        asked = self.access_request
        return asked.named_by_others or asked.principal or naming.certified(self.username, asked.authentication)


class Gate(models.Model):
    """One of the things that must be open, with what the target said about it."""

    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="gates")
    gate = models.CharField(max_length=8, choices=choices_of(GateName))
    state = models.CharField(max_length=8, choices=choices_of(GateState))
    evidence = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["grant", "gate"], name="gate_once_a_grant"),
            one_of("gate", GateName, name="gate_known"),
            one_of("state", GateState, name="gate_state_known"),
        ]

    def __str__(self) -> str:
        return f"{self.gate} of grant/{self.grant_id}: {self.state}"


class Credential(models.Model):
    """The one-time password of a grant: sealed, revealed once, erased. `none` means made, but not yet usable."""

    grant = models.OneToOneField(Grant, on_delete=models.PROTECT, related_name="credential")
    state = models.CharField(max_length=8, choices=choices_of(CredentialState))
    generation = models.PositiveIntegerField(default=1)
    sealed = models.BinaryField(null=True, blank=True, editable=False)
    # A new password in place of one that was: the target has taken it, and may still be carrying it out.
    sent_at = models.DateTimeField(null=True, blank=True)
    ready_at = models.DateTimeField(null=True, blank=True)
    revealed_at = models.DateTimeField(null=True, blank=True)
    # Of a certificate: the end that is written in it, which no extension moves.
    certificate_until = models.DateTimeField(null=True, blank=True)
    erased_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            one_of("state", CredentialState, name="credential_state_known"),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=[CredentialState.NONE.value, CredentialState.READY.value], sealed__isnull=False
                )
                | models.Q(
                    state__in=[CredentialState.REVEALED.value, CredentialState.ERASED.value], sealed__isnull=True
                ),
                name="credential_sealed_while_unread",
            ),
        ]

    def __str__(self) -> str:
        return f"credential of grant/{self.grant_id}"
