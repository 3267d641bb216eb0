"""Guards Celery as we run it: a real worker on the real broker, urgent first, ids only, and no pickles."""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings
from django.db import connection
from kombu import Connection

from accessrequests.domain.events import Job, Queue, Via
from accessrequests.models import OutboxMessage
from accessrequests.operations import grants, outbox
from accessrequests.queries import clock
from accessrequests.queries import work as due
from sandbox.commands import COMMANDS, WORKER, WORKER_URGENT
from tests.workers.conftest import Work
from tests.workers.processes import eventually, running
from tests.workers.rows import fresh, message
from workers.app import app
from workers.publisher import Publisher

Broker = Any
THREADS = app.conf.worker_concurrency


@pytest.fixture
def broker(work: Work) -> Iterator[Broker]:
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        yield client
        client.flushdb()


class TestAWorker:
    def test_carries_a_grant_and_its_end_and_nothing_but_ids_was_ever_on_the_broker(
        self, work: Work, broker: Broker, tmp_path: Path
    ) -> None:
        log, urgent_log = tmp_path / "worker.log", tmp_path / "worker_urgent.log"
        publisher, seen = Publisher(), bytearray()

        def send() -> bool:
            publisher.offer(due.to_send(clock.now(), limit=500))
            for queue in Queue:
                for raw in broker.lrange(queue.value, 0, -1):
                    seen.extend(raw)
            for raw in broker.hgetall("unacked").values():
                seen.extend(raw)
            return False

        environment = work.environment()
        with running("worker", log, **environment), running("worker_urgent", urgent_log, **environment):
            grant = work.approved()
            assert eventually(lambda: send() or fresh(grant).state == "active", seconds=40), log.read_text()
            password = work.reveal(grant).password
            grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
            assert eventually(lambda: send() or fresh(grant).state == "revoked"), urgent_log.read_text()

            # Somebody with the key to the broker tries to have code run by the worker.
            trap = tmp_path / "trap"
            poison(pickle.dumps(Trap(trap)), "application/x-python-serialize", "binary")
            poison(f"!!python/object/apply:os.mknod ['{trap}']".encode(), "application/x-yaml", "utf-8")
            again = work.approved()
            assert eventually(lambda: send() or fresh(again).state == "active"), log.read_text()
            assert eventually(lambda: not broker.llen("provision"))
            assert not trap.exists()

        assert password not in log.read_text() + urgent_log.read_text()
        assert work.users_named(grant.username) == []
        for secret in (password, grant.username, "alice", "shop"):
            assert secret.encode() not in seen

    def test_takes_a_revocation_before_all_that_was_queued_ahead_of_it(
        self, work: Work, broker: Broker, tmp_path: Path
    ) -> None:
        """Five hundred alarms, on a list that a worker could as well read in turn."""
        grant = work.active()
        OutboxMessage.objects.update(done_at=clock.now())
        at = clock.now() - timedelta(minutes=1)
        OutboxMessage.objects.bulk_create(
            OutboxMessage(
                job=Job.PROVE_ALIVE.value,
                queue=Queue.BREAK_GLASS.value,
                lane=f"filler/{number}",
                subject=f"consumer/filler{number}",
                created_at=at,
                ready_at=at,
            )
            for number in range(500)
        )
        publisher = Publisher()
        ahead = OutboxMessage.objects.filter(done_at=None).values_list("pk", flat=True)
        publisher.offer([due.Ready(pk, Queue.BREAK_GLASS.value, "") for pk in ahead])
        assert eventually(lambda: not OutboxMessage.objects.filter(done_at=None, sent_at=None).exists())
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        publisher.offer(due.to_send(clock.now(), limit=500))
        assert eventually(lambda: bool(broker.llen("revoke")))
        log = tmp_path / "worker_urgent.log"
        fillers = OutboxMessage.objects.filter(subject__startswith="consumer/filler")

        with running("worker_urgent", log, **work.environment()):
            assert eventually(lambda: fresh(grant).state == "revoked", seconds=40), log.read_text()
            assert eventually(lambda: not fillers.filter(done_at=None).exists(), seconds=40)

        claimed = message(Job.REVOKE, grant)
        # What its other threads took at the same time may be done sooner; what stood in line may not.
        assert fillers.filter(done_at__lt=claimed.done_at).count() < 250

    def test_keeps_its_connections_to_the_database(self, work: Work, broker: Broker, tmp_path: Path) -> None:
        publisher, log = Publisher(), tmp_path / "worker.log"
        sessions = set[int]()
        with running("worker", log, **work.environment()):
            for number in range(4 * THREADS):
                outbox.file_periodic(job=Job.PROVE_ALIVE, subject=f"consumer/filler{number}")
                found = message(Job.PROVE_ALIVE, f"consumer/filler{number}")
                publisher.offer([due.Ready(found.pk, Queue.PROVISION.value, "")])
                assert eventually(partial(is_done, found.pk), seconds=40), log.read_text()
                sessions |= sessions_of("access-worker")

        assert 0 < len(sessions) <= THREADS + 1  # and that of the heart

    def test_that_is_stopped_with_a_message_in_hand_loses_nothing(
        self, work: Work, broker: Broker, tmp_path: Path
    ) -> None:
        grant = work.approved()
        found = message(Job.PROVISION, grant)
        work.way.hang()
        log = tmp_path / "worker.log"
        with running("worker", log, **work.environment()) as worker:
            Publisher().offer(due.to_send(clock.now(), limit=500))
            assert eventually(lambda: OutboxMessage.objects.get(pk=found.pk).claim == 1, seconds=40), log.read_text()
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait()
        work.way.open()

        assert OutboxMessage.objects.get(pk=found.pk).done_at is None
        OutboxMessage.objects.filter(pk=found.pk).update(claimed_until=clock.now())
        assert found.pk in [one.message_id for one in due.to_send(clock.now() + due.SEND_AGAIN, limit=500)]


