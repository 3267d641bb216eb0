"""What was found when somebody asked why an access does not work."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accessrequests.api import words
from accessrequests.api.fields import Moment
from accessrequests.domain.diagnosis import GateView
from accessrequests.domain.symptoms import Symptom, hints_for
from accessrequests.models import Diagnosis, Grant


class CauseShape(serializers.Serializer[Any]):
    """What shuts a gate, or why it is not known."""

    cause = serializers.CharField(help_text="A short name for programs; empty where nothing is known.")
    why = serializers.CharField()
    what_to_do = serializers.CharField()


class FindingShape(serializers.Serializer[Any]):
    """One gate as it was found."""

    gate = serializers.ChoiceField(words.GATES)
    state = serializers.ChoiceField([view.value for view in GateView])
    causes = CauseShape(many=True)


class HintShape(serializers.Serializer[Any]):
    """One thing to look at by oneself."""

    cause = serializers.CharField()
    what_to_do = serializers.CharField()


class SymptomShape(serializers.Serializer[Any]):
    """What a driver says, and what it usually comes from."""

    seen = serializers.CharField()
    hints = HintShape(many=True)


class DiagnosisShape(serializers.Serializer[Any]):
    """The last answer to "why can't I connect?", or the question that waits for one."""

    grant = serializers.IntegerField()
    state = serializers.ChoiceField(["none", "asked", "done"], help_text="none: nobody has asked yet.")
    asked_by = serializers.CharField(allow_null=True)
    asked_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    gates = FindingShape(many=True, help_text="In the order in which one passes them; empty until it is done.")
    hints = SymptomShape(many=True, help_text="Where no gate was found shut: what else it may be.")


def diagnosis_shown(grant: Grant, asked: Diagnosis | None) -> Any:
    if asked is None:
        told: dict[str, Any] = {"state": "none", "asked_by": None, "asked_at": None, "finished_at": None}
    else:
        told = {
            "state": "asked" if asked.finished_at is None else "done",
            "asked_by": asked.asked_by.username,
            "asked_at": asked.asked_at,
            "finished_at": asked.finished_at,
        }
    gates = asked.findings if asked is not None else []
    hints: list[Symptom] = []
    if told["state"] == "done" and all(gate["state"] != GateView.SHUT for gate in gates):
        hints = hints_for(grant.target.kind)
    return DiagnosisShape({"grant": grant.pk, **told, "gates": gates, "hints": hints}).data
