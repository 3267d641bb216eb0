"""SIGSTOP before each call of a provisioner, End now, SIGCONT after the end: what comes late gives nothing back."""

from __future__ import annotations

import signal
from datetime import timedelta
from pathlib import Path

import pytest

from accessrequests.domain.events import Job
from accessrequests.operations import grants
from tests.faults.life import Life, audit_is_whole, told
from tests.workers.conftest import Work
from tests.workers.database_clock import DatabaseClock
from tests.workers.rows import fresh

PARTS = 2

pytestmark = pytest.mark.slow


@pytest.fixture
def life(work: Work, database_clock: DatabaseClock, tmp_path: Path) -> Life:
    return Life(work, database_clock, tmp_path / "diary")


def is_call(name: str) -> bool:
    return name.startswith("before ") and name.endswith(" on the target")


@pytest.mark.parametrize("part", range(PARTS))
def test_a_late_provisioner_gives_nothing_back(life: Life, part: int) -> None:
    names = life.points_of(life.carrying(Job.PROVISION, life.work.approved()))
    assert sum(map(is_call, names)) >= 6

    for turn, number in enumerate(told(life, names, only=is_call)):
        if turn % PARTS != part:
            continue
        grant = life.work.approved()
        child = life.child(life.carrying(Job.PROVISION, grant), at=number, signal_number=signal.SIGSTOP)
        assert child.is_stopped(), life.name
        life.end(grant)
        assert fresh(grant).state == "revoked", life.name
        assert [user for user in life.on_target(grant) if user["roles"]] == [], life.name

        child.go_on()

        assert child.end() == 0, life.name
        assert [user for user in life.on_target(grant) if user["roles"]] == [], life.name
        if life.on_target(grant) or life.work.roles_of(grant.username):
            life.reconciled()
        life.is_over(grant)
    audit_is_whole()


@pytest.mark.parametrize("part", range(PARTS))
def test_a_late_provisioner_takes_nothing_from_the_newer_attempt(life: Life, part: int) -> None:
    names = life.points_of(life.carrying(Job.PROVISION, life.work.approved()))

    for turn, number in enumerate(told(life, names, only=is_call)):
        if turn % PARTS != part:
            continue
        grant = life.work.approved()
        child = life.child(life.carrying(Job.PROVISION, grant), at=number, signal_number=signal.SIGSTOP)
        assert child.is_stopped(), life.name
        life.others_go_on()
        life.is_active(grant)

        child.go_on()

        assert child.end() == 0, life.name
        life.is_active(grant)
        life.clock.advance(grants.LONGEST_CALL + timedelta(seconds=1))
        life.end(grant)
        life.is_over(grant)
    audit_is_whole()
