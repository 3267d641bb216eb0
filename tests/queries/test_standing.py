"""Guards of which workers a page says that they are silent: of those alone that carry what somebody waits for."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.models import OutboxMessage
from accessrequests.operations import grants, outbox
from accessrequests.queries import standing
from tests import glass, make
from tests.make import Cast


@pytest.mark.parametrize(("alive", "silent"), [("worker", ["worker_urgent"]), ("worker_urgent", [])])
def test_an_end_waits_for_the_urgent_worker(cast: Cast, alive: str, silent: list[str]) -> None:
    grant = make.active_grant(cast.alice, cast.bob)
    grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
    grant.refresh_from_db()
    at = make.now() + standing.SILENT
    _prove_alive(alive)

    assert standing.silent_workers([grant], at=at) == silent
    assert standing.situation_of(grant, at=at, is_mine=True, silent=["worker_urgent"]) != standing.situation_of(
        grant, at=at, is_mine=True, silent=["worker"]
    )


@pytest.mark.parametrize(("alive", "silent"), [("worker_urgent", ["worker"]), ("worker", [])])
def test_what_is_to_be_made_waits_for_the_other(cast: Cast, alive: str, silent: list[str]) -> None:
    grant = make.approved_grant(cast.alice, cast.bob)
    _prove_alive(alive)

    assert standing.silent_workers([grant], at=make.now() + standing.SILENT / 2) == silent
    assert standing.silent_workers([grant], at=make.now()) == []


@pytest.mark.parametrize(("alive", "silent"), [("worker", ["worker_urgent"]), ("worker_urgent", [])])
def test_a_break_glass_waits_for_the_urgent_worker(cast: Cast, alive: str, silent: list[str]) -> None:
    grant = glass.broken(cast.frank).grant
    _prove_alive(alive)

    assert standing.silent_workers([grant], at=make.now() + standing.SILENT / 2) == silent


def _prove_alive(consumer: str) -> None:
    outbox.file_periodic(job=Job.PROVE_ALIVE, subject=f"consumer/{consumer}")
    OutboxMessage.objects.filter(job=Job.PROVE_ALIVE.value).update(done_at=make.now() + timedelta(seconds=60))
