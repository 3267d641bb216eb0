"""Guards the audit chain: whatever is done to a sealed trail, the check names the first row that is not what it was."""

from __future__ import annotations

import hashlib
import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain import chain
from accessrequests.domain.chain import GENESIS, PREFIX, Anchor, seal_event, verify

Event = dict[str, Any]
SCRIPT = Path(chain.__file__)


def _sealed(events: list[Event]) -> list[Event]:
    """The events with their hashes made to fit, as one who can write every row would."""
    previous, fitted = GENESIS, []
    for number, event in enumerate(events, start=1):
        row = {**event, "sequence": number, "previous": previous}
        row["hash"] = previous = seal_event(row)
        fitted.append(row)
    return fitted


def _trail(length: int) -> list[Event]:
    return _sealed(
        [
            {
                "at": f"2030-01-31T09:30:{number:02}.000000Z",
                "event": "grant.cut",
                "actor": "alice",
                "via": "api",
                "subject": f"grant/{number}",
                "facts": {"evidence": {"members": [number, "ü"]}},
            }
            for number in range(length)
        ]
    )


def _anchor(trail: list[Event], since: int = 0) -> Anchor:
    prefixes = tuple(event["hash"][:PREFIX] for event in trail[since:])
    return Anchor(trail[-1]["sequence"], trail[-1]["hash"], trail[-1]["at"], prefixes)


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
_FACTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda held: st.lists(held, max_size=3) | st.dictionaries(_TEXT, held, max_size=3),
    max_leaves=8,
)


@given(
    columns=st.fixed_dictionaries(dict.fromkeys(("event", "actor", "via", "subject"), _TEXT)),
    facts=st.dictionaries(_TEXT, _FACTS, max_size=3),
)
def test_what_is_sealed_in_the_database_is_what_is_checked_here(columns: dict[str, str], facts: Event) -> None:
    at, previous, sequence = "2030-01-31T09:30:00.000000Z", GENESIS, 7
    pieces = chain.canonical_around(columns, facts)

    whole = f"{pieces[0]}{at}{pieces[1]}{previous}{pieces[2]}{sequence}{pieces[3]}"

    row = {**columns, "facts": facts, "at": at, "previous": previous, "sequence": sequence}
    assert hashlib.sha256(whole.encode()).hexdigest() == seal_event(row)


class TestVerify:
    def test_agrees_with_what_was_sealed(self) -> None:
        trail = _trail(6)

        report = verify(trail, [_anchor(trail[:3]), _anchor(trail, since=3)])

        assert report.ok
        assert (report.checked, report.head) == (6, trail[-1]["hash"])
        assert report.anchor is not None
        assert report.anchor.sequence == 6

    def test_of_nothing_is_intact(self) -> None:
        assert verify([], []) == chain.Report(checked=0, head=GENESIS, anchor=None, first_bad=None)

    @pytest.mark.parametrize(
        ("tamper", "sequence", "why"),
        [
            (lambda trail: trail[2].update(actor="bob"), 3, "the row was changed"),
            (lambda trail: trail[2]["facts"]["evidence"].update(members=[]), 3, "the row was changed"),
            (lambda trail: trail[2].update(at="2030-01-31T09:30:03.000000Z"), 3, "the row was changed"),
            (lambda trail: trail[2].update(hash=seal_event({**trail[2], "actor": "bob"}), actor="bob"), 4, "follow"),
            (lambda trail: trail.pop(2), 3, "Event 3 is missing; event 4"),
            (lambda trail: trail.insert(2, {**trail[2]}), 4, "Event 4 is missing; event 3"),
            (lambda trail: trail.reverse(), 1, "Event 1 is missing; event 6"),
            (lambda trail: trail[1].update(previous=GENESIS), 2, "follow"),
        ],
    )
    def test_names_the_first_row_that_was_touched(
        self, tamper: Callable[[list[Event]], object], sequence: int, why: str
    ) -> None:
        trail = _trail(6)
        tamper(trail)

        first_bad = verify(trail, []).first_bad

        assert first_bad is not None
        assert first_bad.sequence == sequence
        assert why in first_bad.why

    @pytest.mark.parametrize(
        ("tamper", "sequence", "why"),
        [
            (lambda trail: trail[:4], 5, "missing: the head was anchored at 6"),
            (
                lambda trail: _sealed(
                    [{**event, "actor": "bob"} if n == 3 else event for n, event in enumerate(trail)]
                ),
                4,
                "anchored",
            ),
            (lambda trail: _sealed([event for n, event in enumerate(trail) if n != 3]), 4, "anchored"),
            (lambda _: _trail(0), 1, "missing"),
        ],
    )
    def test_needs_an_anchor_to_see_a_whole_chain_made_anew(
        self, tamper: Callable[[list[Event]], list[Event]], sequence: int, why: str
    ) -> None:
        trail = _trail(6)
        forged = tamper(trail)

        assert verify(forged, []).ok
        first_bad = verify(forged, [_anchor(trail)]).first_bad
        assert first_bad is not None
        assert first_bad.sequence == sequence
        assert why in first_bad.why

    def test_asks_the_agreement_of_both_where_two_anchors_speak_of_one_event(self) -> None:
        trail = _trail(4)
        forged = _sealed([{**event, "actor": "bob"} for event in trail])

        report = verify(forged, [_anchor(trail[:2]), _anchor(forged)])

        assert report.first_bad is not None
        assert report.first_bad.sequence == 1

    def test_holds_the_whole_hash_of_an_anchored_head_against_it(self) -> None:
        trail = _trail(4)
        anchor = _anchor(trail)
        almost = Anchor(4, anchor.hash[:PREFIX] + "0" * (64 - PREFIX), anchor.at, anchor.prefixes)

        first_bad = verify(trail, [almost]).first_bad

        assert first_bad is not None
        assert first_bad.sequence == 4

    @given(st.integers(min_value=1, max_value=8), st.data())
    def test_sees_any_change_of_any_column(self, length: int, data: st.DataObject) -> None:
        trail = _trail(length)
        number = data.draw(st.integers(min_value=0, max_value=length - 1))
        column = data.draw(st.sampled_from(chain.COLUMNS))
        trail[number][column] = data.draw(st.sampled_from([0, -1, "", "forged", None]))

        first_bad = verify(trail, []).first_bad

        assert first_bad is not None
        assert first_bad.sequence == number + 1


