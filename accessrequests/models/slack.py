"""Slack: which account there is which person here, what has arrived already, and every copy that was posted."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accessrequests.domain.slack_places import ChannelState
from accessrequests.models.access_requests import AccessRequest
from accessrequests.models.columns import choices_of, one_of
from accessrequests.models.people import Person


class SlackIdentity(models.Model):
    """An account of a workspace that its person has linked. A name or an address there never decides who it is."""

    person = models.ForeignKey(Person, on_delete=models.PROTECT, related_name="slack_identities")
    enterprise_id = models.CharField(max_length=32, blank=True)
    team_id = models.CharField(max_length=32)
    slack_user_id = models.CharField(max_length=32)
    slack_name = models.CharField(max_length=100, blank=True)
    linked_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "slack identities"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["enterprise_id", "team_id", "slack_user_id"], name="slack_identity_one_person"
            ),
            models.UniqueConstraint(fields=["person", "enterprise_id", "team_id"], name="slack_identity_one_a_person"),
        ]

    def __str__(self) -> str:
        return f"{self.team_id}/{self.slack_user_id}"


class SlackHome(models.Model):
    """The Home of the app, for an account that has opened it. `shows` are the requests that stand in it.

    `view_hash` is Slack's own mark of what it has, `rendered_hash` ours of what we drew.
    """

    slack_user_id = models.CharField(max_length=32, unique=True)
    opened_at = models.DateTimeField()
    drawn_at = models.DateTimeField(null=True, blank=True)
    rendered_hash = models.CharField(max_length=64, blank=True)
    view_hash = models.CharField(max_length=64, blank=True)
    shows = ArrayField(models.BigIntegerField(), default=list, blank=True)

    def __str__(self) -> str:
        return f"slack_home/{self.pk}"


class SlackArrival(models.Model):
    """Something that counts once: a signed call, an event, an address to link an account. With what was answered."""

    digest = models.CharField(max_length=64, unique=True)
    at = models.DateTimeField()
    answer = models.JSONField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["at"], name="slack_arrival_age")]

    def __str__(self) -> str:
        return self.digest


class SlackKind(StrEnum):
    """What a message in Slack is: a card is drawn anew whenever its request changes, the others are said once."""

    CARD = "card"
    OWN_CARD = "own_card"
    REPLY = "reply"
    NOTICE = "notice"
    WHISPER = "whisper"


class SlackState(StrEnum):
    """Where a message is. Left: others read along in its channel now, so that it is to be emptied.

    Dead: Slack will never take it, no longer has it, or nobody looks after it any more.
    """

    WANTED = "wanted"
    POSTED = "posted"
    LEFT = "left"
    DEAD = "dead"


class SlackMessage(models.Model):
    """One copy in one place. `channel` is where it was sent to, `posted_in` where Slack put it: not the same for people.

    `posted_in` without `ts`: it was sent there, and Slack has not said that it took it.
    A card is of one `revision` of its request; the others carry their `content`, and `about`, which says of what.
    `drawn_at` is the moment that its content is true of. Nothing changes any more in a card that is final.
    """

    access_request = models.ForeignKey(
        AccessRequest, on_delete=models.PROTECT, null=True, blank=True, related_name="slack_messages"
    )
    kind = models.CharField(max_length=8, choices=choices_of(SlackKind))
    channel = models.CharField(max_length=32)
    revision = models.PositiveIntegerField(default=0)
    about = models.CharField(max_length=64, blank=True)
    thread = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="replies")
    slack_user_id = models.CharField(max_length=32, blank=True)
    content = models.JSONField(null=True, blank=True)
    state = models.CharField(max_length=8, choices=choices_of(SlackState), default=SlackState.WANTED.value)
    posted_in = models.CharField(max_length=32, blank=True)
    ts = models.CharField(max_length=32, blank=True)
    rendered_hash = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField()
    posted_at = models.DateTimeField(null=True, blank=True)
    drawn_at = models.DateTimeField(null=True, blank=True)
    is_final = models.BooleanField(default=False)
    last_error = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            one_of("kind", SlackKind, name="slack_message_kind_known"),
            one_of("state", SlackState, name="slack_message_state_known"),
            models.UniqueConstraint(
                fields=["access_request", "kind", "channel", "revision"],
                condition=models.Q(kind__in=[SlackKind.CARD.value, SlackKind.OWN_CARD.value]),
                name="slack_message_one_card",
            ),
            models.UniqueConstraint(
                fields=["about", "kind", "channel", "thread"],
                condition=~models.Q(about=""),
                nulls_distinct=False,
                name="slack_message_said_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["posted_in", "ts"], name="slack_message_by_place"),
            models.Index(fields=["channel", "-posted_at"], name="slack_message_pace"),
            models.Index(
                fields=["slack_user_id", "created_at"],
                condition=models.Q(kind=SlackKind.WHISPER.value),
                name="slack_message_whispers",
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(state__in=[SlackState.WANTED.value, SlackState.LEFT.value]),
                name="slack_message_wanted",
            ),
            models.Index(
                fields=["drawn_at"],
                condition=models.Q(
                    state=SlackState.POSTED.value,
                    kind__in=[SlackKind.CARD.value, SlackKind.OWN_CARD.value],
                    is_final=False,
                ),
                name="slack_message_card_lives",
            ),
        ]

    def __str__(self) -> str:
        return f"slack_message/{self.pk}"

    @property
    def place(self) -> str:
        """Where Slack has it; what stands in its thread is there."""
        return f"{self.posted_in}/{self.ts}"

    @property
    def marker(self) -> str:
        """By which it is found again in Slack."""
        return f"copy:{self.pk}"


class SlackWorkspace(models.Model):
    """The workspace that is installed. From `stopped_at` on nothing is sent there; `why` is a sentence."""

    team_id = models.CharField(max_length=32, unique=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    why = models.TextField(blank=True)
    connected_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"slack/{self.team_id}"


class SlackChannel(models.Model):
    """A channel in which people are asked, as it was when it was looked at, and by which id it goes on."""

    channel = models.CharField(max_length=32, unique=True)
    name = models.CharField(max_length=80, blank=True, default="", db_default="")
    moved_to = models.CharField(max_length=32, blank=True)
    state = models.CharField(max_length=8, choices=choices_of(ChannelState))
    since = models.DateTimeField()
    looked_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [one_of("state", ChannelState, name="slack_channel_state_known")]

    def __str__(self) -> str:
        return f"slack/{self.channel}"
