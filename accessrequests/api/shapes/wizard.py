"""What the wizard answers: the next question, or the smallest ask that does what is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from accessrequests.api import words
from accessrequests.domain.wizard import TOLD, Proposal, Step


class ChoiceShape(serializers.Serializer[Any]):
    """One answer. With a refusal it is none, and that says why."""

    value = serializers.CharField(help_text="To be sent as the answer.")
    title = serializers.CharField()
    hint = serializers.CharField()
    level = serializers.ChoiceField(words.LEVELS, allow_null=True)
    environment = serializers.CharField()
    refusal = serializers.CharField(help_text="Why this cannot be chosen; empty where it can.")


class QuestionShape(serializers.Serializer[Any]):
    """What has to be known next."""

    key = serializers.CharField(help_text="The field of the answer.")
    question = serializers.CharField()
    hint = serializers.CharField()
    choices = ChoiceShape(many=True)


class AnsweredShape(serializers.Serializer[Any]):
    """What is known: answered, or the only answer there was."""

    key = serializers.CharField()
    question = serializers.CharField()
    value = serializers.CharField()
    title = serializers.CharField()
    was_chosen = serializers.BooleanField(help_text="False where there was only one answer.")


class ProposedAsk(serializers.Serializer[Any]):
    """A body for POST access-requests/, but for what only you know."""

    target = serializers.CharField()
    kind = serializers.ChoiceField(words.KINDS)
    roles = serializers.ListField(child=serializers.CharField())
    duration = serializers.CharField()
    database_user = serializers.CharField(required=False)
    authentication = serializers.ChoiceField(words.METHODS, required=False)
    clusters = serializers.ListField(child=serializers.CharField(), required=False)


class WizardShape(serializers.Serializer[Any]):
    """Either `question` or `ask` is there."""

    question = QuestionShape(allow_null=True)
    ask = ProposedAsk(allow_null=True)
    still_to_say = serializers.ListField(
        child=serializers.CharField(), help_text="The fields to add to the ask: a reason, and where you come from."
    )
    told = serializers.CharField(help_text="Why the ask is the smallest, and what it does not let you do.")
    answered = AnsweredShape(many=True)


def asking(step: Step) -> Any:
    return WizardShape({"question": step, "ask": None, "still_to_say": [], "told": "", "answered": step.given}).data


def proposing(proposal: Proposal, still_to_say: list[str]) -> Any:
    said = {
        "question": None,
        "ask": _ask(proposal),
        "still_to_say": still_to_say,
        "told": TOLD[proposal.told],
        "answered": proposal.given,
    }
    return WizardShape(said).data


def _ask(proposal: Proposal) -> Mapping[str, Any]:
    fields = {
        "target": proposal.target,
        "kind": proposal.kind,
        "roles": [proposal.role],
        "duration": proposal.duration,
        "database_user": proposal.database_user,
        "authentication": proposal.authentication,
        "clusters": list(proposal.clusters),
    }
    return {name: value for name, value in fields.items() if value}
