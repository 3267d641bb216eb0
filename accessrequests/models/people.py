"""People, services that some of them own, who vouches for them, the groups that they belong to since when, and their personal tokens."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.crypto import salted_hmac

from accessrequests.models.columns import choices_of, one_of


class GroupRole(StrEnum):
    """What a group's members may do beyond asking and deciding."""

    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class MembershipSource(StrEnum):
    """Who gave a membership, and so may take it: the operator's file, or the provider that signs people in."""

    FILE = "file"
    PROVIDER = "provider"


class Person(AbstractBaseUser):
    """Somebody who may sign in; or a service identity, which has an `owner` and never signs in.

    What they may do follows from their groups and the policy.
    """

    username = models.CharField(max_length=64, unique=True)
    name = models.CharField(max_length=200)
    email = models.EmailField(max_length=254)
    is_active = models.BooleanField(default=True)
    # The file of people says that they are off. No word of a provider lets them in then.
    is_off_in_file = models.BooleanField(default=False)
    is_staff = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    time_zone = models.CharField(max_length=64, default="UTC")
    # What they are told of not by which channel, such as own/mail; what is not named here is on.
    not_told_by = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    owner = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="services")
    # Raised to end every session that there is of this person.
    session_round = models.PositiveIntegerField(default=0)

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email", "name"]

    objects: ClassVar = BaseUserManager["Person"]()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(owner=models.F("pk")), name="person_owned_by_somebody_else"),
        ]

    def __str__(self) -> str:
        return self.username

    @property
    def is_service(self) -> bool:
        return self.owner_id is not None

    @cached_property
    def service_ids(self) -> list[int]:
        """The service identities that the person owns: a few, or none. Asked once for each object of the person."""
        return list(Person.objects.filter(owner=self).values_list("pk", flat=True))

    def stands_for(self, holder: Person) -> bool:
        """Whether what `holder` has is in this person's hands: their own, or that of a service of theirs."""
        return self.pk in {holder.pk, holder.owner_id}

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0]

    def get_session_auth_hash(self) -> str:
        """What a session must still agree with: the password, and the round that sessions are in."""
        held = f"{self.session_round}/{self.password}"
        return salted_hmac("accessrequests.session", held, secret=settings.SECRET_KEY, algorithm="sha256").hexdigest()

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        """Sessions of an older secret key end with it."""
        return iter(())

    def has_perm(self, perm: str, _obj: Any = None) -> bool:
        """The admin site shows tables to administrators and offers no verb to anybody."""
        return self.is_active and self.is_staff and ".view_" in perm

    def has_module_perms(self, _app_label: str) -> bool:
        return self.is_active and self.is_staff


class Identity(models.Model):
    """Whom a provider of sign-ins means by its `subject`. An e-mail address or a user name never decides who it is."""

    person = models.OneToOneField(Person, on_delete=models.PROTECT, related_name="identity")
    issuer = models.CharField(max_length=300)
    subject = models.CharField(max_length=255)
    made_person = models.BooleanField(default=False)
    linked_at = models.DateTimeField()
    # What the provider gave us to ask it again, sealed; raised whenever it is replaced.
    sealed_tokens = models.BinaryField(null=True, blank=True)
    tokens_round = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField(null=True, blank=True)
    refused_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "identities"
        constraints: ClassVar = [models.UniqueConstraint(fields=["issuer", "subject"], name="identity_one_person")]

    def __str__(self) -> str:
        return f"identity/{self.pk}"


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
    source = models.CharField(max_length=16, choices=choices_of(MembershipSource), default=MembershipSource.FILE.value)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person", "group"], condition=models.Q(ended_at=None), name="membership_one_current"
            ),
            one_of("source", MembershipSource, name="membership_source_known"),
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
