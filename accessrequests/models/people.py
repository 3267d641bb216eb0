"""People, the groups that they belong to since when, and their personal tokens."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models

from accessrequests.models.columns import choices_of, one_of


class GroupRole(StrEnum):
    """What a group's members may do beyond asking and deciding."""

    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Person(AbstractBaseUser):
    """Somebody who may sign in. What they may do follows from their groups and the policy."""

    username = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(max_length=254)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email", "name"]

    objects: ClassVar = BaseUserManager["Person"]()

    def __str__(self) -> str:
        return self.username

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]

    def has_perm(self, perm: str, _obj: Any = None) -> bool:
        """The admin site shows tables to administrators and offers no verb to anybody."""
        return self.is_active and self.is_staff and ".view_" in perm

    def has_module_perms(self, _app_label: str) -> bool:
        return self.is_active and self.is_staff


class Group(models.Model):
    """A named set of people. Policies speak of groups only."""

    name = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=16, blank=True, choices=choices_of(GroupRole))

    class Meta:
        constraints: ClassVar = [one_of("role", GroupRole, name="group_role_known", blank=True)]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self) -> MembershipQuerySet:
        return self.filter(ended_at=None)

    def held_since(self, moment: datetime) -> MembershipQuerySet:
        """Current memberships that already held at `moment`."""
        return self.current().filter(since__lte=moment)


class Membership(models.Model):
    """One stretch of one person's belonging to one group. Ended, never deleted."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="memberships")
    group = models.ForeignKey(Group, on_delete=models.PROTECT, related_name="memberships")
    since = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "group"], condition=models.Q(ended_at=None), name="membership_one_current"
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.group_id} since {self.since:%Y-%m-%d}"


class PersonalToken(models.Model):
    """A bearer token. Only its SHA-256 is kept: 256 random bits need no slow hash."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="tokens")
    name = models.CharField(max_length=100)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=16))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token {self.pk} of {self.person_id}"
