"""Guards what surrounds a sweep: it runs with nothing of ours but its key, and on return the rows tell what it did."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from django.conf import settings as django_settings
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accessrequests.domain.events import Event, Via
from accessrequests.domain.sentences import timeline
from accessrequests.models import Grant
from accessrequests.operations import grants
from accessrequests.queries import audit
from tests.workers.conftest import Work, drain
from tests.workers.processes import ROOT, eventually
from tests.workers.rows import events_of, facts_of, fresh
from workers.connections import tag_keys, tagger_of
from workers.provisioners.base import Evidence, Owned, ProvisionerError
from workers.provisioners.connection_entry import InvalidConnection
from workers.provisioners.sweeper import left_alone
from workers.sweep import AT_ONCE, SWEEPERS, Sweep, Sweeps
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

    def test_an_end_before_its_time_is_not_taken_for_one_that_the_sweep_made(
        self, work: Work, settings: Settings, tmp_path: Path
    ) -> None:
        grant = work.active()
        settings.ACCESS_SWEEP_FILE = str(tmp_path / "sweep.jsonl")
        line = line_of(
            installation=django_settings.ACCESS_INSTALLATION,
            target="shop-prod",
            username=grant.username,
            grant_id=grant.pk,
            at=datetime.now(UTC),
        )
        Journal(tmp_path / "sweep.jsonl", tag_keys()).write(line)

        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        drain()

        assert fresh(grant).state == "revoked"
        assert "grant.swept" not in events_of(grant), "No sweep ends what is not past its end."

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
    fails: str = ""
    extended: str = ""
    is_clean: bool = True
    pace: int = 1
    cut_leaves_it: bool = True

    def behind(self) -> float:
        return self.says.pop(0) if len(self.says) > 1 else self.says[0]

    def overdue(self, *, before: datetime) -> Sequence[Owned]:
        self.asked.append(before)
        return [one for one in self.holds if one.expires_at is not None and one.expires_at < before]

    def cut(self, owned: Sequence[Owned]) -> list[Evidence]:
        if any(one.username == self.fails for one in owned):
            raise ProvisionerError("We could not end it. The target answered with code 8.")
        self.done += [f"cut {one.username}" for one in owned]
        return [left_alone(one) if one.username == self.extended else Evidence(done=True, facts={}) for one in owned]

    def clean(self, owned: Owned) -> Evidence:
        self.done.append(f"clean {owned.username}")
        return Evidence(done=self.is_clean, facts={})

    def close(self) -> None:
        self.done.append("closed")


@dataclass
class Slow(Target):
    """One that says its time only when it is let."""

    answers: threading.Event = field(default_factory=threading.Event)

    def behind(self) -> float:
        assert self.answers.wait(timeout=30)
        return super().behind()


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


def over(*usernames: str) -> list[Owned]:
    end = END - timedelta(hours=1)
    return [Owned(name, number, end, proven=True, powerless=False) for number, name in enumerate(usernames, start=1)]


class TestRound:
    def test_a_failure_of_one_holds_up_no_other_and_is_tried_again(self) -> None:
        target = Target([0.0], holds=over("one", "two", "three"), fails="two")
        sweep = Sweep("shop", target, None, wall=lambda: END)

        assert sweep.round() == 2

        assert target.done == ["cut one", "cut three", "clean one", "clean three"]
        assert "code 8" in sweep.failure
        target.holds, target.fails = (), ""
        assert sweep.round() == 1, "Also when half of its end was made, and its tag is gone."
        assert (target.done[4:], sweep.failure) == (["cut two", "clean two"], "")

    def test_everybody_is_out_before_anything_is_cleaned(self) -> None:
        names = [f"user-{number}" for number in range(AT_ONCE + 1)]
        target = Target([0.0], holds=over(*names))

        assert Sweep("shop", target, None, wall=lambda: END).round() == len(names)

        assert target.done == [f"cut {name}" for name in names] + [f"clean {name}" for name in names]

    def test_one_that_got_a_later_end_is_let_go(self) -> None:
        target = Target([0.0], holds=over("alice"), fails="alice")
        sweep = Sweep("shop", target, None, wall=lambda: END)
        assert sweep.round() == 0
        target.holds, target.fails, target.extended = (), "", "alice"

        assert [sweep.round(), sweep.round()] == [0, 0]

        assert target.done == ["cut alice"], "Looked at once more, and not touched."

    def test_one_that_cannot_be_cleaned_was_ended_once(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "sweep.jsonl", [KEY])
        sweep = Sweep("shop", Target([0.0], holds=over("alice"), is_clean=False), journal, wall=lambda: END)

        assert [sweep.round(), sweep.round()] == [1, 0]

        assert [json.loads(line)["step"] for line in journal.path.read_text().splitlines()] == [CUT]


AWAY = {
    "kind": "atlas",
    "project_id": "5f0000000000000000000001",
    "org_id": "5e0000000000000000000001",
    "client_id": "mdb_sa_id_65d9c1b7c5f5f1f4f7a5e111",
    "client_secret": "canary",
    "base_url": "http://127.0.0.1:9",  # where nobody answers
}


@pytest.fixture
def targets(settings: Settings, tmp_path: Path) -> Callable[..., None]:
    """Writes the worker's file: each target by name, with its record."""
    file = tmp_path / "connections.yaml"
    file.touch(mode=0o600)
    settings.ACCESS_TARGETS_FILE, settings.ACCESS_SWEEP_FILE = str(file), ""
    settings.ACCESS_SANDBOX = os.getpid()

    def write(**records: object) -> None:
        file.write_text(yaml.safe_dump({"targets": records}))

    return write


