"""RFC 9457 problems, as the schema shows them."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accessrequests.api.problems import TITLES


class Winner(serializers.Serializer[Any]):
    """Who was faster, with what."""

    person = serializers.CharField()
    what = serializers.CharField()
    at = serializers.CharField()


class ProblemShape(serializers.Serializer[Any]):
    """Why it was not done, and what to do next (application/problem+json)."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="A sentence for a person.")
    code = serializers.ChoiceField(list(TITLES), help_text="For programs.")
    errors = serializers.DictField(  # type: ignore[assignment]  # a field of the shape hides nothing of the class
        child=serializers.ListField(child=serializers.CharField()), required=False, help_text="With 422: by field."
    )
    rule = serializers.CharField(required=False, help_text="With 403 refused: the rule of the policy that says no.")
    winner = Winner(required=False, help_text="With 409 illegal_move.")