class TestParseAnchor:
    def test_cuts_the_prefixes_apart(self) -> None:
        trail = _trail(3)
        fields = {
            "sequence": 3,
            "hash": trail[2]["hash"],
            "at": "now",
            "prefixes": "".join(e["hash"][:PREFIX] for e in trail),
        }

        assert chain.parse_anchor(fields) == Anchor(3, trail[2]["hash"], "now", _anchor(trail).prefixes)


class TestScript:
    """What we ship for others to run: the file by itself, with nothing installed."""

    @pytest.fixture
    def export(self, tmp_path: Path) -> Path:
        return _written(tmp_path / "export.jsonl", _trail(5))

    @pytest.fixture
    def anchors(self, tmp_path: Path) -> Path:
        trail = _trail(5)
        prefixes = "".join(event["hash"][:PREFIX] for event in trail)
        return _written(
            tmp_path / "anchors.jsonl", [{"sequence": 5, "hash": trail[4]["hash"], "at": "", "prefixes": prefixes}]
        )

    def test_runs_alone(self, export: Path, anchors: Path) -> None:
        command = [sys.executable, "-I", "-S", str(SCRIPT), str(export), str(anchors)]

        found = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")

        assert (found.returncode, found.stderr) == (0, "")
        assert found.stdout.startswith("INTACT: 5 events, agrees with the anchor at 5. Head ")

    def test_compares_with_the_anchors_it_is_given(
        self, export: Path, anchors: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert chain.main([str(export), str(anchors)]) == 0
        assert "agrees with the anchor at 5" in capsys.readouterr().out

    def test_says_when_only_the_order_is_proved(self, export: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert chain.main([str(export)]) == 0
        assert "order only, no anchor given" in capsys.readouterr().out

    def test_names_the_row_that_is_broken(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        trail = _trail(5)
        trail[1]["actor"] = "bob"

        assert chain.main([str(_written(tmp_path / "bad.jsonl", trail))]) == 1
        assert capsys.readouterr().out.startswith("BROKEN at event 2. ")

    @pytest.mark.parametrize(
        ("line", "says"),
        [
            ("no JSON", "Line 2 of {} is not JSON in UTF-8."),
            ("[" * 100_000, "Line 2 of {} is not JSON in UTF-8."),
            ("1", "Line 2 of {} is not an event: it is not an object."),
            ("[]", "Line 2 of {} is not an event: it is not an object."),
            ("{}", "Line 2 of {} is not an event: its sequence is missing or of the wrong type."),
            ('{"sequence": true}', "Line 2 of {} is not an event: its sequence is missing or of the wrong type."),
            ('{"sequence": 2, "at": 5}', "Line 2 of {} is not an event: its at is missing or of the wrong type."),
        ],
    )
    def test_names_a_line_that_is_no_event(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str, says: str
    ) -> None:
        path = _written(tmp_path / "bad.jsonl", _trail(1))
        path.write_text(path.read_text() + line + "\n")

        assert chain.main([str(path)]) == 2
        assert capsys.readouterr().err == says.format(path) + "\n"

    @pytest.mark.parametrize("facts", ['{"not": NaN}', '{"alone": "\\ud800"}'])
    def test_names_an_event_that_no_table_could_hold(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str], facts: str
    ) -> None:
        path = _written(tmp_path / "bad.jsonl", _trail(1))
        path.write_text(path.read_text().replace('"facts": {', '"facts": {"odd": ' + facts + ", "))

        assert chain.main([str(path)]) == 2
        assert capsys.readouterr().err.startswith(f"Line 1 of {path} is not an event: ")

    def test_names_a_line_that_is_no_anchor(
        self, export: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = _written(tmp_path / "anchors.jsonl", [{"sequence": 5}])

        assert chain.main([str(export), str(path)]) == 2
        assert (
            capsys.readouterr().err == f"Line 1 of {path} is not an anchor: its hash is missing or of the wrong type.\n"
        )

    def test_calls_nothing_intact(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "empty.jsonl"
        path.touch()

        assert chain.main([str(path)]) == 1
        assert capsys.readouterr().out == f"EMPTY: {path} holds no events, so nothing is proved.\n"

    def test_says_that_a_file_is_not_there(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert chain.main([str(tmp_path / "nothing.jsonl")]) == 2
        assert capsys.readouterr().err == f"{tmp_path}/nothing.jsonl cannot be read: No such file or directory.\n"

    @pytest.mark.parametrize("arguments", [[], ["a", "b", "c"]])
    def test_explains_its_arguments(self, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        assert chain.main(arguments) == 2
        assert capsys.readouterr().err.startswith("usage: ")

    def test_starts_from_its_name(self, export: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(export)])

        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(SCRIPT), run_name="__main__")

        assert ended.value.code == 0


def _written(path: Path, rows: list[Event]) -> Path:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path
