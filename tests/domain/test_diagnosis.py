"""Guards what is said of gates that are shut: every cause has its gate, a reason and a way on."""

from __future__ import annotations

import pytest

from accessrequests.domain.diagnosis import Cause, Diagnosis, GateView, Shut, findings, gate_of, summary
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.symptoms import SYMPTOMS, hints_for


class TestCauses:
    @pytest.mark.parametrize("cause", Cause)
    def test_are_told_in_sentences_with_what_to_do(self, cause: Cause) -> None:
        found = findings(GateName, Diagnosis(known=frozenset(), shut=(Shut(cause, "main"),)))

        (told,) = [one for finding in found if finding["state"] == GateView.SHUT for one in finding["causes"]]
        assert told["cause"] == cause
        assert told["why"].endswith(".")
        assert told["what_to_do"].endswith(".")
        assert "{" not in told["why"]
        assert {one["gate"] for one in found if one["state"] == GateView.SHUT} == {gate_of(cause)}


class TestFindings:
    def test_tell_open_shut_and_not_known_apart(self) -> None:
        seen = Diagnosis(known=frozenset({GateName.NETWORK}), shut=(Shut(Cause.USER_GONE, "jit"),), unclear="No user.")

        found = findings(GateName, seen)

        assert [one["state"] for one in found] == ["open", "shut", "not_known"]
        assert [cause["why"] for cause in found[2]["causes"]] == ["No user."]
        assert summary(found) == "The target has no user jit any more: it was deleted."

    def test_say_when_nothing_is_shut(self) -> None:
        assert summary(findings(GateName, Diagnosis(known=frozenset(GateName)))) == "Every gate is open."
        unseen = findings(GateName, Diagnosis(known=frozenset()))
        assert summary(unseen) == "No gate was found shut, and not every gate could be looked at."


class TestHints:
    def test_are_about_the_kind_of_target(self) -> None:
        assert len(hints_for("atlas")) == len(hints_for("mongodb")) == len(SYMPTOMS) == 4
        told = {hint.cause for symptom in hints_for("mongodb") for hint in symptom.hints}
        assert "Escaping" in told
        assert "Cluster paused" not in told

    def test_name_kinds_that_there_are(self) -> None:
        assert {kind for symptom in SYMPTOMS for hint in symptom.hints for kind in hint.kinds} <= set(KINDS)
