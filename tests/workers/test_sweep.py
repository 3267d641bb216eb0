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


def cut_of(journal: Journal, **changes: object) -> Swept | None:
    asked = {"installation": "acme1", "target": "shop", "grant_id": 7, "usernames": {"jit-acme1-alice-7"}}
    return journal.cut_of(**{**asked, "since": END - LATE, **changes})  # type: ignore[arg-type]


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
    """One that says its time, one answer after the other, and remembers what it was asked and what it was to end."""

    says: list[float]
    holds: Sequence[Owned] = ()
    asked: list[datetime] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    pace: int = 1

    def behind(self) -> float:
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    def overdue(self, *, before: datetime) -> Sequence[Owned]:
        self.asked.append(before)
        return [one for one in self.holds if one.expires_at is not None and one.expires_at < before]

    def cut(self, owned: Sequence[Owned]) -> list[Evidence]:
        self.done += [f"cut {one.username}" for one in owned]
        return [Evidence(done=True, facts={}) for _ in owned]

    def clean(self, owned: Owned) -> Evidence:
        self.done.append(f"clean {owned.username}")
        return Evidence(done=True, facts={})

    def close(self) -> None: ...


class TestClocks:
    @pytest.mark.parametrize(("behind", "earlier"), [(3600.0, 3600), (-3600.0, 0), (0.0, 0)])
    def test_the_earlier_of_two_decides_so_that_a_wrong_one_ends_nothing_early(
        self, behind: float, earlier: int
    ) -> None:
        target = Target([behind])

        assert Sweep("shop", target, None, wall=lambda: END).round() == 0

        assert target.asked == [END - timedelta(seconds=earlier + 30)]

    def test_a_clock_that_turns_out_to_be_behind_is_believed_before_anything_is_ended(self) -> None:
        late = Owned("late", 1, END - timedelta(hours=2), proven=True, powerless=False)
        early = Owned("early", 2, END - LATE, proven=True, powerless=False)
        target = Target([0.0, 3600.0], holds=[late, early])

        assert Sweep("shop", target, None, wall=lambda: END).round() == 1

        assert target.done == ["cut late", "clean late"]


class TestJournal:
    def test_gives_back_what_was_written_and_believes_nobody_else(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "sweep.jsonl", [KEY])
        journal.write(line_of(grant_id=6))
        journal.path.write_bytes(journal.path.read_bytes() + b'{"half of a li')
        journal.write(line_of())
        forged = line_of(grant_id=8).said() | {"mac": "0" * 64}
        journal.path.write_text(journal.path.read_text() + json.dumps(forged) + "\n[]\n")

        def found(grant_id: int, **changes: str) -> Swept | None:
            return cut_of(journal, **changes, grant_id=grant_id)

        assert (found(6), found(7)) == (line_of(grant_id=6), line_of())
        assert [found(8), found(9), found(7, target="else"), found(7, installation="acme2")] == [None] * 4
        assert cut_of(Journal(journal.path, [KEY[::-1], KEY])) == line_of()
        assert cut_of(Journal(journal.path, [KEY[::-1]])) is None

    def test_is_not_taken_for_a_grant_that_got_the_same_number_after_a_restore(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "sweep.jsonl", [KEY])
        journal.write(line_of())
        again = line_of(at=END + 2 * LATE)
        journal.write(again)

        assert cut_of(journal, usernames={"jit-acme1-bob-7"}) is None, "The number was somebody else's."
        assert cut_of(journal, since=END + LATE) == line_of()
        assert cut_of(journal, since=END + LATE + timedelta(seconds=1)) == again, "That was before this one began."
        assert cut_of(journal, since=END + 3 * LATE) is None

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
