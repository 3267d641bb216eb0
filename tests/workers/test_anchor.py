"""Guards the anchors outside the database: whole lines only, appended, signed, and what verify compares with."""

from __future__ import annotations

import base64
import fcntl
import json
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from django.db import connection
from pytest_django import Settings

from accessrequests.models import Installation
from accessrequests.operations import quarantine
from accessrequests.queries import audit, metrics
from tests import make
from tests.make import Cast
from workers import anchor
from workers.anchor import write_anchor


@pytest.fixture
def path(committed_cast: Cast, settings: Settings, tmp_path: Path) -> Path:
    key = Ed25519PrivateKey.generate()
    seed = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    settings.ACCESS_ANCHOR_FILE = str(tmp_path / "anchors")
    settings.ACCESS_ANCHOR_SEED = base64.urlsafe_b64encode(seed).decode()
    settings.ACCESS_ANCHOR_PUBLIC_KEY = base64.urlsafe_b64encode(public).decode()
    return tmp_path / "anchors"


def sequences(path: Path) -> list[int]:
    return [json.loads(line)["sequence"] for line in path.read_text().splitlines()]


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file of this process may grow beyond `size` bytes: what a full disk does to one file."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestWriteAnchor:
    def test_appends_a_line_that_verify_agrees_with(self, path: Path, committed_cast: Cast) -> None:
        assert write_anchor()
        first = audit.head_sequence()
        make.submit(committed_cast.alice)
        assert write_anchor()

        assert sequences(path) == [first, first + 1]
        report = audit.verify()
        assert report.ok
        assert report.anchor is not None
        assert report.anchor.sequence == first + 1

    def test_is_told_by_the_metrics_with_what_waits_for_the_next_one(
        self, path: Path, committed_cast: Cast, settings: Settings
    ) -> None:
        def told() -> dict[str, float]:
            return {one.name: one.value for one in metrics.readings()}

        write_anchor()
        anchored = told()
        make.submit(committed_cast.alice)
        waiting = told()
        path.write_text(path.read_text().replace('"sequence": ', '"sequence": 1'))

        assert (anchored["access_audit_anchor_known"], anchored["access_audit_unanchored_seconds"]) == (1, 0)
        assert 0 <= anchored["access_audit_anchor_age_seconds"] < 60
        assert waiting["access_audit_head"] == anchored["access_audit_head"] + 1
        assert waiting["access_audit_unanchored_seconds"] > 0
        assert told()["access_audit_anchor_known"] == 0, "Somebody changed the file."
        settings.ACCESS_ANCHOR_PUBLIC_KEY = "no key"
        assert told()["access_audit_anchor_known"] == 0, "All other numbers are told all the same."

    def test_writes_nothing_when_nothing_has_happened(self, path: Path) -> None:
        assert write_anchor()
        before = path.read_bytes()
        assert not write_anchor()
        assert path.read_bytes() == before

    def test_waits_for_as_many_events_as_it_is_told(self, path: Path) -> None:
        assert not write_anchor(at_least=1_000)
        assert path.read_bytes() == b""
        assert write_anchor(at_least=audit.head_sequence())

    def test_writes_over_a_line_that_a_crash_cut_short(self, path: Path, committed_cast: Cast) -> None:
        write_anchor()
        whole = path.read_bytes()
        make.submit(committed_cast.alice)
        path.write_bytes(whole + b'{"sequence": 99, "hash": "half a li')
        assert audit.verify().ok, "what was cut short is no anchor"

        assert write_anchor()

        assert path.read_bytes().startswith(whole)
        assert len(sequences(path)) == 2
        assert audit.verify().ok

    def test_a_disk_without_room_for_the_line_costs_no_earlier_one(self, path: Path, committed_cast: Cast) -> None:
        write_anchor()
        make.submit(committed_cast.alice)
        with room_for(path.stat().st_size + 100), pytest.raises(OSError, match="File too large"):
            write_anchor()
        assert audit.verify().ok

        assert write_anchor()

        assert len(sequences(path)) == 2
        assert audit.verify().ok

    def test_begins_anew_over_a_first_line_that_was_cut_short(self, path: Path) -> None:
        path.write_bytes(b'{"sequ')
        assert write_anchor()
        assert len(sequences(path)) == 1

    def test_never_cuts_off_what_it_does_not_understand(self, path: Path) -> None:
        theirs = b"x" * (anchor.LONGEST_LINE + 10)
        path.write_bytes(theirs)
        with pytest.raises(ValueError, match="not ours"):
            write_anchor()
        assert path.read_bytes() == theirs

    def test_of_two_relays_signs_nothing_twice(self, path: Path) -> None:
        written: list[bool] = []

        def write() -> None:
            try:
                written.append(write_anchor())
            except BlockingIOError:
                written.append(False)  # the other one has the file
            connection.close()

        both = [threading.Thread(target=write) for _ in range(2)]
        for one in both:
            one.start()
        for one in both:
            one.join(10)

        assert sorted(written) == [False, True]
        assert len(sequences(path)) == 1

    def test_raises_the_alarm_when_the_trail_is_behind_its_anchor(
        self, path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_anchor()
        fields = json.loads(path.read_text())
        path.write_text(json.dumps({**fields, "sequence": fields["sequence"] + 5}) + "\n")

        assert not write_anchor()

        assert "audit_trail_is_behind_its_anchor" in caplog.text

    def test_without_a_file_is_not_written(self, path: Path, settings: Settings) -> None:
        settings.ACCESS_ANCHOR_FILE = ""
        assert not write_anchor()


class TestAnotherDatabase:
    def test_that_was_accepted_begins_a_file_of_its_own(self, path: Path, committed_cast: Cast) -> None:
        assert write_anchor()
        quarantine.look(anchored=None)
        Installation.objects.update(epoch=2)
        make.submit(committed_cast.alice)

        assert write_anchor()

        assert [json.loads(line).get("epoch") for line in path.read_text().splitlines()] == [2]
        kept = path.with_name("anchors.epoch-1")
        assert [json.loads(line).get("epoch") for line in kept.read_text().splitlines()] == [None]
        assert audit.verify().ok
        assert audit.newest_anchor() is not None

    def test_never_takes_the_name_of_what_was_put_aside_before(self, path: Path) -> None:
        assert write_anchor()
        quarantine.look(anchored=None)
        path.with_name("anchors.epoch-1").write_text("of another time")
        Installation.objects.update(epoch=2)

        assert write_anchor()

        assert path.with_name("anchors.epoch-1").read_text() == "of another time"
        assert sequences(path.with_name("anchors.epoch-1-2"))

    def test_that_another_relay_put_aside_first_stays_there(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Between the look and the lock: the file that has the name by then is the new one."""
        assert write_anchor()
        quarantine.look(anchored=None)
        Installation.objects.update(epoch=2)
        aside = path.with_name("anchors.epoch-1")

        def lock_late(file: BinaryIO, how: int) -> None:
            if not aside.exists():
                path.rename(aside)
                path.touch()
            fcntl.flock(file, how)

        late = SimpleNamespace(flock=lock_late, LOCK_EX=fcntl.LOCK_EX, LOCK_NB=fcntl.LOCK_NB)
        monkeypatch.setattr(anchor, "fcntl", late)

        assert write_anchor()

        assert [json.loads(line).get("epoch") for line in path.read_text().splitlines()] == [2]
        assert [one.name for one in path.parent.glob("anchors.*")] == ["anchors.epoch-1"]
        assert len(sequences(aside)) == 1
