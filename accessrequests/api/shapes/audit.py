"""The audit trail and the result of checking it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accessrequests.api import words


class AuditEventShape(serializers.Serializer[Any]):
    """One fact. `hash` covers `previous` and every other field but `id`."""

    id = serializers.IntegerField()
    sequence = serializers.IntegerField(help_text="Without gaps, from 1.")
    at = serializers.DateTimeField()
    event = serializers.CharField()
    actor = serializers.CharField()
    via = serializers.ChoiceField(words.SURFACES)
    subject = serializers.CharField(help_text="access_request/7, grant/7, target/shop-prod, policy/1, person/alice.")
    facts = serializers.DictField()
    previous = serializers.CharField()
    hash = serializers.CharField()


class AnchorShape(serializers.Serializer[Any]):
    """The newest head that was written outside the database."""

    sequence = serializers.IntegerField()
    at = serializers.CharField()


class FirstBadShape(serializers.Serializer[Any]):
    """The first place where the trail is not what it was."""

    sequence = serializers.IntegerField()
    id = serializers.IntegerField(allow_null=True, help_text="Null when the row is missing, or the anchors are untrue.")
    why = serializers.CharField()


class VerifyShape(serializers.Serializer[Any]):
    """What a check of the whole trail found."""

    ok = serializers.BooleanField()
    checked = serializers.IntegerField()
    head = serializers.CharField()
    anchor = AnchorShape(allow_null=True, help_text="Null: no anchor, so the check proves the order only.")
    first_bad = FirstBadShape(allow_null=True)
