"""Guards the relay's own pool: there in milliseconds, killed when it hangs, and needing no worker at all."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing import forkserver

import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.models import OutboxMessage
from accessrequests.operations import grants, outbox
from tests.workers.conftest import Work
from tests.workers.processes import eventually
from tests.workers.rows import fresh, message
from workers import children as pool
from workers.children import Children


@pytest.fixture
def children(work: Work, monkeypatch: pytest.MonkeyPatch) -> Iterator[Children]:
    """A pool whose processes know this test's target."""
    for name, value in work.environment().items():
        monkeypatch.setenv(name, value)
    made = Children()
    made.offer([])  # a relay's first turn, after which one is there
    yield made
    for one in made._children:
        one.process.kill()
        one.process.join()
        one.pipe.close()
    forkserver._forkserver._stop()  # type: ignore[attr-defined] # it keeps the environment that it was started in


def sign(name: str) -> OutboxMessage:
    outbox.file_periodic(job=Job.PROVE_ALIVE, subject=f"consumer/{name}")
    return message(Job.PROVE_ALIVE, f"consumer/{name}")


def is_done(found: OutboxMessage) -> bool:
    found.refresh_from_db()
    return found.done_at is not None


def offered_until_done(children: Children, found: OutboxMessage) -> bool:
    children.offer([found.pk])
    return is_done(found)


class TestChildren:
    def test_carry_a_revocation_without_any_worker(self, children: Children, work: Work) -> None:
        grant = work.active()
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        revocation = message(Job.REVOKE, grant)

        children.offer([revocation.pk])

        assert eventually(lambda: is_done(revocation))
        assert fresh(grant).state == "revoked"
        assert work.users_named(grant.username) == []
        assert revocation.claimed_by == f"relay-child of {os.getpid()}"

    def test_are_made_in_milliseconds_once_the_first_is_there(self, children: Children) -> None:
        took = []
        for _ in range(3):
            began = time.monotonic()
            children._children.append(children._born())
            took.append(time.monotonic() - began)
        assert min(took) < 0.2

    def test_that_hang_are_killed_and_the_next_message_still_runs(
        self, children: Children, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool, "PATIENCE_SECONDS", 0.3)
        monkeypatch.setattr(pool, "MOST_CHILDREN", 1)
        (only,) = children._children
        pid = only.process.pid
        assert pid is not None
        first, second = sign("worker"), sign("worker_urgent")
        children.offer([first.pk])
        assert eventually(lambda: is_done(first))
        os.kill(pid, signal.SIGSTOP)
        third = sign("relay")
        children.offer([third.pk])

        for found in (second, third):
            assert eventually(partial(offered_until_done, children, found))
        assert pid not in [one.process.pid for one in children._children]

    def test_that_die_give_their_message_to_the_next(self, children: Children) -> None:
        (only,) = children._children
        assert only.process.pid is not None
        os.kill(only.process.pid, signal.SIGKILL)
        found = sign("relay")
        assert eventually(partial(offered_until_done, children, found))

    def test_are_never_more_than_they_may_be_and_each_takes_one(self, children: Children) -> None:
        children.offer([10_000_000 + number for number in range(50)])
        assert len(children._children) == pool.MOST_CHILDREN
        busy = {one.message_id for one in children._children}
        assert len(busy) == pool.MOST_CHILDREN

    def test_that_were_needed_for_a_moment_end_but_for_one(
        self, children: Children, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(pool, "IDLE_SECONDS", 0.2)
        children.offer([10_000_000 + number for number in range(4)])
        many = [one.process for one in children._children]
        assert len(many) == 4

        def is_alone() -> bool:
            children.offer([])
            return len(children._children) == 1

        assert eventually(is_alone)
        (left,) = children._children
        assert eventually(lambda: [process.pid for process in many if process.is_alive()] == [left.process.pid])
        found = sign("relay")
        assert eventually(partial(offered_until_done, children, found))

    def test_end_when_the_relay_is_gone(self, children: Children) -> None:
        only = children._children.pop()
        only.pipe.close()
        only.process.join(5)
        assert not only.process.is_alive()
