"""Guards the two machines: they admit exactly the moves that the design draws, written out here by hand."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from accessrequests.domain import lifecycle
from accessrequests.domain.lifecycle import AccessRequestState, EndReason, GateState, GrantState

# pending ─┬─ approved        pending ── active        closed ── open
#          ├─ denied             │          │             │       │
#          ├─ cancelled          └─ revoking ── revoked   └──── cut ── clean
#          └─ expired
REQUEST_MOVES = {
    ("pending", "approved"),
    ("pending", "denied"),
    ("pending", "cancelled"),
    ("pending", "expired"),
}
GRANT_MOVES = {
    ("pending", "active"),
    ("pending", "revoking"),
    ("active", "revoking"),
    ("revoking", "revoked"),
}
GATE_MOVES = {
    ("closed", "open"),
    ("closed", "cut"),
    ("open", "cut"),
    ("cut", "clean"),
}
MACHINES: dict[str, tuple[Any, Mapping[Any, Any], set[tuple[str, str]]]] = {
    "request": (AccessRequestState, lifecycle.REQUEST_MOVES, REQUEST_MOVES),
    "grant": (GrantState, lifecycle.GRANT_MOVES, GRANT_MOVES),
    "gate": (GateState, lifecycle.GATE_MOVES, GATE_MOVES),
}
PAIRS = [
    (moves, current, wanted, (current.value, wanted.value) in drawn)
    for states, moves, drawn in MACHINES.values()
    for current, wanted in itertools.product(states, states)
]


class TestMoves:
    @pytest.mark.parametrize(("moves", "current", "wanted", "drawn"), PAIRS)
    def test_are_those_of_the_design(self, moves: Mapping[Any, Any], current: Any, wanted: Any, drawn: bool) -> None:
        if drawn:
            lifecycle.check_move(moves, current, wanted)
        else:
            with pytest.raises(lifecycle.UnknownMove, match=f"^{current} does not lead to {wanted}.$"):
                lifecycle.check_move(moves, current, wanted)

    @pytest.mark.parametrize("name", MACHINES)
    def test_speak_of_every_state(self, name: str) -> None:
        states, moves, _ = MACHINES[name]

        assert set(moves) == set(states)

    @pytest.mark.parametrize(
        ("name", "finals"),
        [
            ("request", {"approved", "denied", "cancelled", "expired"}),
            ("grant", {"revoked"}),
            ("gate", {"clean"}),
        ],
    )
    def test_end_where_the_design_ends(self, name: str, finals: set[str]) -> None:
        _, moves, _ = MACHINES[name]

        assert {state.value for state, following in moves.items() if not following} == finals

    @pytest.mark.parametrize("start", GrantState)
    def test_always_lead_a_grant_to_its_end(self, start: GrantState) -> None:
        reached, ahead = set(), [start]
        while ahead:
            state = ahead.pop()
            reached.add(state)
            ahead += [following for following in lifecycle.GRANT_MOVES[state] if following not in reached]

        assert GrantState.REVOKED in reached

    def test_never_lead_back(self) -> None:
        for _, moves, _ in MACHINES.values():
            for current, following in moves.items():
                for state in following:
                    assert current not in _reachable(moves, state)


class TestReasons:
    def test_are_those_of_the_design(self) -> None:
        assert {reason.value for reason in EndReason} == {
            *("expiry", "released", "revoked", "provisioning_failed"),
            *("drift", "person_disabled", "eligibility_lost", "target_retired"),
        }


def _reachable(moves: Mapping[Any, Any], start: Any) -> set[Any]:
    reached = {start}
    for following in moves[start]:
        reached |= _reachable(moves, following)
    return reached
