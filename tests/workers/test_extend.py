"""Guards more time on a real mongod: the target first, then our row; never a gap, and the same end on both sides at last."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from django.core import mail
from pymongo.errors import OperationFailure, PyMongoError

from accessrequests.domain.events import Job, Via
from accessrequests.models import AccessRequest, Extension, Grant, OutboxMessage
from accessrequests.operations import extensions, grants, outbox, targets
from accessrequests.operations.refusals import Refused
from accessrequests.queries import work as due
from tests import make
from tests.workers.conftest import SHOP, Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.rows import carry, compare, due_now, events_of, fresh, lapse_claim, message
from workers.connections import provisioner_for
from workers.expiry import Deadlines
from workers.provision import spec_of

HOUR = timedelta(hours=1)


def ask(work: Work, grant: Grant, *, duration: timedelta = HOUR) -> None:
    """Asked by the holder, and approved by a data owner; nothing is carried yet."""
    why = "The batch is larger than we thought."
    extensions.ask(grant_id=grant.pk, holder=work.cast.alice, via=Via.API, duration=duration, reason=why)
    make.approve(AccessRequest.objects.filter(extends=grant).latest("pk"), work.cast.bob)


def end_on_target(grant: Grant) -> datetime:
    (found,) = [one for one in provisioner_for("shop-prod").list_ours() if one.username == grant.username]
    assert found.proven
    assert found.expires_at is not None
    return found.expires_at


def reconcile() -> None:
    compare("shop-prod")


class Client(threading.Thread):
    """Runs one query after the other on one connection, and counts; or says with what it was stopped."""

    def __init__(self, work: Work, grant: Grant) -> None:
        super().__init__(daemon=True)
        self._client = work.login(grant)
        self._enough = threading.Event()
        self._counted = threading.Semaphore(0)
        self.failure: PyMongoError | None = None

    def run(self) -> None:
        with self._client as client:
            while not self._enough.is_set():
                try:
                    client[SHOP].orders.find_one()
                except PyMongoError as error:
                    self.failure = error
                    return
                self._counted.release()

    def works(self, queries: int = 20) -> bool:
        """Whether so many more queries succeed."""
        return all(self._counted.acquire(timeout=10) for _ in range(queries)) and self.failure is None

    def stop(self) -> None:
        self._enough.set()
        self.join(timeout=10)


@contextmanager
def working(work: Work, grant: Grant) -> Iterator[Client]:
    client = Client(work, grant)
    client.start()
    try:
        yield client
    finally:
        client.stop()


def test_a_client_at_work_sees_no_failure_across_three_extensions_and_is_cut_at_the_final_deadline(
    work: Work, database_clock: DatabaseClock
) -> None:
    grant = work.active()
    began = fresh(grant).starts_at
    assert began is not None
    with working(work, grant) as client:
        assert client.works()
        for number in range(1, 4):
            database_clock.advance(timedelta(hours=1, minutes=50))
            assert client.works()
            ask(work, grant, duration=2 * HOUR)
            drain()
            assert fresh(grant).expires_at == end_on_target(grant) == began + (2 + 2 * number) * HOUR
            assert Deadlines().end_what_is_due(make.now()) == 0
            assert client.works()
        with pytest.raises(Refused, match="may last 8 hours"):
            ask(work, grant, duration=timedelta(seconds=1))
        database_clock.advance(timedelta(hours=2, minutes=29))
        assert Deadlines().end_what_is_due(make.now()) == 0
        assert client.works()

        database_clock.advance(timedelta(minutes=1, seconds=1))
        assert Deadlines().end_what_is_due(make.now()) == 1
        drain()
        client.join(timeout=10)

        assert isinstance(client.failure, OperationFailure)
    assert (fresh(grant).state, fresh(grant).end_reason) == ("revoked", "expiry")
    assert work.users_named(grant.username) == []
    assert events_of(grant).count("grant.extended") == 3


class TestTheTargetFirst:
    def test_the_row_does_not_move_while_the_target_is_away(self, work: Work) -> None:
        grant = work.active()
        was = fresh(grant).expires_at
        ask(work, grant)
        work.way.shut()
        drain()
        assert fresh(grant).expires_at == was
        assert Extension.objects.get().state == "waiting"

        work.way.open()
        targets.mark_reachable(slug="shop-prod")
        due_now(Job.EXTEND, grant)
        carry(Job.EXTEND, grant)

        assert was is not None
        assert fresh(grant).expires_at == end_on_target(grant) == was + HOUR
        assert message(Job.EXTEND, grant).done_at is not None

    def test_a_worker_that_dies_after_the_target_has_it_is_done_again(self, work: Work) -> None:
        grant = work.active()
        was = fresh(grant).expires_at
        ask(work, grant)
        claim = outbox.claim(message_id=message(Job.EXTEND, grant).pk, owner="the dead one")
        extension = extensions.start(grant_id=grant.pk)
        assert claim is not None
        assert extension is not None
        provisioner_for("shop-prod").extend(spec_of(extension.grant, expires_at=extension.ends_at))
        assert fresh(grant).expires_at == was
        assert end_on_target(grant) == extension.ends_at
        lapse_claim(Job.EXTEND, grant)

        carry(Job.EXTEND, grant)

        assert fresh(grant).expires_at == end_on_target(grant) == extension.ends_at
        assert events_of(grant).count("grant.extended") == 1

    def test_reconcile_does_not_take_a_later_end_on_its_way_for_drift(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        grant = work.active()
        ask(work, grant)
        extension = extensions.start(grant_id=grant.pk)
        assert extension is not None
        provisioner_for("shop-prod").extend(spec_of(extension.grant, expires_at=extension.ends_at))

        for _ in range(2):
            reconcile()
            database_clock.advance(timedelta(seconds=7))

        assert fresh(grant).state == "active"
        extensions.give_up(extension_id=extension.pk, why="It took too long.")
        for _ in range(2):
            reconcile()
            database_clock.advance(timedelta(seconds=7))
        assert fresh(grant).state == "active", "nobody knows which of the two ends the target has"
        database_clock.advance(2 * HOUR)
        assert Deadlines().end_what_is_due(make.now()) == 1
        drain()
        assert work.users_named(grant.username) == []

    def test_the_end_of_another_hand_is_drift_all_the_same(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active()
        provisioner_for("shop-prod").extend(spec_of(fresh(grant), expires_at=make.now() + 9 * HOUR))

        for _ in range(2):
            reconcile()
            database_clock.advance(timedelta(seconds=7))

        assert fresh(grant).end_reason == "drift"


class TestWhatComesBetween:
    def test_a_user_that_is_gone_is_not_made_again(self, work: Work) -> None:
        grant = work.active()
        ask(work, grant)
        work.owner.admin.command("dropUser", grant.username)
        mail.outbox.clear()

        drain()

        assert work.users_named(grant.username) == []
        assert (fresh(grant).state, Extension.objects.get().state) == ("active", "failed")
        (told,) = [one for one in mail.outbox if one.to == ["alice@example.com"]]
        assert told.subject.startswith("Not extended: ")
        assert "no longer on the target. It ends as it was to, at " in told.body

    def test_what_was_changed_on_the_target_is_not_extended(self, work: Work) -> None:
        grant = work.active()
        was = fresh(grant).expires_at
        ask(work, grant)
        work.owner.admin.command("grantRolesToUser", grant.username, roles=[{"role": "readWrite", "db": SHOP}])

        drain()

        assert fresh(grant).expires_at == was
        assert message(Job.EXTEND, grant).done_at is None
        assert "other than what was approved" in message(Job.EXTEND, grant).last_error

    def test_an_end_that_came_first_holds(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active()
        ask(work, grant)
        database_clock.advance(2 * HOUR)
        assert Deadlines().end_what_is_due(make.now()) == 1

        drain()

        assert (fresh(grant).state, fresh(grant).end_reason) == ("revoked", "expiry")
        assert Extension.objects.get().state == "failed"
        assert work.users_named(grant.username) == []


class TestTelling:
    def test_the_holder_is_warned_with_what_can_be_done_and_told_of_the_new_end(
        self, work: Work, database_clock: DatabaseClock
    ) -> None:
        grant = work.active()
        database_clock.advance(timedelta(hours=1, minutes=46))
        mail.outbox.clear()
        for _ in range(2):
            Deadlines().warn_who_ends_soon(make.now())
        drain()

        (warned,) = mail.outbox
        assert warned.to == ["alice@example.com"]
        assert warned.subject.startswith("Ends soon: ")
        page = f"https://access.example.com/access/{grant.pk}/"
        assert f"Extend it: {page}#extend" in warned.body
        assert f"End it now: {page}#end" in warned.body
        mail.outbox.clear()
        ask(work, grant)
        drain()
        (extended,) = [one for one in mail.outbox if one.to == ["alice@example.com"]]
        assert extended.subject.startswith("Extended: ")
        assert due.to_warn(make.now(), limit=5) == []

    def test_a_warning_that_comes_late_is_not_told(self, work: Work, database_clock: DatabaseClock) -> None:
        grant = work.active()
        database_clock.advance(timedelta(hours=1, minutes=46))
        Deadlines().warn_who_ends_soon(make.now())
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        mail.outbox.clear()

        drain()

        assert [one.subject.partition(":")[0] for one in mail.outbox] == ["Ended"]

    def test_what_cannot_be_extended_says_why(self, work: Work, database_clock: DatabaseClock) -> None:
        work.active()
        make.publish_rules(make.rule("tighter", maximum="PT2H"))
        database_clock.advance(timedelta(hours=1, minutes=46))
        mail.outbox.clear()
        Deadlines().warn_who_ends_soon(make.now())

        drain()

        (warned,) = mail.outbox
        assert "It cannot be extended: From its start to its final end an access may last 2 hours" in warned.body
        assert "#extend" not in warned.body


def test_moving_on_what_the_target_keeps_and_extending_go_one_after_the_other(work: Work) -> None:
    grant = work.active()
    outbox.file_periodic(job=Job.REARM, subject=str(grant), target="shop-prod")
    ask(work, grant)

    claim = outbox.claim(message_id=message(Job.EXTEND, grant).pk, owner="too early")

    assert claim is None
    carry(Job.REARM, grant)
    assert carry(Job.EXTEND, grant).done_at is not None
    assert (
        not OutboxMessage.objects.filter(done_at=None)
        .exclude(job=Job.ERASE_CREDENTIAL.value)
        .exclude(job=Job.NOTIFY.value)
    )
