"""Guards where on-call schedules are read: only where an operator said, bounded, and one bad source spoils no other."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml
from pytest_django import Settings

from accessrequests.domain.events import Job
from accessrequests.models import Schedule
from accessrequests.operations import outbox
from tests.make import Cast
from tests.workers.rows import carry
from workers import schedules
from workers.schedules import LARGEST, Misconfigured, configured

SHIFTS = {"shifts": [{"person": "frank", "from": "2026-01-01T00:00:00Z", "to": "2126-01-01T00:00:00Z"}]}


class Answers(BaseHTTPRequestHandler):
    """Each path another way to answer."""

    def do_GET(self) -> None:
        self.server.asked.append((self.path, self.headers.get("Authorization")))  # type: ignore[attr-defined]
        self.send_response(302 if self.path == "/elsewhere" else 200)
        if self.path == "/elsewhere":
            self.send_header("Location", "/good")
        self.end_headers()
        if self.path == "/drip":
            self._drip()
            return
        body = b"x" * (LARGEST + 10) if self.path == "/large" else json.dumps(SHIFTS).encode()
        self.wfile.write(body)

    def _drip(self) -> None:
        """A blank that any JSON may begin with, again and again, until nobody listens."""
        with suppress(OSError):
            while not self.server.is_enough.wait(0.05):  # type: ignore[attr-defined]
                self.wfile.write(b" ")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is called there
        """Nobody listens."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    made.asked, made.is_enough = [], threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.is_enough.set()  # type: ignore[attr-defined]
    made.shutdown()
    made.server_close()
    thread.join()


def write(path: Path, schedules: object) -> Path:
    path.write_text(yaml.safe_dump({"schedules": schedules}))
    return path


def test_reads_files_and_addresses_and_tells_of_those_that_it_cannot_read(
    committed_cast: Cast, settings: Settings, tmp_path: Path, server: ThreadingHTTPServer
) -> None:
    settings.ACCESS_SANDBOX = 1
    here = f"http://127.0.0.1:{server.server_address[1]}"
    (tmp_path / "shifts.json").write_text(json.dumps(SHIFTS))
    (tmp_path / "bad.json").write_text("[")
    (tmp_path / "token").write_text("canary\n")
    sources = {
        "missing": {"file": str(tmp_path / "nothing.json")},
        "bad": {"file": str(tmp_path / "bad.json")},
        "file": {"file": str(tmp_path / "shifts.json"), "good_for": "PT1H"},
        "good": {"url": f"{here}/good", "token_file": str(tmp_path / "token")},
        "large": {"url": f"{here}/large"},
        "elsewhere": {"url": f"{here}/elsewhere"},
    }
    settings.ACCESS_SCHEDULES_FILE = str(write(tmp_path / "schedules.yaml", sources))
    outbox.file_periodic(job=Job.READ_SCHEDULES, subject="schedule/all")

    assert carry(Job.READ_SCHEDULES, "schedule/all").done_at is not None

    found = {one.name: one for one in Schedule.objects.all()}
    assert {name for name, one in found.items() if one.read_at is not None} == {"file", "good"}
    assert found["file"].good_for == timedelta(hours=1)
    assert found["file"].shifts == found["good"].shifts == SHIFTS["shifts"]
    assert found["missing"].last_error == "It gave no answer (FileNotFoundError)."
    assert found["bad"].last_error == "It is no JSON."
    assert found["large"].last_error == "It is larger than 256 kB."
    assert found["elsewhere"].last_error == "It was answered 302."
    asked: list[tuple[str, str | None]] = server.asked  # type: ignore[attr-defined]
    assert dict(asked) == {"/good": "Bearer canary", "/large": None, "/elsewhere": None}
    assert len(asked) == len(dict(asked)), "nothing led it back"


def test_a_file_that_makes_no_sense_leaves_what_was_read(
    committed_cast: Cast, settings: Settings, tmp_path: Path
) -> None:
    Schedule.objects.create(name="kept", good_for=timedelta(hours=1))
    settings.ACCESS_SCHEDULES_FILE = str(tmp_path / "nothing.yaml")
    outbox.file_periodic(job=Job.READ_SCHEDULES, subject="schedule/all")

    assert carry(Job.READ_SCHEDULES, "schedule/all").done_at is not None
    assert Schedule.objects.get().name == "kept"


@pytest.mark.parametrize(
    "said",
    [
        None,
        {"a": "b"},
        {"a": {}},
        {"a": {"file": "/x", "url": "https://example.com"}},
        {"a": {"file": "/x", "every": "PT1M"}},
        {"a": {"file": "/x", "good_for": "soon"}},
        {"a": {"url": "http://oncall.example.com/"}},
        {"a": {"url": "http://127.0.0.1/"}},
        {"a": {"url": "file:///etc/passwd"}},
        {"a": {"url": "https://"}},
        {"a" * 200: {"file": "/x"}},
        {"a b": {"file": "/x"}},
    ],
)
def test_only_what_is_said_properly_is_read(said: object, tmp_path: Path, settings: Settings) -> None:
    settings.ACCESS_SANDBOX = ""
    with pytest.raises(Misconfigured):
        configured(write(tmp_path / "schedules.yaml", said))


def test_a_source_that_drips_holds_up_nothing(
    committed_cast: Cast,
    settings: Settings,
    tmp_path: Path,
    server: ThreadingHTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.ACCESS_SANDBOX = 1
    monkeypatch.setattr(schedules, "CALL_SECONDS", 0.3)
    # Left alone it would go on for ever; this ends it, so that the test fails instead of hanging.
    ending = threading.Timer(10, server.is_enough.set)  # type: ignore[attr-defined]
    ending.start()
    sources = {"drips": {"url": f"http://127.0.0.1:{server.server_address[1]}/drip"}}
    settings.ACCESS_SCHEDULES_FILE = str(write(tmp_path / "schedules.yaml", sources))
    outbox.file_periodic(job=Job.READ_SCHEDULES, subject="schedule/all")

    assert carry(Job.READ_SCHEDULES, "schedule/all").done_at is not None

    ending.cancel()
    assert Schedule.objects.get().last_error == "It took longer than 0.3 seconds."
