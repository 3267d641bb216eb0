"""Guards what a sweep does about users that somebody else has cut and not cleaned up after yet."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.workers.test_sweep import END, KEY, LATE, Target, over
from workers.provisioners.base import Owned
from workers.sweep import AFTER, HUSK, Sweep
from workers.sweep_journal import CUT, Journal


def husks(*usernames: str) -> list[Owned]:
    return [replace(one, expires_at=END - LATE, powerless=True) for one in over(*usernames)]


class TestHusks:
    def test_are_cut_once_more_and_left_to_whoever_cut_them(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "sweep.jsonl", [KEY])
        target = Target([0.0], holds=husks("alice", "bob"))
        sweep = Sweep("shop", target, journal, wall=lambda: END)

        assert [sweep.round(), sweep.round()] == [0, 0]

        assert target.done == ["cut alice", "cut bob"], "Something of them may still run."
        assert not journal.path.exists() or not journal.path.read_text(), "They were not ended by the sweep."

    def test_that_nobody_cleans_up_after_are_ended_like_all_others(self, tmp_path: Path) -> None:
        journal, now = Journal(tmp_path / "sweep.jsonl", [KEY]), [END]
        target = Target([0.0], holds=husks("alice"))
        sweep = Sweep("shop", target, journal, wall=lambda: now[0])
        assert sweep.round() == 0
        now[0] = END - LATE + AFTER + HUSK + timedelta(seconds=1)

        assert sweep.round() == 1

        assert target.done == ["cut alice", "cut alice", "clean alice"]
        assert [json.loads(line)["step"] for line in journal.path.read_text().splitlines()] == [CUT]

    def test_that_the_sweep_itself_has_made_are_cleaned_in_the_next_round(self) -> None:
        (powerful,) = (replace(one, powerless=False) for one in husks("alice"))
        target = Target([0.0], holds=[powerful], is_clean=False)
        sweep = Sweep("shop", target, None, wall=lambda: END)
        assert sweep.round() == 1
        target.holds = [replace(powerful, powerless=True)]

        assert sweep.round() == 0

        assert target.done == ["cut alice", "clean alice"] * 2

    def test_that_the_sweep_has_half_cut_itself_are_its_own(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "sweep.jsonl", [KEY])
        (powerful,) = (replace(one, powerless=False) for one in husks("alice"))
        target = Target([0.0], holds=[powerful], fails="alice")
        sweep = Sweep("shop", target, journal, wall=lambda: END)
        assert sweep.round() == 0
        target.fails, target.holds = "", [replace(powerful, powerless=True)]

        assert sweep.round() == 1

        assert target.done == ["cut alice", "clean alice"]
        assert [json.loads(line)["step"] for line in journal.path.read_text().splitlines()] == [CUT]

    def test_that_have_power_again_are_ended(self) -> None:
        (husk,) = husks("alice")
        target = Target([0.0], holds=[husk])
        sweep = Sweep("shop", target, None, wall=lambda: END)
        assert sweep.round() == 0
        target.holds = [replace(husk, powerless=False)]

        assert sweep.round() == 1

        assert target.done == ["cut alice", "cut alice", "clean alice"]

    def test_are_none_where_what_is_cut_is_gone(self) -> None:
        target = Target([0.0], holds=husks("alice"), cut_leaves_it=False)

        assert Sweep("shop", target, None, wall=lambda: END).round() == 1

        assert target.done == ["cut alice", "clean alice"]
