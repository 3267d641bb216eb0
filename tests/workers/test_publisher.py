"""Guards the way to the broker: ids only, urgent first, nothing lost, nothing piled up, and a dead broker left alone."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
import redis
from celery.utils.nodenames import worker_direct
from django.conf import settings
from kombu import pools

from accessrequests.domain.events import Job, Queue, Via
from accessrequests.models import AccessRequest, Grant, OutboxMessage, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.operations import grants, outbox
from accessrequests.queries import clock, work
from accessrequests.queries.work import Ready
from tests import make
from tests.make import Cast
from workers import publisher as publishing
from workers.app import app
from workers.publisher import Publisher
from workers.tasks import carry

Broker = Any
QUIET = "a thread that is still sending would keep Celery's pool for the broker that is not there"
_celery: Any = app  # its own types hold its settings and pools for closed


@pytest.fixture
def broker(committed: None) -> Iterator[Broker]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


@pytest.fixture
def nobody_listens(committed: None) -> Iterator[None]:
    """As when Redis is stopped: the port refuses."""
    before = _celery.conf.broker_url
    _celery.conf.broker_url = "redis://127.0.0.1:1/0"
    _forget_connections()
    yield
    _celery.conf.broker_url = before
    _forget_connections()


def _forget_connections() -> None:
    pools.reset()  # kombu keeps a closed pool for the next who asks for the same address
    _celery.amqp._producer_pool = None
    _celery._pool = None


def eventually(happens: Callable[[], bool], *, seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if happens():
            return True
        time.sleep(0.02)
    return False


def offer(publisher: Publisher) -> int:
    ready = work.to_send(clock.now(), limit=2000)
    publisher.offer(ready)
    return len(ready)


def with_all_of_three_sent(cast: Cast) -> Publisher:
    """Three accesses that wait for workers, and all their messages on the broker."""
    for _ in range(3):
        make.approved_grant(cast.alice, cast.bob)
    publisher = Publisher()
    offer(publisher)
    assert eventually(is_all_sent)
    return publisher


def is_all_sent() -> bool:
    """All that may be: the younger of a lane wait for the older."""
    return not work.to_send(clock.now(), limit=9)


def unsent() -> int:
    return OutboxMessage.objects.filter(sent_at=None).count()


def on(broker: Broker, queue: str) -> list[int]:
    """The ids on a queue, the next to be read first."""
    return [arguments(raw)[1]["message_id"] for raw in reversed(broker.lrange(queue, 0, -1))]


def arguments(raw: bytes) -> tuple[list[object], dict[str, int], dict[str, object]]:
    body: tuple[list[object], dict[str, int], dict[str, object]] = tuple(
        json.loads(base64.b64decode(json.loads(raw)["body"]))
    )
    return body


class TestOffer:
    def test_puts_ids_and_nothing_else_on_the_broker(self, committed_cast: Cast, broker: Broker) -> None:
        for _ in range(20):
            make.approved_grant(committed_cast.alice, committed_cast.bob)
        offer(Publisher())
        assert eventually(is_all_sent)

        everything = b""
        for name in (queue.value for queue in Queue):
            for raw in broker.lrange(name, 0, -1):
                positional, named, _ = arguments(raw)
                assert positional == []
                assert list(named) == ["message_id"]
                everything += raw + base64.b64decode(json.loads(raw)["body"])
        assert len(broker.lrange("provision", 0, -1)) == 20
        for word in (b"alice", b"shop", b"Refund", b"jit-", b"grant", b"password"):
            assert word not in everything

    def test_sends_what_is_urgent_first_however_long_the_rest_has_waited(
        self, committed_cast: Cast, broker: Broker
    ) -> None:
        grant = make.approved_grant(committed_cast.alice, committed_cast.bob)
        OutboxMessage.objects.all().delete()
        early = clock.now() - timedelta(minutes=1)
        OutboxMessage.objects.bulk_create(
            OutboxMessage(
                job=Job.NOTIFY.value,
                queue=Queue.NOTIFY.value,
                lane=f"notify/{number}",
                subject=f"access_request/{number}",
                created_at=early,
                ready_at=early,
            )
            for number in range(3000)
        )
        from_person = make.approved_grant(committed_cast.alice, committed_cast.bob)
        assert from_person.pk != grant.pk
        revocation = OutboxMessage.objects.create(
            job=Job.REVOKE.value,
            queue=Queue.REVOKE.value,
            lane="revoke/x",
            subject=f"grant/{grant.pk}",
            created_at=early,
            ready_at=clock.now(),
        )

        ready = work.to_send(clock.now(), limit=500)

        assert ready[0].message_id == revocation.pk
        assert [one.queue for one in ready[1:3]] == ["provision", "notify"], "Somebody waits for their access."

    def test_lets_what_somebody_waits_for_overtake_notices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A thousand notices that nobody has carried must not keep each new access waiting for half a minute."""
        monkeypatch.setattr(publishing, "AT_ONCE", 1)
        sent, may_go_on = list[str](), threading.Event()

        def send(batch: Sequence[Ready]) -> None:
            may_go_on.wait(10)
            sent.extend(message.queue for message in batch)

        publisher = Publisher()
        monkeypatch.setattr(publisher, "_send", send)
        publisher.offer([Ready(number, "notify", "") for number in range(5)])
        publisher.offer([Ready(number, queue, "") for number, queue in enumerate(["revoke", "provision", "notify"], 5)])
        may_go_on.set()

        assert eventually(lambda: len(sent) == 8)
        # One notice may have been in hand already.
        assert [queue for queue in sent[:3] if queue != "notify"] == ["revoke", "provision"]

    def test_sends_one_in_ten_of_those_that_whoever_carries_one_takes_along(
        self, committed_cast: Cast, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        alice, bob = committed_cast.alice, committed_cast.bob
        granted = [make.active_grant(alice, bob) for _ in range(15)]
        by_itself = {granted[0].pk, granted[7].pk, granted[14].pk}
        AccessRequest.objects.filter(grant__in=by_itself).update(kind=AccessKind.ROLE_GRANT)
        for grant in granted:
            grants.release(grant_id=grant.pk, holder=alice, via=Via.API)
        OutboxMessage.objects.exclude(job=Job.REVOKE.value).delete()
        ready, noted, send = work.to_send(clock.now(), limit=100), list[int](), carry.apply_async

        def look(**message: Any) -> object:
            noted.append(OutboxMessage.objects.exclude(sent_at=None).count())
            return send(**message)

        monkeypatch.setattr(carry, "apply_async", look)
        publisher = Publisher()
        publisher.offer(ready)

        assert eventually(lambda: not publisher._in_hand)
        assert broker.llen("revoke") == 3 + 2, "Roles of standing users are taken one by one."
        assert noted[0] == 10, "Whoever takes them along puts them back, and must not be overwritten."
        assert not OutboxMessage.objects.filter(sent_at=None).exists()
        soon = clock.now() + work.UNCLAIMED_FOR
        assert len(work.unclaimed_urgent(soon, limit=100)) == 15, "The relay carries what nobody has taken along."

    def test_sends_each_where_few_of_one_target_end(self, committed_cast: Cast) -> None:
        granted = [make.active_grant(committed_cast.alice, committed_cast.bob) for _ in range(6)]
        Grant.objects.filter(pk__in=[grant.pk for grant in granted[3:]]).update(target=make.target("shop-dev"))
        for grant in granted:
            grants.release(grant_id=grant.pk, holder=committed_cast.alice, via=Via.API)

        assert not any(one.is_taken_along for one in work.to_send(clock.now(), limit=100))

    def test_lets_an_end_overtake_those_that_are_cut_and_are_to_be_cleaned_up(self, committed_cast: Cast) -> None:
        granted = [make.active_grant(committed_cast.alice, committed_cast.bob) for _ in range(3)]
        for grant in granted:
            grants.release(grant_id=grant.pk, holder=committed_cast.alice, via=Via.API)
        revocations = OutboxMessage.objects.filter(job=Job.REVOKE.value).order_by("pk")
        *cut, last = revocations
        revocations.exclude(pk=last.pk).update(claim=1)
        soon = clock.now() + work.UNCLAIMED_FOR

        assert next(one.message_id for one in work.to_send(clock.now(), limit=1)) == last.pk
        assert work.unclaimed_urgent(soon, limit=2) == [last.pk, cut[0].pk]

    @pytest.mark.parametrize("how", ["failed", "broke off"])
    def test_lets_what_was_tried_and_has_power_wait_half_a_minute_for_new_ends(
        self, committed_cast: Cast, how: str
    ) -> None:
        tried, *_ = granted = [make.active_grant(committed_cast.alice, committed_cast.bob) for _ in range(3)]
        for grant in granted:
            grants.release(grant_id=grant.pk, holder=committed_cast.alice, via=Via.API)
        now = clock.now()
        OutboxMessage.objects.exclude(job=Job.REVOKE.value).delete()
        change = {"failures": 1} if how == "failed" else {"claimed_until": now - timedelta(seconds=1)}
        OutboxMessage.objects.filter(subject=str(tried)).update(claim=1, **change)
        OutboxMessage.objects.update(ready_at=now - timedelta(seconds=2))

        later = now + work.LONGEST_PUT_OFF
        orders = [
            [one.message_id for one in work.to_send(now, limit=9)],
            work.unclaimed_urgent(now, limit=9),
            [one.message_id for one in work.to_send(later, limit=9)],
            work.unclaimed_urgent(later, limit=9),
        ]

        first, *others = OutboxMessage.objects.order_by("pk").values_list("pk", flat=True)
        assert orders == [[*others, first]] * 2 + [[first, *others]] * 2

    @pytest.mark.parametrize("why", ["it is cut", "it has failed", "its target is away"])
    def test_sends_each_that_nobody_takes_along(self, committed_cast: Cast, broker: Broker, why: str) -> None:
        for _ in range(11):
            grant = make.active_grant(committed_cast.alice, committed_cast.bob)
            grants.release(grant_id=grant.pk, holder=committed_cast.alice, via=Via.API)
        OutboxMessage.objects.exclude(job=Job.REVOKE.value).delete()
        assert sum(one.is_taken_along for one in work.to_send(clock.now(), limit=100)) == 9
        if why == "it is cut":
            Grant.objects.update(cut_at=clock.now())
        elif why == "it has failed":
            OutboxMessage.objects.update(failures=1)
        else:
            Target.objects.update(unreachable_since=clock.now())

        assert sum(one.is_taken_along for one in work.to_send(clock.now(), limit=100)) == 0

    def test_looks_for_what_lies_about_only_when_asked_to(self, committed_cast: Cast, broker: Broker) -> None:
        make.approved_grant(committed_cast.alice, committed_cast.bob)
        assert offer(publisher := Publisher())
        assert eventually(lambda: not publisher._in_hand)
        long_ago()

        assert work.to_send(clock.now(), limit=9, again=False) == []
        assert work.to_send(clock.now(), limit=9)

    def test_waits_with_the_younger_of_a_lane(self, committed_cast: Cast) -> None:
        access_request = make.submit(committed_cast.alice)
        make.approve(access_request, committed_cast.bob)
        lane = OutboxMessage.objects.filter(lane=f"notify/{access_request}").order_by("pk")
        older, younger = lane

        ready = [one.message_id for one in work.to_send(clock.now(), limit=100)]
        assert older.pk in ready
        assert younger.pk not in ready

        claim = outbox.claim(message_id=older.pk, owner="test")
        assert claim is not None
        outbox.finish(claim=claim)
        assert younger.pk in [one.message_id for one in work.to_send(clock.now(), limit=100)]

    def test_sends_again_what_was_lost_and_not_what_still_lies_there(
        self, committed_cast: Cast, broker: Broker
    ) -> None:
        publisher = with_all_of_three_sent(committed_cast)
        assert offer(publisher) == 0
        lying = {queue.value: on(broker, queue.value) for queue in Queue}

        long_ago()
        assert offer(publisher)
        assert eventually(is_all_sent)
        assert {queue.value: on(broker, queue.value) for queue in Queue} == lying

        broker.flushdb()
        long_ago()
        assert offer(publisher)
        assert eventually(lambda: {queue.value: on(broker, queue.value) for queue in Queue} == lying)

    def test_counts_a_queue_once_however_many_wait_in_it(
        self, committed_cast: Cast, broker: Broker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each count reads all that wait: one for each message was most of the relay's work with a backlog."""
        publisher = with_all_of_three_sent(committed_cast)
        truly, counted = work.unclaimed_in, list[str]()

        def count(queue: str) -> int:
            counted.append(queue)
            return truly(queue)

        monkeypatch.setattr(work, "unclaimed_in", count)
        assert eventually(lambda: not publisher._in_hand)
        long_ago()
        assert offer(publisher) > len({queue.value for queue in Queue})
        assert eventually(is_all_sent)

        assert counted
        assert len(counted) == len(set(counted))

    def test_asks_one_set_of_workers_for_a_sign_of_life_once(self, broker: Broker) -> None:
        outbox.file_periodic(job=Job.PROVE_ALIVE, subject="consumer/worker_urgent")
        publisher = Publisher()
        offer(publisher)
        assert eventually(is_all_sent)
        long_ago()
        offer(publisher)
        assert eventually(is_all_sent)
        assert broker.llen(worker_direct("worker_urgent@access").name) == 1
        assert broker.llen("reconcile") == 0


class TestABrokerThatIsDown:
    def test_is_left_alone_and_loses_nothing(
        self, committed_cast: Cast, nobody_listens: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(publishing, "LEFT_ALONE_SECONDS", 1.0)
        make.approved_grant(committed_cast.alice, committed_cast.bob)
        waiting = unsent()
        publisher = Publisher()
        offer(publisher)
        assert eventually(publisher._is_left_alone)
        assert eventually(lambda: not publisher._in_hand)

        publisher.offer(work.to_send(clock.now(), limit=100))

        assert publisher._in_hand == set(), "it is being left alone"
        assert unsent() == waiting
        assert eventually(lambda: not publisher._is_left_alone())
        publisher.offer(work.to_send(clock.now(), limit=100))
        assert publisher._in_hand
        assert eventually(lambda: not publisher._in_hand), QUIET

    def test_is_left_alone_for_five_seconds(self) -> None:
        assert publishing.LEFT_ALONE_SECONDS == 5

    def test_is_not_waited_for(self, committed_cast: Cast, nobody_listens: None) -> None:
        make.approved_grant(committed_cast.alice, committed_cast.bob)
        began = time.monotonic()
        publisher = Publisher()
        for _ in range(5):
            offer(publisher)
        assert time.monotonic() - began < 1
        assert eventually(lambda: not publisher._in_hand), QUIET


def long_ago() -> None:
    sent = OutboxMessage.objects.exclude(sent_at=None)
    sent.update(sent_at=clock.now() - 2 * work.SEND_AGAIN, ready_at=clock.now() - 3 * work.SEND_AGAIN)
