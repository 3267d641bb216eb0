"""Guards the state file: whole, private, never through somebody else's link, and gone when its world is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sandbox.state_file import StateFile, StateFileExists


def modes(path: Path) -> int:
    return path.stat().st_mode & 0o777


class TestCreate:
    def test_is_private_and_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "state.json"
        StateFile(path).create({"web": "http://127.0.0.1:1"})
        assert modes(path) == 0o600
        assert json.loads(path.read_text()) == {"web": "http://127.0.0.1:1"}
        assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]

    def test_refuses_what_is_there(self, tmp_path: Path) -> None:
        path = tmp_path / "state.json"
        path.write_text("somebody else's")
        file = StateFile(path)
        with pytest.raises(StateFileExists):
            file.check_free()
        with pytest.raises(StateFileExists):
            file.create({"secret": 1})
        assert path.read_text() == "somebody else's"
        assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]

    @pytest.mark.parametrize("dangling", [True, False])
    def test_follows_no_link(self, tmp_path: Path, dangling: bool) -> None:
        victim = tmp_path / "victim"
        if not dangling:
            victim.write_text("precious")
        path = tmp_path / "state.json"
        path.symlink_to(victim)
        with pytest.raises(StateFileExists):
            StateFile(path).create({"secret": 1})
        assert path.is_symlink()
        assert victim.exists() is not dangling
        if not dangling:
            assert victim.read_text() == "precious"


class TestReplaceAndRemove:
    def test_shows_the_newest_state_until_it_is_removed(self, tmp_path: Path) -> None:
        path = tmp_path / "state.json"
        file = StateFile(path)
        file.create({"pids": [1]})
        file.replace({"pids": [2]})
        assert json.loads(path.read_text()) == {"pids": [2]}
        assert modes(path) == 0o600
        file.remove()
        file.replace({"pids": [3]})
        assert list(tmp_path.iterdir()) == []

    def test_leaves_a_stranger_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "state.json"
        file = StateFile(path)
        file.create({"pids": [1]})
        path.unlink()
        path.write_text("another world's")
        file.replace({"pids": [2]})
        file.remove()
        assert path.read_text() == "another world's"

    def test_writes_nothing_before_it_was_created(self, tmp_path: Path) -> None:
        StateFile(tmp_path / "state.json").replace({"pids": [1]})
        assert list(tmp_path.iterdir()) == []
