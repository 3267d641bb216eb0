"""kill -9 once at every named step of a grant's life: it ends where it should, nothing lost, doubled or left over."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.models import AccessRequest, Grant, OutboxMessage
from accessrequests.operations import access_requests, grants
from tests import make
from tests.faults.life import Life, audit_is_whole, told
from tests.workers.conftest import READ_ORDERS, Work
from tests.workers.database_clock import DatabaseClock
from tests.workers.rows import events_of

PARTS = 3  # so that two processes share them
KILLED = -signal.SIGKILL

pytestmark = pytest.mark.slow


@pytest.fixture
def life(work: Work, database_clock: DatabaseClock, tmp_path: Path) -> Life:
    return Life(work, database_clock, tmp_path / "diary")


def every(part: int) -> Callable[[int], bool]:
    return lambda number: number % PARTS == part


class TestKillOfAWorker:
    @pytest.mark.parametrize("part", range(PARTS))
    def test_while_it_provisions(self, life: Life, part: int) -> None:
        tried = life.work.approved()
        names = life.points_of(life.carrying(Job.PROVISION, tried))
        life.is_active(tried)
        assert "before createUser on the target" in names
        assert "after grants.mark_active" in names

        for number in filter(every(part), told(life, names)):
            grant = life.work.approved()
            assert life.child(life.carrying(Job.PROVISION, grant), at=number).end() == KILLED, life.name
            life.others_go_on()
            life.is_active(grant)
            life.end(grant)
            life.is_over(grant)
        audit_is_whole()

    @pytest.mark.parametrize("part", range(PARTS))
    def test_while_it_revokes(self, life: Life, part: int) -> None:
        tried = life.work.active()
        grants.release(grant_id=tried.pk, holder=life.work.cast.alice, via=Via.API)
        names = life.points_of(life.carrying(Job.REVOKE, tried))
        life.is_over(tried)
        assert "before dropUser on the target" in names
        assert "after grants.mark_revoked" in names

        for number in filter(every(part), told(life, names)):
            grant = life.work.active()
            grants.release(grant_id=grant.pk, holder=life.work.cast.alice, via=Via.API)
            assert life.child(life.carrying(Job.REVOKE, grant), at=number).end() == KILLED, life.name
            life.others_go_on()
            life.is_over(grant)
        audit_is_whole()

    def test_while_it_rotates(self, life: Life) -> None:
        tried = life.work.active()
        life.work.rotate(tried)
        names = life.points_of(life.carrying(Job.ROTATE, tried))

        for number in told(life, names):
            grant = life.work.active()
            life.work.rotate(grant)
            assert life.child(life.carrying(Job.ROTATE, grant), at=number).end() == KILLED, life.name
            life.others_go_on()
            assert events_of(grant).count("credential.rotated") == 1, life.name
            assert life.work.can_log_in(life.work.reveal(grant).connection_string), life.name
            life.end(grant)
            life.is_over(grant)
        audit_is_whole()


class TestKillOfTheWeb:
    def test_while_somebody_approves(self, life: Life) -> None:
        cast = life.work.cast

        def approving(asked: AccessRequest) -> Callable[[], object]:
            return lambda: access_requests.approve(
                access_request_id=asked.pk, approver=cast.bob, via=Via.WEB, revision=asked.revision
            )

        names = life.points_of(approving(make.submit(cast.alice, roles=(READ_ORDERS,))))
        assert names == ["before access_requests.approve", "after access_requests.approve"]
        for number in told(life, names):
            asked = make.submit(cast.alice, roles=(READ_ORDERS,))
            assert life.child(approving(asked), at=number).end() == KILLED
            asked.refresh_from_db()
            if asked.state == "pending":
                assert not Grant.objects.filter(access_request=asked).exists()
                make.approve(asked, cast.bob)
            grant = Grant.objects.get(access_request=asked)
            life.others_go_on()
            life.is_active(grant)
            assert events_of(asked).count("access_request.approved") == 1
            life.end(grant)
            life.is_over(grant)
        audit_is_whole()

    def test_while_somebody_ends_their_access(self, life: Life) -> None:
        cast = life.work.cast

        def ending(grant: Grant) -> Callable[[], object]:
            return lambda: grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)

        names = life.points_of(ending(life.work.active()))
        assert names == ["before grants.release", "after grants.release"]
        for number in told(life, names):
            grant = life.work.active()
            assert life.child(ending(grant), at=number).end() == KILLED
            if Grant.objects.get(pk=grant.pk).state == "active":
                grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
            life.others_go_on()
            life.is_over(grant)
            assert OutboxMessage.objects.filter(job=Job.REVOKE.value, subject=str(grant)).count() == 1
