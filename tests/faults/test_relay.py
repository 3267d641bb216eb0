"""kill -9 of the relay in the middle of its turn: the deadline is kept all the same, and once."""

from __future__ import annotations

import signal
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from accessrequests.domain.events import Job
from accessrequests.models import Grant, OutboxMessage
from tests.faults.life import Life, audit_is_whole, told
from tests.workers.conftest import Work
from tests.workers.database_clock import DatabaseClock
from tests.workers.processes import eventually
from tests.workers.rows import fresh
from workers.relay import Relay

PARTS = 2

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def life(work: Work, database_clock: DatabaseClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Life:
    """Children of a relay read the environment, not this test's settings."""
    for name, value in work.environment().items():
        monkeypatch.setenv(name, value)
    return Life(work, database_clock, tmp_path / "diary")


def one_turn() -> None:
    Relay().turn()


def turns_while(go: Path, over: Path) -> None:
    """The next relay, which has no worker: what nobody claims within a second is run by its own children."""
    relay = Relay()
    while not over.exists():
        if go.exists():
            relay.turn()
        time.sleep(0.02)


def is_revoked(grant: Grant) -> bool:
    return fresh(grant).state == "revoked"


def due(life: Life) -> Grant:
    grant = life.work.active(duration=timedelta(minutes=30))
    life.clock.advance(timedelta(minutes=30))
    return grant


@pytest.mark.parametrize("part", range(PARTS))
def test_at_every_step_of_a_turn(life: Life, part: int) -> None:
    names = life.points_of(one_turn)
    assert "before end_what_is_due of the relay's turn" in names
    life.work.active()
    grant = due(life)
    names = life.points_of(one_turn)
    assert "after grants.expire" in names
    assert fresh(grant).state == "revoking"

    go, over = life.diary.with_name("go"), life.diary.with_name("over")
    survivor = life.child(lambda: turns_while(go, over), at=-1)
    try:
        for turn, number in enumerate(told(life, names)):
            if turn % PARTS != part:
                continue
            grant = due(life)
            assert life.child(one_turn, at=number).end() == -signal.SIGKILL, life.name
            go.touch()
            assert eventually(partial(is_revoked, grant)), life.name
            go.unlink()
            life.is_over(grant, reason="expiry")
            assert OutboxMessage.objects.filter(job=Job.REVOKE.value, subject=str(grant)).count() == 1, life.name
    finally:
        over.touch()
        survivor.end()
    audit_is_whole()