class TestTargets:
    def test_a_broken_record_stops_no_other_and_one_round_says_what_it_did_not_see(
        self, targets: Callable[..., None], settings: Settings, tmp_path: Path
    ) -> None:
        targets(away=AWAY, broken={**AWAY, "org_id": "none"})
        settings.ACCESS_SWEEP_FILE = str(tmp_path / "sweep.jsonl")
        out = io.StringIO()

        with pytest.raises(CommandError) as raised:
            call_command("sweep", stdout=out)

        assert out.getvalue() == "Ended on all targets: 0.\n"
        said = str(raised.value)
        assert said.startswith("Not swept wholly, so run it again: away: We could not read Atlas's clock. Atlas ")
        assert " broken: Target broken: org_id must be " in said
        assert "canary" not in said
        counted = (tmp_path / "sweep.prom").read_text()
        assert 'access_sweep_failing{target="away"} 1.0\n' in counted
        assert 'access_sweep_failing{target="broken"} 1.0\n' in counted
        assert "access_sweep_ended 0.0\n" in counted

    def test_a_record_that_comes_to_be_broken_leaves_what_was_there_at_work(self, targets: Callable[..., None]) -> None:
        sweeps = Sweeps()
        targets(shop=AWAY)
        sweeps.round()
        before = [sweep for _, sweep in sweeps._by_slug.values()]
        targets(shop={**AWAY, "org_id": "none"})

        sweeps.round()

        assert [sweep for _, sweep in sweeps._by_slug.values()] == before
        assert "org_id must be" in sweeps.failures()["shop"]
        targets(shop=AWAY)
        sweeps.round()
        assert "read Atlas's clock" in sweeps.failures()["shop"]
        sweeps.close()

    def test_a_file_that_comes_to_be_unreadable_leaves_all_at_work_until_it_is_mended(
        self, targets: Callable[..., None]
    ) -> None:
        file, sweeps = Path(django_settings.ACCESS_TARGETS_FILE), Sweeps()
        with closing(sweeps):
            file.write_text("targets: [")
            with pytest.raises(InvalidConnection):
                sweeps.round()
            targets(shop=AWAY)
            sweeps.round()
            before = [sweep for _, sweep in sweeps._by_slug.values()]
            file.write_text("targets: [")

            sweeps.round()

            assert [sweep for _, sweep in sweeps._by_slug.values()] == before
            assert set(sweeps.failures()) == {"shop", "all"}
            targets(shop=AWAY)
            sweeps.round()
            assert set(sweeps.failures()) == {"shop"}

    def test_one_that_hangs_holds_up_no_other_in_later_rounds_either(
        self, targets: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slow, quick = Slow([0.0]), Target([0.0])
        asked: Mapping[str, Target] = {"slow": slow, "quick": quick}
        monkeypatch.setitem(SWEEPERS, "atlas", lambda **given: asked[given["record"].slug])
        targets(slow=AWAY, quick=AWAY)

        def round_after_round() -> bool:
            sweeps.round(patience=0.05)
            return len(quick.asked) >= 3

        with closing(Sweeps()) as sweeps:
            assert eventually(round_after_round)
            assert slow.asked == []
            assert sweeps.failures()["slow"] == "It has not answered the round before yet."
            targets(quick=AWAY)
            sweeps.round(patience=0.05)
            assert slow.done == [], "Nobody takes its connection away while it is at work."
            slow.answers.set()
            sweeps.round()
            assert len(slow.asked) == 1
            sweeps.round()
            assert slow.done == ["closed"]
            assert sweeps.failures() == {}


class TestJournal:
    def test_gives_back_what_was_written_and_believes_nobody_else(self, tmp_path: Path) -> None:
        journal = Journal(tmp_path / "sweep.jsonl", [KEY])
        journal.write(line_of(grant_id=77))
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
