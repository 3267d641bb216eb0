"""Guards what `make chaos` makes of what it sees: a figure or a sentence for everything that is not as promised."""

from __future__ import annotations

import pytest

from chaos import steps
from chaos.invariants import differences, doubled, wrong_in_trail
from chaos.life import Life, Plan
from chaos.report import Report, lag_after_return, quantile

WHOLE = [
    "access_request.submitted",
    "access_request.approval_given",
    "access_request.approved",
    "grant.provisioning_started",
    "grant.provisioning_started",
    "grant.activated",
    "credential.revealed",
    "grant.revocation_started",
    "grant.cut",
    "grant.revoked",
]


def life(*, used: bool = True, target: str = "shop-prod") -> Life:
    plan = Plan(0, target, "alice", seconds=30, released_after=None, by_slack=False, rotates=False)
    return Life(plan, grant_id=1, usable_at=5.0 if used else 0.0, ends_at=35.0, refused_at=36.0, is_over=True)


class TestTrail:
    def test_of_a_whole_life_is_right(self) -> None:
        assert wrong_in_trail(WHOLE, life()) == []

    @pytest.mark.parametrize("event", ["grant.activated", "grant.cut", "grant.revoked", "credential.revealed"])
    def test_misses_what_is_not_told(self, event: str) -> None:
        assert wrong_in_trail([told for told in WHOLE if told != event], life())

    @pytest.mark.parametrize("event", ["grant.activated", "grant.cut", "access_request.approval_given"])
    def test_finds_what_is_told_twice(self, event: str) -> None:
        assert wrong_in_trail([*WHOLE, event], life())

    def test_finds_what_is_told_in_another_order(self) -> None:
        assert wrong_in_trail([*WHOLE[:-2], WHOLE[-1], WHOLE[-2]], life())

    def test_of_an_access_whose_time_was_over_before_it_was_there(self) -> None:
        never_active = [told for told in WHOLE if told not in {"grant.activated", "credential.revealed"}]
        assert wrong_in_trail(never_active, life(used=False)) == []


class TestTargets:
    def test_what_is_left_gone_or_changed_is_named(self) -> None:
        before = {"user app@admin on shop-prod": "['readWrite@shop']", "role desk@shop on shop-prod": "[]"}
        after = {"user app@admin on shop-prod": "['root@admin']", "user jit-1@admin on shop-prod": "[]"}
        assert differences(before, before) == []
        assert differences(before, after) == [
            "Left over: user jit-1@admin on shop-prod",
            "Gone, and not ours: role desk@shop on shop-prod",
            "Changed: user app@admin on shop-prod",
        ]

    def test_two_users_or_none_of_one_access_are_doubled(self) -> None:
        twice, never, once = life(), life(), life()
        for one, users in ((twice, ["a@admin", "b@admin"]), (never, []), (once, ["a@admin"])):
            one.was_counted, one.users_seen = True, users
        assert len(doubled([twice, never, once])) == 2


class TestLag:
    def test_counts_from_the_return_of_what_was_away_then(self) -> None:
        assert lag_after_return(100.0, 104.0, []) == 4.0
        assert lag_after_return(100.0, 104.0, [(90.0, 95.0)]) == 4.0, "it was back before"
        assert lag_after_return(100.0, 104.0, [(99.0, 103.0)]) == 1.0
        assert lag_after_return(100.0, 104.0, [(99.0, 103.0), (103.5, 110.0)]) == 0.0
        assert lag_after_return(100.0, 104.0, [(105.0, 110.0)]) == 4.0, "it went only afterwards"

    def test_quantile_is_one_of_the_values(self) -> None:
        assert quantile([], 99) == 0.0
        assert quantile([1.0], 50) == 1.0
        assert quantile([float(number) for number in range(1, 101)], 99) == 99.0

    def test_too_late_is_wrong(self) -> None:
        report = Report(seed=1)
        late = life()
        late.refused_at = 60.0
        report.count([late], [])
        assert report.wrong == ["The lag after return is 25.00 s at p99; 10 s are promised."]
        assert "WRONG: The lag after return" in report.as_text()


def test_looks_are_not_worth_a_round() -> None:
    assert steps.is_look("before usersInfo on the target")
    assert steps.is_look("after GET databaseUsers on Atlas")
    assert not steps.is_look("before dropUser on the target")
    assert not steps.is_look("after grants.mark_cut")
