"""Whoever tampers with the trail, even as a superuser with the triggers off, is named to the row by verify."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.db import DatabaseError, connection, transaction
from psycopg.types.json import Jsonb
from pytest_django import Settings

from accessrequests.domain import chain
from accessrequests.domain.events import Via
from accessrequests.models import AuditEvent
from accessrequests.operations import grants
from accessrequests.queries import audit
from tests import make
from tests.make import Cast

TABLE = "accessrequests_auditevent"
Tamper = Callable[[psycopg.Connection], object]


class AnchorFile:
    """An anchor file outside the database, written as the relay writes it."""

    def __init__(self, path: Path, settings: Settings) -> None:
        self.path, self.key, self.last = path, Ed25519PrivateKey.generate(), 0
        self.installation: str = settings.ACCESS_INSTALLATION
        settings.ACCESS_ANCHOR_FILE = str(path)
        public = self.key.public_key().public_bytes_raw()
        settings.ACCESS_ANCHOR_PUBLIC_KEY = base64.urlsafe_b64encode(public).decode()

    def write(self, **changes: Any) -> None:
        hashes = audit.hashes_after(self.last, limit=10_000)
        self.last += len(hashes)
        fields: dict[str, Any] = {
            "installation": self.installation,
            "sequence": self.last,
            "hash": hashes[-1],
            "at": "2030-01-31T09:30:00Z",
            "prefixes": "".join(value[: chain.PREFIX] for value in hashes),
            **changes,
        }
        fields["signature"] = base64.urlsafe_b64encode(self.key.sign(audit.signed_part(fields))).decode()
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(fields) + "\n")


@pytest.fixture
def anchors(tmp_path: Path, settings: Settings) -> AnchorFile:
    return AnchorFile(tmp_path / "anchors.jsonl", settings)


@pytest.fixture
def thief(owner_connection: psycopg.Connection) -> psycopg.Connection:
    """The owner of everything, whom no trigger stops."""
    owner_connection.execute("SET session_replication_role = replica")
    return owner_connection


@pytest.fixture
def trail(committed_cast: Cast) -> Cast:
    make.active_grant(committed_cast.alice, committed_cast.bob)
    return committed_cast


@pytest.fixture(params=["anchored", "without an anchor"])
def may_be_anchored(trail: Cast, anchors: AnchorFile, request: pytest.FixtureRequest) -> Cast:
    if request.param == "anchored":
        anchors.write()
    return trail


def _set(what: str, sequence: int) -> Tamper:
    return lambda thief: thief.execute(f"UPDATE {TABLE} SET {what} WHERE sequence = %s", [sequence])


def _delete(where: str) -> Tamper:
    return lambda thief: thief.execute(f"DELETE FROM {TABLE} WHERE {where}")


def _swap(thief: psycopg.Connection) -> None:
    for old, new in ((4, -4), (5, 4), (-4, 5)):
        thief.execute(f"UPDATE {TABLE} SET sequence = %s WHERE sequence = %s", [new, old])


def _close_up(thief: psycopg.Connection) -> None:
    _delete("sequence = 4")(thief)
    # By way of numbers that nobody has, in whichever order the rows are changed.
    thief.execute(f"UPDATE {TABLE} SET sequence = 1 - sequence WHERE sequence > 4")
    thief.execute(f"UPDATE {TABLE} SET sequence = -sequence WHERE sequence < 0")


def _hash_again(thief: psycopg.Connection) -> None:
    """Make every hash fit what the rows say by now, as one who knows how it is done would."""
    previous = chain.GENESIS
    for event in AuditEvent.objects.order_by("sequence"):
        fields = {**audit.shown(event), "previous": previous}
        event_hash = chain.seal_event(fields)
        thief.execute(
            f"UPDATE {TABLE} SET previous = %s, hash = %s WHERE sequence = %s",
            [previous, event_hash, event.sequence],
        )
        previous = event_hash


def _and_hash_again(tamper: Tamper) -> Tamper:
    def both(thief: psycopg.Connection) -> None:
        tamper(thief)
        _hash_again(thief)

    return both


def _rows(thief: psycopg.Connection) -> list[tuple[Any, ...]]:
    return thief.execute(f"SELECT * FROM {TABLE} ORDER BY sequence").fetchall()


def _restore(thief: psycopg.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    thief.execute(f"TRUNCATE {TABLE}")
    for row in rows:
        values = [Jsonb(value) if isinstance(value, dict) else value for value in row]
        places = ", ".join(["%s"] * len(values))
        thief.execute(f"INSERT INTO {TABLE} VALUES ({places})", values)


class TestVerify:
    def test_agrees_with_every_anchor(self, trail: Cast, anchors: AnchorFile) -> None:
        assert audit.verify().anchor is None
        anchors.write()
        make.submit(trail.alice)
        anchors.write()
        make.submit(trail.alice)

        report = audit.verify()

        assert (report.ok, report.checked) == (True, AuditEvent.objects.count())
        assert report.anchor is not None
        assert report.anchor.sequence == report.checked - 1

    @pytest.mark.parametrize(
        ("tamper", "sequence"),
        [
            (_set("actor = 'mallory'", 5), 5),
            (_set("at = at + interval '1 microsecond'", 5), 5),
            (_set("event = 'grant.revoked'", 5), 5),
            (_set("subject = 'grant/999'", 5), 5),
            (_set("via = 'web'", 5), 5),
            (_set('facts = facts || \'{"name": "x"}\'', 5), 5),
            (_set("previous = repeat('0', 64)", 5), 5),
            (_set("hash = repeat('0', 64)", 5), 5),
            (_delete("sequence = 5"), 5),
            (_delete("sequence < 5"), 1),
            (_swap, 4),
            (_close_up, 4),
        ],
    )
    def test_names_the_row(
        self, may_be_anchored: Cast, thief: psycopg.Connection, tamper: Tamper, sequence: int
    ) -> None:
        tamper(thief)

        report = audit.verify()
        assert report.first_bad is not None
        assert (report.first_bad.sequence, report.checked) == (sequence, sequence - 1)

    @pytest.mark.parametrize(
        ("tamper", "sequence"),
        [
            (_set("actor = 'mallory'", 5), 5),
            (_set("actor = 'mallory'", 1), 1),
            (_close_up, 4),
            (_swap, 4),
        ],
    )
    def test_names_the_row_in_a_chain_that_was_hashed_anew(
        self, trail: Cast, anchors: AnchorFile, thief: psycopg.Connection, tamper: Tamper, sequence: int
    ) -> None:
        anchors.write()
        make.submit(trail.alice)

        _and_hash_again(tamper)(thief)

        report = audit.verify()
        assert report.first_bad is not None
        assert report.first_bad.sequence == sequence
        assert "anchored" in report.first_bad.why

    def test_names_the_first_event_of_a_tail_that_was_cut(
        self, trail: Cast, anchors: AnchorFile, thief: psycopg.Connection
    ) -> None:
        anchors.write()
        head = audit.head_sequence()

        _delete(f"sequence > {head - 2}")(thief)

        report = audit.verify()
        assert report.first_bad is not None
        assert report.first_bad.sequence == head - 1
        assert f"anchored at {head}" in report.first_bad.why

    def test_names_an_empty_trail(self, trail: Cast, anchors: AnchorFile, thief: psycopg.Connection) -> None:
        anchors.write()
        thief.execute(f"TRUNCATE {TABLE}")

        report = audit.verify()

        assert report.first_bad is not None
        assert report.first_bad.sequence == 1

    @pytest.mark.parametrize("goes_on", [False, True])
    def test_names_where_an_older_state_was_restored(
        self, trail: Cast, anchors: AnchorFile, thief: psycopg.Connection, goes_on: bool
    ) -> None:
        older = _rows(thief)
        make.submit(trail.alice)
        anchors.write()

        _restore(thief, older)
        if goes_on:
            for _ in range(3):
                make.submit(trail.frank)

        report = audit.verify()
        assert report.first_bad is not None
        assert report.first_bad.sequence == len(older) + 1

    def test_sees_the_whole_hash_of_an_anchored_head(
        self, trail: Cast, anchors: AnchorFile, thief: psycopg.Connection
    ) -> None:
        anchors.write(prefixes="")
        _and_hash_again(_set("actor = 'mallory'", 2))(thief)

        report = audit.verify()

        assert report.first_bad is not None
        assert report.first_bad.sequence == anchors.last


class TestAnchors:
    @pytest.mark.parametrize(
        "line",
        [
            "{}\n",
            "no JSON\n",
            "[]\n",
            '{"installation": "tests", "sequence": 1, "hash": "", "at": "", "prefixes": "", "signature": "AAAA"}\n',
        ],
    )
    def test_that_nobody_of_ours_signed_are_named(self, trail: Cast, anchors: AnchorFile, line: str) -> None:
        anchors.write()
        with anchors.path.open("a") as file:
            file.write(line)

        with pytest.raises(audit.UntrueAnchor, match="Line 2"):
            audit.verify()

    def test_of_another_installation_are_not_ours(self, trail: Cast, anchors: AnchorFile) -> None:
        anchors.write(installation="other")

        with pytest.raises(audit.UntrueAnchor, match="Line 1"):
            audit.verify()

    def test_that_are_changed_are_named(self, trail: Cast, anchors: AnchorFile) -> None:
        anchors.write()
        text = anchors.path.read_text().replace('"sequence": ', '"sequence": 1')
        anchors.path.write_text(text)

        with pytest.raises(audit.UntrueAnchor):
            audit.verify()

    def test_still_being_written_are_left_for_later(self, trail: Cast, anchors: AnchorFile) -> None:
        anchors.write()
        with anchors.path.open("a") as file:
            file.write('{"installation')

        assert audit.verify().ok


class TestTheApplicationsRole:
    """The role that the product runs as cannot touch facts, whatever is injected into it."""

    @pytest.mark.parametrize("table", ["auditevent", "approval", "policyversion"])
    @pytest.mark.parametrize(
        "statement", ["UPDATE {0} SET {1} = {1}", "DELETE FROM {0}", "TRUNCATE {0} CASCADE", "DROP TABLE {0} CASCADE"]
    )
    def test_cannot_change_or_remove_facts(self, cast: Cast, table: str, statement: str) -> None:
        make.approved_grant(cast.alice, cast.bob)
        column = "sequence" if table == "auditevent" else "id"

        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format(f"accessrequests_{table}", column))

    @pytest.mark.parametrize(
        "statement",
        [
            "SET session_replication_role = replica",
            f"ALTER TABLE {TABLE} DISABLE TRIGGER ALL",
            "DROP FUNCTION access_facts_stay() CASCADE",
        ],
    )
    def test_cannot_put_the_guards_away(self, cast: Cast, statement: str) -> None:
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


class TestExport:
    def _check(self, *files: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "-S", chain.__file__, *map(str, files)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd="/")

    def test_is_checked_by_anybody_and_names_tampering(
        self, trail: Cast, anchors: AnchorFile, thief: psycopg.Connection, tmp_path: Path
    ) -> None:
        anchors.write()
        path = tmp_path / "export.jsonl"
        path.write_text("".join(audit.export(AuditEvent.objects.all())), encoding="utf-8")
        checked = self._check(path, anchors.path)
        assert (checked.returncode, checked.stderr) == (0, "")
        assert checked.stdout.startswith(f"INTACT: {AuditEvent.objects.count()} events")
        _and_hash_again(_set("actor = 'mallory'", 5))(thief)
        path.write_text("".join(audit.export(AuditEvent.objects.all())), encoding="utf-8")

        assert self._check(path).returncode == 0
        checked = self._check(path, anchors.path)
        assert (checked.returncode, checked.stdout.partition(".")[0]) == (1, "BROKEN at event 5")


class TestVisibleTo:
    @pytest.mark.parametrize("most", [audit.MOST_NAMED, 0], ids=["a few requests", "very many"])
    def test_shows_people_what_is_theirs(self, cast: Cast, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
        monkeypatch.setattr(audit, "MOST_NAMED", most)
        grant = make.active_grant(cast.alice, cast.bob)
        other = make.submit(cast.frank)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)

        subjects = set(audit.visible_to(cast.alice).values_list("subject", flat=True))
        assert subjects == {str(grant.access_request), str(grant), "person/alice"}
        assert str(other) not in subjects
        assert set(audit.visible_to(cast.bob).values_list("event", flat=True)) == {
            "access_request.approval_given",
            "access_request.approved",
            "person.applied",
        }
        assert {event.subject for event in audit.visible_to(cast.mallory)} == {"person/mallory"}
        for person in (cast.dave, cast.erin):
            assert audit.visible_to(person).count() == AuditEvent.objects.count()

    @pytest.mark.parametrize("subject", ["person/alice", "access_request/x", "access_request/" + "9" * 30])
    def test_about_something_without_a_grant_is_itself(self, cast: Cast, subject: str) -> None:
        assert audit.about(subject) == [subject]

    def test_about_a_request_includes_its_grant(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)

        assert audit.about(str(grant.access_request)) == [str(grant.access_request), str(grant)]


class TestPages:
    def test_say_of_each_event_what_screens_show(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        make.active_grant(cast.alice, cast.bob)
        monkeypatch.setattr(audit, "_AT_ONCE", 4)

        rows = list(audit._rows())

        assert rows == [audit.shown_with_hash(event) for event in AuditEvent.objects.order_by("sequence")]
        assert audit.verify().ok
