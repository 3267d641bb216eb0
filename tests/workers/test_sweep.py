"""Guards what surrounds a sweep: it runs with nothing of ours but its key, and on return the rows tell what it did."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accessrequests.domain.events import Event
from accessrequests.domain.sentences import timeline
from accessrequests.models import Grant
from accessrequests.operations import grants
from accessrequests.queries import audit
from tests.workers.conftest import Work, drain
from tests.workers.processes import ROOT
from tests.workers.rows import events_of, facts_of, fresh
from workers.connections import tagger_of
from workers.provisioners.base import Evidence, Owned
from workers.sweep import Sweep
from workers.sweep_journal import CUT, Journal, Swept

LATE = timedelta(seconds=45)
KEY = bytes(range(32))
END = datetime(2030, 1, 31, 9, 0, tzinfo=UTC)


def line_of(**changes: object) -> Swept:
    said = {"installation": "acme1", "target": "shop", "username": "jit-acme1-alice-7", "grant_id": 7, "end": END}
    return Swept(**{**said, "step": CUT, "at": END + LATE, "evidence": {"login": "refused"}, **changes})  # type: ignore[arg-type]


def swept_by_a_process(work: Work, file: Path) -> subprocess.CompletedProcess[str]:
    """One round of a real process, in whose environment there is no database, no broker and no secret but two."""
    environment: Mapping[str, str] = {
        "PATH": os.environ["PATH"],
        "ACCESS_SANDBOX": str(os.getpid()),
        "ACCESS_INSTALLATION": django_settings.ACCESS_INSTALLATION,
        "ACCESS_TAG_KEY": django_settings.ACCESS_TAG_KEY,
        "ACCESS_TARGETS_FILE": str(work.connections_file),
        "ACCESS_SWEEP_FILE": str(file),
    }
    command = [sys.executable, "manage.py", "sweep"]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False)


def only_on(work: Work, slug: str) -> None:
    """The targets of this cast are all one server: only one of them shall be swept."""
    document = yaml.safe_load(work.connections_file.read_text())
    document["targets"] = {slug: document["targets"][slug]}
    work.connections_file.write_text(yaml.safe_dump(document))


class TestDatabaseAway:
    def test_the_end_holds_and_on_return_the_rows_tell_it_truly(
        self, work: Work, settings: Settings, tmp_path: Path
    ) -> None:
        grant = work.active()
        opened = work.reveal(grant).connection_string
        end = datetime.now(UTC) - LATE
        principal = f"{grant.username}@admin"
        tag = tagger_of("shop-prod").make(principal=principal, grant_id=grant.pk, end=end)
        work.owner.admin.command("updateUser", grant.username, customData={"accessRequests": tag})
        only_on(work, "shop-prod")
        file = tmp_path / "sweep.jsonl"

        done = swept_by_a_process(work, file)

        assert (done.returncode, done.stdout) == (0, "Ended on all targets: 1.\n"), done.stderr
        assert not work.can_log_in(opened)
        assert fresh(grant).state == "active", "Nobody has told the rows."
        settings.ACCESS_SWEEP_FILE = str(file)
        Grant.objects.filter(pk=grant.pk).update(starts_at=end - LATE, expires_at=end)
        assert grants.expire(grant_id=grant.pk)
        drain()

        ended = fresh(grant)
        assert (ended.state, ended.end_reason) == ("revoked", "expiry")
        swept_at = datetime.fromisoformat(json.loads(file.read_text().splitlines()[0])["at"])
        assert ended.cut_at == swept_at >= end + LATE, "Cut when it was, not when we were back."
        assert events_of(grant)[-4:] == ["grant.revocation_started", "grant.swept", "grant.cut", "grant.revoked"]
        (cut,) = facts_of(grant, "grant.cut")
        assert cut["evidence"]["sweep"]["evidence"]["login"] == "refused"  # type: ignore[index]
        assert audit.verify().ok

    def test_the_timeline_says_when(self) -> None:
        said = timeline(Event.GRANT_SWEPT, actor="product", facts={"swept_at": "2030-01-31T09:00:45Z"})

        assert said.startswith("The sweep had ended it on the target at ")


@dataclass
class Target:
    """One that only says its time, and remembers up to when it was asked."""

    is_behind: float
    asked: list[datetime] = field(default_factory=list)
    pace: int = 1

    def behind(self) -> float:
        return self.is_behind

    def overdue(self, *, before: datetime) -> Sequence[Owned]:
        self.asked.append(before)
        return ()

    def cut(self, owned: Sequence[Owned]) -> list[Evidence]:
        return []

    def clean(self, owned: Owned) -> Evidence:
        raise AssertionError("There is nothing.")

    def close(self) -> None: ...


class TestClocks:
    @pytest.mark.parametrize(("behind", "earlier"), [(3600.0, 3600), (-3600.0, 0), (0.0, 0)])
    def test_the_earlier_of_two_decides_so_that_a_wrong_one_ends_nothing_early(
        self, behind: float, earlier: int
    ) -> None:
        target = Target(behind)

        assert Sweep("shop", target, None, wall=lambda: END).round() == 0

        assert target.asked == [END - timedelta(seconds=earlier + 30)]


class TestJournal:
    def test_gives_back_what_was_written_and_believes_nobody_else(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "sweep.jsonl", [KEY])
        journal.write(line_of(grant_id=6))
        journal.path.write_bytes(journal.path.read_bytes() + b'{"half of a li')
        journal.write(line_of())
        forged = line_of(grant_id=8).said() | {"mac": "0" * 64}
        journal.path.write_text(journal.path.read_text() + json.dumps(forged) + "\n[]\n")

        def found(grant_id: int, **changes: str) -> Swept | None:
            return journal.cut_of(**{"installation": "acme1", "target": "shop", **changes}, grant_id=grant_id)

        assert (found(6), found(7)) == (line_of(grant_id=6), line_of())
        assert [found(8), found(9), found(7, target="else"), found(7, installation="acme2")] == [None] * 4
        rotated = Journal(journal.path, [KEY[::-1], KEY])
        assert rotated.cut_of(installation="acme1", target="shop", grant_id=7) == line_of()
        assert Journal(journal.path, [KEY[::-1]]).cut_of(installation="acme1", target="shop", grant_id=7) is None

    def test_is_the_sign_of_life(self, settings: Settings, tmp_path: Path) -> None:
        settings.ACCESS_SWEEP_FILE = ""
        with pytest.raises(CommandError, match="No sign of life from sweep"):
            call_command("alive", "sweep", stdout=io.StringIO())
        settings.ACCESS_SWEEP_FILE = str(tmp_path / "sweep.jsonl")
        with pytest.raises(CommandError, match="No sign of life from sweep"):
            call_command("alive", "sweep", stdout=io.StringIO())
        Journal(tmp_path / "sweep.jsonl", [KEY]).beat()
        out = io.StringIO()

        call_command("alive", "sweep", stdout=out)

        assert out.getvalue() == "sweep is alive.\n"
        long_ago = datetime.now(UTC).timestamp() - 181
        os.utime(tmp_path / "sweep.jsonl", (long_ago, long_ago))
        with pytest.raises(CommandError, match="No sign of life from sweep"):
            call_command("alive", "sweep", stdout=io.StringIO())
