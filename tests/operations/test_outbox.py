"""Messages: sending is not claiming, the claim is the only lease, and a lane keeps its order."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest
from django.db import connection, connections

from accessrequests.domain.events import Event, Job, Via
from accessrequests.models import Grant, OutboxMessage
from accessrequests.models.outbox import CHANNEL
from accessrequests.operations import grants, outbox
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.outbox import Claim
from accessrequests.queries import work
from tests import make
from tests.make import Cast


@pytest.fixture
def message(cast: Cast) -> OutboxMessage:
    make.submit(cast.alice)
    return OutboxMessage.objects.get(job="notify")


def claimed(message: OutboxMessage, owner: str = "one") -> Claim:
    claim = outbox.claim(message_id=message.pk, owner=owner)
    assert claim is not None
    return claim


def lease_is_over(message: OutboxMessage) -> None:
    OutboxMessage.objects.filter(pk=message.pk).update(claimed_until=make.now() - timedelta(seconds=1))


class TestClaim:
    def test_carries_ids_only(self, message: OutboxMessage) -> None:
        claim = claimed(message)

        assert (claim.job, claim.subject, claim.event, claim.number) == (
            "notify",
            message.subject,
            "access_request.submitted",
            1,
        )
        assert (f"access_request/{claim.subject_id}", claim.subject_name) == (message.subject, str(claim.subject_id))

    def test_is_held_by_one_until_its_lease_is_over(self, message: OutboxMessage) -> None:
        first = claimed(message)
        assert outbox.claim(message_id=message.pk, owner="two") is None
        lease_is_over(message)

        second = claimed(message, "two")

        assert second.number == first.number + 1
        assert not outbox.finish(claim=first)
        assert not outbox.postpone(claim=first, delay=timedelta(), why="", failed=True)
        assert outbox.finish(claim=second)
        assert outbox.claim(message_id=message.pk, owner="three") is None

    def test_lives_as_long_as_it_is_beaten(self, message: OutboxMessage) -> None:
        held = claimed(message)
        lease_is_over(message)

        outbox.beat(claims=[held])

        message.refresh_from_db()
        assert message.claimed_until is not None
        assert message.claimed_until > make.now() + timedelta(seconds=4)

    def test_is_beaten_beside_one_that_has_passed_on_and_one_that_somebody_writes(self, committed_cast: Cast) -> None:
        for _ in range(3):
            make.submit(committed_cast.alice)
        lost, written, kept = OutboxMessage.objects.filter(job="notify").order_by("pk")[:3]
        claims = [claimed(one) for one in (lost, written, kept)]
        for one in (lost, written, kept):
            lease_is_over(one)
        claimed(lost, "two")
        lease_is_over(lost)
        other = connections["default"].copy()
        other.set_autocommit(False)
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT 1 FROM accessrequests_outboxmessage WHERE id = %s FOR UPDATE", [written.pk])
            outbox.beat(claims=claims)
        finally:
            other.close()

        alive = OutboxMessage.objects.filter(claimed_until__gt=make.now())
        assert list(alive.values_list("pk", flat=True)) == [kept.pk]

    def test_is_not_taken_up_again_by_a_beat_that_comes_after_it_was_put_down(self, message: OutboxMessage) -> None:
        held = claimed(message)
        outbox.postpone(claim=held, delay=timedelta(), why="Once more.", failed=True)

        outbox.beat(claims=[held])

        assert claimed(message, "two").number == held.number + 1

    def test_waits_until_it_is_due(self, message: OutboxMessage) -> None:
        outbox.postpone(claim=claimed(message), delay=timedelta(minutes=1), why="Not yet.", failed=True)

        message.refresh_from_db()
        assert (message.failures, message.last_error, message.claimed_until) == (1, "Not yet.", None)
        assert outbox.claim(message_id=message.pk, owner="one") is None

    def test_forgets_failures_when_it_only_has_to_wait(self, message: OutboxMessage) -> None:
        outbox.postpone(claim=claimed(message), delay=timedelta(), why="", failed=True)
        outbox.postpone(claim=claimed(message), delay=timedelta(), why="", failed=False, unreachable="shop-prod")

        message.refresh_from_db()
        assert message.failures == 0


class TestTogether:
    def test_takes_what_is_free_of_the_same_job_and_puts_it_back(self, cast: Cast) -> None:
        for _ in range(4):
            make.submit(cast.alice)
        first, free, held, failed = OutboxMessage.objects.filter(job="notify").order_by("pk")
        OutboxMessage.objects.filter(pk=failed.pk).update(failures=1)
        own = claimed(first)
        claimed(held, "two")
        subjects = [one.subject for one in (free, held, failed)]

        (taken,) = outbox.claim_together(held=own, subjects=subjects, most=5)

        assert (taken.message_id, taken.number, taken.subject) == (free.pk, 1, free.subject)
        free.refresh_from_db()
        assert (free.claimed_by, free.claimed_until is None) == ("one", False)
        assert outbox.claim_together(held=own, subjects=subjects, most=5) == []
        outbox.put_back(claims=[taken])
        assert claimed(free, "three").number == 2
        assert not outbox.finish(claim=taken)

    def test_that_are_put_back_have_waited_as_long_as_before(self, cast: Cast) -> None:
        for _ in range(2):
            make.submit(cast.alice)
        first, other = OutboxMessage.objects.filter(job="notify").order_by("pk")
        own, ready_at = claimed(first), other.ready_at

        for seconds in (0, 30):
            (taken,) = outbox.claim_together(held=own, subjects=[other.subject], most=5)
            put_back_at = make.now()
            outbox.put_back(claims=[taken], delay=timedelta(seconds=seconds))
            other.refresh_from_db()
            assert other.ready_at >= (put_back_at + timedelta(seconds=seconds) if seconds else ready_at)
            assert (other.ready_at == ready_at) == (seconds == 0)

    def test_that_failed_are_tried_by_themselves(self, cast: Cast) -> None:
        for _ in range(2):
            make.submit(cast.alice)
        first, other = OutboxMessage.objects.filter(job="notify").order_by("pk")
        own = claimed(first)

        outbox.put_back(claims=outbox.claim_together(held=own, subjects=[other.subject], most=5), failed=True)

        assert outbox.claim_together(held=own, subjects=[other.subject], most=5) == []
        assert claimed(other, "two").failures == 1

    def test_takes_no_more_than_was_said_however_the_database_goes_about_it(self, cast: Cast) -> None:
        for _ in range(6):
            make.submit(cast.alice)
        first, *others = OutboxMessage.objects.filter(job="notify").order_by("pk")
        own = claimed(first)
        with connection.cursor() as cursor:
            for way in ("hashagg", "hashjoin", "mergejoin", "sort", "material", "indexscan", "bitmapscan"):
                cursor.execute(f"SET LOCAL enable_{way} = off")

        taken = outbox.claim_together(held=own, subjects=[one.subject for one in others], most=3)

        assert [one.message_id for one in taken] == [one.pk for one in others[:3]]

    def test_of_nothing_is_nothing(self, message: OutboxMessage) -> None:
        assert outbox.claim_together(held=claimed(message), subjects=[], most=5) == []
        outbox.put_back(claims=[])
        assert outbox.claim(message_id=message.pk, owner="two") is None


class TestLane:
    def test_keeps_its_order(self, message: OutboxMessage) -> None:
        fact = Fact(Event.ACCESS_REQUEST_CANCELLED, message.subject)
        record(fact, actor=CLOCKWORK, at=make.now())
        later = OutboxMessage.objects.exclude(pk=message.pk).get(lane=message.lane)
        assert [ready.message_id for ready in work.to_send(make.now(), limit=9) if ready.queue == "notify"] == [
            message.pk
        ]
        assert outbox.claim(message_id=later.pk, owner="one") is None

        outbox.finish(claim=claimed(message))

        assert later.pk in [ready.message_id for ready in work.to_send(make.now(), limit=9)]
        assert claimed(later).message_id == later.pk


class TestMarkSent:
    def test_is_not_sent_again_at_once(self, message: OutboxMessage) -> None:
        outbox.mark_sent(message_ids=[message.pk])

        assert message.pk not in [ready.message_id for ready in work.to_send(make.now(), limit=9)]
        later = make.now() + work.SEND_AGAIN + timedelta(seconds=1)
        assert message.pk in [ready.message_id for ready in work.to_send(later, limit=9)]


class TestDeliveries:
    def test_are_filed_once_for_each_receiver_and_none_waits_for_another(self, message: OutboxMessage) -> None:
        held = claimed(message)
        outbox.file_deliveries(claim=held, receivers=["siem", "chat"])

        outbox.file_deliveries(claim=held, receivers=["chat", "pager"])

        filed = OutboxMessage.objects.filter(tells=message.pk).order_by("pk")
        lanes = [f"deliver/{name}/{message.subject}" for name in ("siem", "chat", "pager")]
        assert list(filed.values_list("lane", flat=True)) == lanes
        assert {(one.job, one.queue, one.subject, one.event, one.created_at) for one in filed} == {
            ("deliver", message.queue, message.subject, "access_request.submitted", message.created_at)
        }
        assert [outbox.claim(message_id=one.pk, owner="one") for one in filed] == [
            Claim(one.pk, 1, Job.DELIVER, message.subject, message.event, "", 0, one.receiver, message.pk)
            for one in filed
        ]


class TestMissingRevocations:
    def test_are_filed_for_every_grant_that_ends_with_nobody_to_end_it(self, cast: Cast) -> None:
        ending, other = make.approved_grant(cast.alice, cast.bob), make.approved_grant(cast.alice, cast.bob)
        for grant in (ending, other):
            grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        OutboxMessage.objects.filter(subject=str(ending), job="revoke").delete()

        assert outbox.file_missing_revocations() == 1

        found = OutboxMessage.objects.get(subject=str(ending), job="revoke")
        assert (found.queue, found.target, found.done_at) == ("revoke", "shop-prod", None)
        assert outbox.file_missing_revocations() == 0


class TestMendTimes:
    """A database's clock that was set back leaves what it stamped before in its future."""

    def test_brings_forward_what_is_due_by_the_latest_clock(self, message: OutboxMessage) -> None:
        later = make.now() + timedelta(seconds=20)
        OutboxMessage.objects.filter(pk=message.pk).update(ready_at=later, sent_at=later)

        assert outbox.mend_times(latest=later - timedelta(seconds=1)) == 0
        assert outbox.mend_times(latest=later) == 1

        assert message.pk in [ready.message_id for ready in work.to_send(make.now(), limit=9)]

    def test_brings_forward_what_no_try_is_put_off_for(self, message: OutboxMessage) -> None:
        OutboxMessage.objects.filter(pk=message.pk).update(ready_at=make.now() + timedelta(hours=1))
        assert outbox.mend_times(latest=make.now()) == 1
        assert claimed(message).message_id == message.pk

    def test_leaves_what_waits_for_a_date_of_its_own(self, cast: Cast, active: Grant) -> None:
        begins = make.now() + timedelta(hours=2)
        make.approve(make.submit(cast.alice, starts_at=begins), cast.bob)
        assert outbox.mend_times(latest=make.now() + timedelta(days=1)) == 0
        assert OutboxMessage.objects.get(job="provision", ready_at=begins).done_at is None
        assert OutboxMessage.objects.filter(job="erase_credential", ready_at__gt=make.now()).exists()

    def test_lets_no_claim_reach_further_than_its_lease(self, message: OutboxMessage) -> None:
        claimed(message)
        outbox.mend_times(latest=make.now())
        before = OutboxMessage.objects.get(pk=message.pk)
        OutboxMessage.objects.filter(pk=message.pk).update(claimed_until=make.now() + timedelta(hours=1))

        outbox.mend_times(latest=make.now())

        message.refresh_from_db()
        assert message.claimed_until is not None
        assert before.claimed_until is not None
        assert timedelta() < message.claimed_until - before.claimed_until < timedelta(seconds=3)
        assert message.claim == before.claim

    def test_sends_again_what_seems_to_be_sent_tomorrow(self, message: OutboxMessage) -> None:
        OutboxMessage.objects.filter(pk=message.pk).update(sent_at=make.now() + timedelta(days=1))
        outbox.mend_times(latest=make.now())
        assert message.pk in [ready.message_id for ready in work.to_send(make.now(), limit=9)]


class TestFinish:
    def test_wakes_the_relay_for_what_waits_in_the_same_lane_and_for_nothing_else(
        self, committed_cast: Cast, owner_connection: psycopg.Connection
    ) -> None:
        make.submit(committed_cast.alice)
        first, second = OutboxMessage.objects.filter(done_at=None).order_by("pk")[:2]
        OutboxMessage.objects.filter(pk__in=[first.pk, second.pk]).update(lane="notify/access_request/1/alarm")
        claim = claimed(first)
        owner_connection.execute(f"LISTEN {CHANNEL}")

        assert outbox.finish(claim=claim)
        assert outbox.finish(claim=claimed(second))

        heard = [note.channel for note in owner_connection.notifies(timeout=5, stop_after=1)]
        assert heard + [note.channel for note in owner_connection.notifies(timeout=0.2)] == [CHANNEL]