class TestSettings:
    def test_each_queue_has_one_set_of_workers_and_urgent_ones_read_nothing_else(self) -> None:
        """Whoever has the smallest share of the processor must not take what is urgent out of quicker hands."""

        def queues(name: str) -> list[str]:
            return COMMANDS[name][COMMANDS[name].index("-Q") + 1].split(",")

        assert queues(WORKER_URGENT) == ["revoke", "break_glass"]
        assert [*queues(WORKER_URGENT), *queues(WORKER)] == [queue.value for queue in Queue]

    def test_are_those_that_the_order_of_queues_and_the_lease_depend_on(self) -> None:
        assert app.conf.broker_transport_options["queue_order_strategy"] == "priority"
        assert app.conf.worker_prefetch_multiplier == 1
        assert app.conf.task_acks_late
        assert app.conf.task_ignore_result
        assert app.conf.accept_content == ["json"]
        assert not app.conf.worker_enable_remote_control
        assert sorted(name for name in app.tasks if not name.startswith("celery.")) == ["carry"]


def is_done(message_id: int) -> bool:
    return OutboxMessage.objects.filter(pk=message_id, done_at__isnull=False).exists()


def sessions_of(program: str) -> set[int]:
    """The processes of our database that serve it now."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND datname = current_database()", [program]
        )
        return {pid for (pid,) in cursor.fetchall()}


class Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mknod, (str(self.path),)


def poison(body: bytes, content_type: str, encoding: str) -> None:
    with Connection(settings.REDIS_URL) as held, held.Producer(serializer=None) as producer:
        producer.publish(
            body,
            routing_key="provision",
            content_type=content_type,
            content_encoding=encoding,
            headers={"task": "carry", "id": "poison", "lang": "py", "argsrepr": "", "kwargsrepr": ""},
        )
