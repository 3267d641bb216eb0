"""Guards `manage.py quarantine`: it says why, and a database is accepted only by a person's yes."""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_django import Settings

from accessrequests.models import Grant, Installation
from accessrequests.operations import quarantine
from accessrequests.queries import audit
from accessrequests.queries.quarantine import Anchored, newest_anchor
from tests import make
from tests.make import Cast
from tests.management.commands import refused, run, typed


class TestQuarantine:
    def test_says_whether_and_accepts_by_a_yes_alone(
        self, cast: Cast, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        make.approved_grant(cast.alice, cast.bob)
        settings.ACCESS_ANCHOR_FILE = str(tmp_path / "anchors.jsonl")
        assert run("quarantine", "show") == "This database is not quarantined.\n"
        quarantine.look(anchored=None)
        (tmp_path / "anchors.jsonl").write_text(
            f'{{"sequence": {audit.head_sequence() + 5}, "hash": "ab"}}\n{{"half of a li'
        )
        quarantine.look(anchored=newest_anchor(settings.ACCESS_ANCHOR_FILE))

        assert "it was restored to an earlier time" in refused("quarantine", "show")
        assert "cannot be taken for complete" in refused("quarantine", "accept", "--nothing-lost", "--yes")
        typed(monkeypatch, "no\n")
        assert refused("quarantine", "accept") == "Nothing was accepted."
        assert Installation.objects.get().quarantined_at is not None
        typed(monkeypatch, "yes\n")

        said = run("quarantine", "accept")

        assert said.startswith("Accepted as epoch 2. Ending: 1 accesses.")
        assert Grant.objects.get().state == "revoking"
        assert "nothing to accept" in refused("quarantine", "accept")

    @pytest.mark.parametrize("text", ["", "\n", "[]\n", '{"sequence": "x", "hash": ""}\n'])
    def test_takes_no_anchor_from_what_is_none(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "anchors.jsonl").write_text(text)

        assert newest_anchor(str(tmp_path / "anchors.jsonl")) is None
        assert newest_anchor(str(tmp_path / "nowhere")) is None
        assert newest_anchor("") is None

    def test_reads_the_last_whole_line(self, tmp_path: Path) -> None:
        (tmp_path / "anchors.jsonl").write_text('{}\n{"sequence": 7, "hash": "ab", "epoch": 3}\n{"seq')

        assert newest_anchor(str(tmp_path / "anchors.jsonl")) == Anchored(7, "ab", 3)
