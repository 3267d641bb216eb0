"""Guards `manage.py doctor`: well when all is well, and each thing that is not is named with what to do."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import OperationalError, connection
from pytest_django import Settings

from accessrequests.domain.events import Job
from accessrequests.models import Grant, Installation, OutboxMessage
from accessrequests.operations import quarantine, targets
from tests import make
from tests.make import Cast
from tests.management.commands import refused, run
from tests.workers.conftest import Work
from workers import doctor


def everybody_gave_a_sign() -> None:
    now = make.now()
    for name in ("relay", "worker", "worker_urgent"):
        OutboxMessage.objects.create(
            job=Job.PROVE_ALIVE, queue="notify", lane=name, subject=f"consumer/{name}",
            created_at=now, ready_at=now, done_at=now,
        )  # fmt: skip


def bad() -> list[str]:
    return [one.sentence for one in doctor.findings() if one.is_well is False]


@pytest.fixture
def well(cast: Cast, settings: Settings) -> Cast:
    OutboxMessage.objects.all().delete()
    everybody_gave_a_sign()
    settings.ACCESS_TARGETS_FILE = settings.ACCESS_ANCHOR_FILE = ""
    return cast


class TestDoctor:
    def test_says_that_all_is_well_and_what_it_could_not_see(self, well: Cast) -> None:
        said = run("doctor")

        assert said.endswith("Nothing is to be put right.\n")
        assert "BAD" not in said
        assert "ok  The database answers, is migrated" in said
        assert "?   ACCESS_TARGETS_FILE is not set here" in said
        assert "?   ACCESS_ANCHOR_FILE is not set here" in said

    def test_names_what_is_late_silent_away_and_sealed_by_a_key_that_is_gone(
        self, well: Cast, settings: Settings
    ) -> None:
        make.active_grant(well.alice, well.bob)
        grant = make.approved_grant(well.alice, well.bob)
        late = make.now() - timedelta(minutes=10)
        ended = {"state": "revoking", "end_reason": "revoked", "revocation_started_at": late}
        Grant.objects.filter(pk=grant.pk).update(**ended)
        OutboxMessage.objects.filter(job=Job.PROVE_ALIVE, subject="consumer/relay").delete()
        OutboxMessage.objects.filter(job=Job.PROVISION).update(ready_at=late)
        targets.mark_unreachable(slug="shop-prod", why="no answer")
        settings.ACCESS_SEALING_KEYS = f"other:{'A' * 43}="
        settings.ACCESS_ANCHOR_FILE = "/nowhere/anchors.jsonl"

        said = "\n".join(bad())

        assert "1 revocations are overdue." in said
        assert "relay: never heard of. Start it, and look at its log." in said
        assert "The queue provision has waited since" in said
        assert "shop-prod has not answered since" in said
        assert "1 unread passwords and certificates. Put that key back" in said
        assert "No anchor is written." in said
        assert refused("doctor").startswith("To be put right: ")

    def test_names_a_quarantined_database_and_keys_that_are_none(self, well: Cast, settings: Settings) -> None:
        quarantine.look(anchored=None)
        Installation.objects.update(quarantined_at=make.now(), why="It was copied.")
        settings.ACCESS_SEALING_KEYS = "no key"

        said = "\n".join(bad())

        assert "This database is quarantined. It was copied. An operator accepts it" in said
        assert "ACCESS_SEALING_KEYS must hold entries" in said

    def test_says_what_is_wrong_with_the_connection_records(
        self, well: Cast, settings: Settings, tmp_path: Path
    ) -> None:
        file = tmp_path / "connections.yaml"
        file.touch(mode=0o600)
        file.write_text("targets: {shop-prod: {kind: mongodb}}")
        settings.ACCESS_TARGETS_FILE = str(file)

        said = bad()

        assert any(one.startswith("Target shop-prod: ") for one in said)
        assert "shop-dev is in the catalogue and has no connection record. Nothing can be made there." in said
        settings.ACCESS_TARGETS_FILE = str(tmp_path / "nowhere.yaml")
        assert any("cannot be read" in one for one in bad())

    def test_asks_each_target(self, work: Work, settings: Settings) -> None:
        settings.ACCESS_ANCHOR_FILE = ""

        told = {one.sentence.partition(":")[0]: one for one in doctor.findings() if one.sentence.startswith("shop-")}

        assert set(told) == {"shop-dev", "shop-prod", "shop-staging"}
        work.way.shut()
        assert any(one.startswith("shop-prod: ") for one in bad())


def test_tells_of_a_database_that_is_away(well: Cast) -> None:
    def away(*_args: object, **_options: object) -> object:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(away):
        said = bad()

    assert "The database does not answer. Look at PostgreSQL and DATABASE_URL." in said
    assert "What the rows say could not be read." in said
