"""Guards the sweep on a real mongod: it ends what our tag proves to be past its end, wholly, and touches nothing else."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.workers.provisioners.conftest import INSTALLATION, KEY, SHOP, Another, MakeSpec, give, stored_user
from tests.workers.provisioners.visitors import Client, Holder, connect
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.mongodb.sweeping import MongoDBSweeper
from workers.provisioners.sweeper import is_left_alone
from workers.provisioners.tag import Tagger
from workers.sweep import Sweep
from workers.sweep_journal import Journal

LONG_AGO = timedelta(seconds=-45)
NOT_LONG_AGO = timedelta(seconds=-2)  # the relay's own business, still


@contextmanager
def sweeping(record: ConnectionRecord, tagger: Tagger, journal: Journal | None = None) -> Iterator[Sweep]:
    sweep = Sweep(SHOP, MongoDBSweeper(record=record, tagger=tagger), journal)
    try:
        yield sweep
    finally:
        sweep.sweeper.close()


@pytest.fixture
def sweep(record: ConnectionRecord, tagger: Tagger, tmp_path: Path) -> Iterator[Sweep]:
    with sweeping(record, tagger, Journal(tmp_path / "sweep.jsonl", [KEY])) as found:
        yield found


class TestSweep:
    def test_ends_what_is_past_its_end_and_nothing_of_anybody_else(
        self,
        another: Another,
        record: ConnectionRecord,
        make_spec: MakeSpec,
        root: Client,
        sweep: Sweep,
    ) -> None:
        provisioner = another()
        visitor = Holder(record.hosts[0])
        over = give(provisioner, make_spec(f"read@{SHOP}.orders", lasts=LONG_AGO))
        live, just_over = give(provisioner, make_spec()), give(provisioner, make_spec(lasts=NOT_LONG_AGO))
        forged, copied = give(provisioner, make_spec()), give(provisioner, make_spec())
        for spec in (forged, copied):
            stored = stored_user(root, over.username if spec is copied else spec.username)
            assert stored is not None
            data = stored["customData"]
            data["accessRequests"]["end"] = (datetime.now(UTC) + LONG_AGO).isoformat()  # type: ignore[index]
            root.admin.command("updateUser", spec.username, customData=data)
        theirs = Tagger(installation=f"{INSTALLATION}x", target=SHOP, key=b"of another installation" * 2)
        neighbour = another(tagger=theirs)
        name = over.username.replace(INSTALLATION, f"{INSTALLATION}x")
        other = give(neighbour, dataclasses.replace(make_spec(lasts=LONG_AGO), grant_id=over.grant_id, username=name))

        with connect(visitor.host, over) as client:
            client.admin.command("ping")
            assert sweep.round() == 1

        assert stored_user(root, over.username) is None
        assert visitor.login(over) is not None
        for spec in (live, just_over, other):
            assert visitor.login(spec) is None, "It has not ended, or is not ours."
        for spec in (forged, copied):
            assert stored_user(root, spec.username) is not None, "A tag that proves nothing ends nothing."
        assert not list(root.admin["system.roles"].find({"role": {"$regex": f"^{over.username}"}}))
        assert sweep.round() == 0, "There is nothing left to do."

        assert sweep.journal is not None
        lines = [json.loads(line) for line in sweep.journal.path.read_text().splitlines()]
        assert [(line["step"], line["username"], line["end"]) for line in lines] == [
            ("cut", over.username, over.expires_at.isoformat()),
            ("clean", over.username, over.expires_at.isoformat()),
        ]
        assert lines[0]["late_seconds"] >= 45
        assert lines[0]["evidence"]["login"] == "refused"

        with sweeping(record, theirs) as theirs_only:
            assert theirs_only.round() == 1
        assert visitor.login(live) is None
        assert stored_user(root, other.username) is None

    def test_a_later_end_that_comes_at_the_last_moment_counts(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, sweep: Sweep, visitor: Holder
    ) -> None:
        over, extended = give(provisioner, make_spec(lasts=LONG_AGO)), give(provisioner, make_spec(lasts=LONG_AGO))
        found = {one.username: one for one in sweep.sweeper.overdue(before=datetime.now(UTC))}
        provisioner.extend(dataclasses.replace(extended, expires_at=datetime.now(UTC) + timedelta(hours=1)))

        first, second = sweep.sweeper.cut([found[extended.username], found[over.username]])

        assert sweep.sweeper.clean(found[over.username]).done
        assert (is_left_alone(first), first.done, second.done) == (True, False, True)
        assert visitor.login(extended) is None, "Nobody took anything from it."
        assert visitor.login(over) is not None

    def test_an_object_of_an_older_key_is_ours_as_well(
        self, provisioner: MongoDBProvisioner, record: ConnectionRecord, make_spec: MakeSpec, root: Client
    ) -> None:
        over = give(provisioner, make_spec(lasts=LONG_AGO))
        newest = b"the newest of the keys, 32 bytes"
        with sweeping(record, Tagger(installation=INSTALLATION, target=SHOP, key=newest)) as replaced:
            assert replaced.round() == 0
        assert stored_user(root, over.username) is not None
        rotated = Tagger(installation=INSTALLATION, target=SHOP, key=newest, older=(KEY,))

        with sweeping(record, rotated) as both:
            assert both.round() == 1

        assert stored_user(root, over.username) is None
