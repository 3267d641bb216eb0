"""Why an access does not work, as its page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accessrequests.domain.diagnosis import GateView
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.symptoms import Symptom, hints_for
from accessrequests.models import Diagnosis, Grant
from accessrequests.web.grants_shown import GATES

_STATES = {GateView.OPEN: ("open", "ok"), GateView.SHUT: ("shut", "bad"), GateView.NOT_KNOWN: ("not known", "warn")}


@dataclass(frozen=True, slots=True)
class FindingShown:
    """One gate in words."""

    name: str
    state: str
    tone: str
    causes: Sequence[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class DoctorShown:
    """The question as it stands, for whoever may ask it."""

    asked: Diagnosis | None
    findings: Sequence[FindingShown]
    hints: Sequence[Symptom]

    @property
    def is_looking(self) -> bool:
        return self.asked is not None and self.asked.finished_at is None


def doctor_shown(grant: Grant) -> DoctorShown:
    asked = getattr(grant, "diagnosis", None)
    findings = [_finding(one) for one in asked.findings] if asked is not None else []
    is_shut = any(one.state == "shut" for one in findings)
    return DoctorShown(asked, findings, [] if is_shut or not findings else hints_for(grant.target.kind))


def _finding(said: dict[str, Any]) -> FindingShown:
    return FindingShown(GATES[GateName(said["gate"])], *_STATES[GateView(said["state"])], said["causes"])
