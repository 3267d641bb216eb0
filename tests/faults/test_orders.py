"""Guards the orders by which processes die at named steps, and that a worker killed after a change on Atlas costs nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, OutboxMessage
from accessrequests.operations import grants
from chaos import steps
from chaos.orders import Deed, Giving, Obeying, Order
from tests.faults.child import Child
from tests.faults.life import audit_is_whole
from tests.make import Cast
from tests.workers.atlas.path import MOST_TRIES, Way, longest_call_is_over, path
from tests.workers.atlas.stand_in import StandIn, standing_in
from tests.workers.rows import carry, due_now, events_of, fresh, message
from workers import handlers

PART = "worker"
# What faults of the stand-in leave at all the other calls is the same as what a kill does (test_atlas.py).
STEPS = ("after POST databaseUsers on Atlas", "after DELETE databaseUsers on Atlas")


@pytest.fixture
def giving(tmp_path: Path) -> Giving:
    return Giving(tmp_path / "orders")


def passing(directory: Path, *names: str, part: str = PART) -> Child:
    """A process that passes these steps and no others."""

    def work() -> None:
        obeying = Obeying(directory, part=part)
        for name in names:
            obeying.passed(name)

    return Child(work, directory / "points", at=None, signal_number=0)


def order(step: str, *, number: int = 1, deed: Deed = Deed.KILL) -> Order:
    return Order(number, frozenset({(PART, step)}), deed, whole=False)


class TestOrder:
    def test_is_for_some_steps_of_a_part(self, giving: Giving, tmp_path: Path) -> None:
        given = order("before this")
        giving.give(given)

        assert passing(tmp_path / "orders", "before that", "after this").end() == 0
        assert passing(tmp_path / "orders", "before this", part="relay").end() == 0
        child = passing(tmp_path / "orders", "before that", "before this")
        assert child.end() == -signal.SIGKILL
        hit = giving.await_hit(given, seconds=5)
        assert hit is not None
        assert hit.pid == child.pid
        assert passing(tmp_path / "orders", "before this").end() == 0, "it was carried out, once"

    def test_stops_a_process_that_goes_on_when_told(self, giving: Giving, tmp_path: Path) -> None:
        giving.give(order("before this", deed=Deed.STOP))
        child = passing(tmp_path / "orders", "before this")
        assert child.is_stopped()
        child.go_on()
        assert child.end() == 0

    def test_is_taken_back_when_nobody_comes_by(self, giving: Giving, tmp_path: Path) -> None:
        given = order("before this")
        giving.give(given)
        assert giving.await_hit(given, seconds=0) is None
        assert passing(tmp_path / "orders", "before this").end() == 0

    def test_steps_are_written_down_while_somebody_wants_them(self, giving: Giving, tmp_path: Path) -> None:
        with giving.writing_down():
            assert passing(tmp_path / "orders", "before this").end() == 0
        assert passing(tmp_path / "orders", "before that").end() == 0
        assert giving.written_down() == {(PART, "before this")}


@pytest.fixture
def atlas() -> Iterator[StandIn]:
    with standing_in() as found:
        yield found


@pytest.fixture
def way(atlas: StandIn, committed_cast: Cast, settings: Settings, tmp_path: Path) -> Iterator[Way]:
    server = atlas.served.server
    with path(
        cast=committed_cast,
        settings=settings,
        directory=tmp_path,
        url=server.origin,
        project_id=atlas.project.id,
        org_id=server.organisation.id,
    ) as found:
        yield found


def carried(directory: Path, job: Job, grant: Grant) -> bool:
    """Whether whoever carried it died of an order; without one it is carried in this process, which is quicker."""
    due_now(job, grant)
    if not (directory / "next").exists():
        carry(job, grant)
        return False
    work: Callable[[], object] = partial(handlers.carry, message_id=message(job, grant).pk, owner="the one that dies")

    def laid() -> None:
        steps.lay(Obeying(directory, part=PART).passed)
        work()

    ended = Child(laid, directory / "points", at=None, signal_number=0).end()
    OutboxMessage.objects.filter(done_at=None).update(claimed_until=None)  # as after six seconds
    return ended == -signal.SIGKILL


@pytest.mark.slow
def test_a_worker_killed_after_a_change_on_atlas(way: Way, atlas: StandIn, giving: Giving, tmp_path: Path) -> None:
    for number, step in enumerate(STEPS):
        grant, deaths = way.approved(), 0
        for job, state in ((Job.PROVISION, "active"), (Job.REVOKE, "revoked")):
            if job is Job.REVOKE:
                grants.release(grant_id=grant.pk, holder=way.cast.alice, via=Via.API)
            if ("DELETE" in step) is (job is Job.REVOKE):
                giving.give(order(step, number=number))
            for _ in range(MOST_TRIES):
                if fresh(grant).state == state:
                    break
                deaths += carried(tmp_path / "orders", job, grant)
                atlas.carry_out()
                longest_call_is_over(grant)

        assert (deaths, fresh(grant).state) == (1, "revoked"), step
        assert (atlas.project.database_users, atlas.project.access_list) == ({}, {}), step
        told = events_of(grant)
        assert [told.count(f"grant.{fact}") for fact in ("activated", "cut", "revoked")] == [1, 1, 1], step
    audit_is_whole()
