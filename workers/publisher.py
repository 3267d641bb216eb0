"""Puts message ids on Celery's queues, off the relay's loop. A broker that fails is left alone for a while."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Sequence

import structlog
from celery.utils.nodenames import worker_direct
from django.db import DatabaseError, connection
from kombu import Queue
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from accessrequests.operations import outbox
from accessrequests.queries.work import Ready
from workers.tasks import carry

LEFT_ALONE_SECONDS = 5.0
NODE = "{}@access"  # what `celery worker -n` is given, in the sandbox as in docker-compose.yml

log = structlog.get_logger(__name__)


class Publisher:
    """One thread with a queue of batches. What it has not sent stays in the outbox and is offered again."""

    def __init__(self) -> None:
        self._batches: queue.SimpleQueue[Sequence[Ready]] = queue.SimpleQueue()
        self._in_hand: set[int] = set()
        self._quiet_until = 0.0
        threading.Thread(target=self._run, name="publisher", daemon=True).start()

    def offer(self, ready: Sequence[Ready]) -> None:
        """Take the messages that are not in hand already, unless the broker is being left alone."""
        if time.monotonic() < self._quiet_until:
            return
        batch = [message for message in ready if message.message_id not in self._in_hand]
        if batch:
            self._in_hand.update(message.message_id for message in batch)
            self._batches.put(batch)

    def _run(self) -> None:
        while True:
            batch = self._batches.get()
            try:
                self._send(batch)
            except (OperationalError, RedisError, OSError) as error:
                self._quiet_until = time.monotonic() + LEFT_ALONE_SECONDS
                log.warning("broker_left_alone", seconds=LEFT_ALONE_SECONDS, error=type(error).__name__)
            except DatabaseError as error:
                log.warning("sent_but_not_noted", error=type(error).__name__)
                connection.close()
            finally:
                self._in_hand.difference_update(message.message_id for message in batch)

    def _send(self, batch: Sequence[Ready]) -> None:
        sent: list[int] = []
        try:
            for message in batch:
                carry.apply_async(kwargs={"message_id": message.message_id}, queue=_address(message), retry=False)
                sent.append(message.message_id)
        finally:
            outbox.mark_sent(message_ids=sent)


def _address(message: Ready) -> str | Queue:
    """A sign of life is asked of one set of workers, by the queue that is its own; all else goes by urgency."""
    return worker_direct(NODE.format(message.consumer)) if message.consumer else message.queue
