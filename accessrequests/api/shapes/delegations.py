"""Voices that are lent."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accessrequests.api.fields import Moment


class DelegationShape(serializers.Serializer[Any]):
    """One person's voice, lent to another for a while."""

    id = serializers.IntegerField(source="pk")
    giver = serializers.CharField(source="giver.username", help_text="Whose voice it is.")
    stand_in = serializers.CharField(source="stand_in.username", help_text="Who answers in their place.")
    made_at = Moment()
    starts_at = Moment()
    ends_at = Moment(help_text="It ends by itself then.")
    ended_at = Moment(allow_null=True, help_text="When somebody ended it before; else null.")
    ended_by = serializers.CharField(help_text="Who did; empty otherwise.")
