"""Puts message ids on Celery's queues, off the relay's loop. A broker that fails is left alone for a while."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import structlog
from celery.utils.nodenames import worker_direct
from django.db import Error as DjangoDatabaseProblem
from django.db import connection
from kombu import Queue
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from accessrequests.operations import outbox
from accessrequests.queries import work
from accessrequests.queries.work import Ready
from workers.tasks import carry

LEFT_ALONE_SECONDS = 5.0
AT_ONCE = 50
NODE = "{}@access"  # what `celery worker -n` is given, in the sandbox as in docker-compose.yml

log = structlog.get_logger(__name__)


class Publisher:
    """One thread with a queue of batches. What it has not sent stays in the outbox and is offered again."""

    def __init__(self) -> None:
        # What presses more overtakes the rest; the number keeps those of one rank in order.
        self._batches: queue.PriorityQueue[tuple[int, int, Sequence[Ready]]] = queue.PriorityQueue()
        self._number = itertools.count()
        self._in_hand: set[int] = set()
        self._quiet_until = 0.0
        threading.Thread(target=self._run, name="publisher", daemon=True).start()

    def offer(self, ready: Sequence[Ready]) -> None:
        """Take the messages that are not in hand already, unless the broker is being left alone."""
        if self._is_left_alone():
            return
        new = [message for message in ready if message.message_id not in self._in_hand]
        self._in_hand.update(message.message_id for message in new)
        for rank, messages in itertools.groupby(new, key=lambda message: work.rank_of(message.queue)):
            for batch in _batched(messages):
                self._batches.put((rank, next(self._number), batch))

    def _is_left_alone(self) -> bool:
        return time.monotonic() < self._quiet_until

    def _run(self) -> None:
        while True:
            _, _, batch = self._batches.get()
            try:
                if not self._is_left_alone():
                    self._send(batch)
            except (KombuError, RedisError, OSError) as error:
                self._quiet_until = time.monotonic() + LEFT_ALONE_SECONDS
                log.warning("broker_left_alone", seconds=LEFT_ALONE_SECONDS, error=type(error).__name__)
            except DjangoDatabaseProblem as error:
                log.warning("sent_but_not_noted", error=type(error).__name__)
                connection.close()
            except Exception:
                # This thread is the only one that sends: it must outlive whatever the broker's driver comes up with.
                self._quiet_until = time.monotonic() + LEFT_ALONE_SECONDS
                log.exception("broker_left_alone", seconds=LEFT_ALONE_SECONDS)
            finally:
                self._in_hand.difference_update(message.message_id for message in batch)

    def _send(self, batch: Sequence[Ready]) -> None:
        sent: list[int] = []
        if along := [message.message_id for message in batch if message.is_taken_along]:
            # Before any is sent: whoever takes these along may put them back at once, and that must not be overwritten.
            outbox.mark_sent(message_ids=along)
        try:
            full = _full_queues([message for message in batch if message.is_again])
            for message in batch:
                if message.is_taken_along:
                    continue
                if not (message.is_again and _name(message) in full):
                    carry.apply_async(kwargs={"message_id": message.message_id}, queue=_address(message), retry=False)
                sent.append(message.message_id)
        finally:
            outbox.mark_sent(message_ids=sent)


def _batched(messages: Iterable[Ready]) -> Iterator[Sequence[Ready]]:
    """Small batches, so that what is urgent need not wait for a large one."""
    rest = iter(messages)
    while batch := list(itertools.islice(rest, AT_ONCE)):
        yield batch


def _full_queues(again: Sequence[Ready]) -> set[str]:
    """Queues that hold at least as many ids as wait to be claimed: nothing is lost, and sending again would pile up.

    Without this a night without workers would fill the broker with the same ids, six times a minute.
    """
    if not again:
        return set()
    # One question for each queue: with a backlog there are hundreds of messages, and each count reads all of them.
    one_of = {_name(message): message for message in again}
    wanted = {name: 1 if one.consumer else work.unclaimed_in(one.queue) for name, one in one_of.items()}
    with carry.app.connection_for_write() as broker:
        channel: Any = broker.default_channel  # of Redis, which knows the length of its lists
        return {name for name, number in wanted.items() if channel.client.llen(name) >= number}


def _name(message: Ready) -> str:
    return str(worker_direct(NODE.format(message.consumer)).name) if message.consumer else message.queue


def _address(message: Ready) -> str | Queue:
    """A sign of life is asked of one set of workers, by the queue that is its own; all else goes by urgency."""
    return worker_direct(NODE.format(message.consumer)) if message.consumer else message.queue
