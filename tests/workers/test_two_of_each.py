"""Guards that two relays and the workers of two hosts do everything once: each event, each mail, each user on the target."""

from __future__ import annotations

import queue
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connections

from accessrequests.domain.events import Job
from accessrequests.models import Grant, OutboxMessage
from accessrequests.queries.work import Ready
from tests.workers.conftest import Client, Work
from tests.workers.database_clock import DatabaseClock
from tests.workers.processes import eventually
from tests.workers.rows import events_of
from workers import handlers
from workers.children import Children
from workers.relay import Relay

GRANTS, HOSTS, THREADS = 20, 2, 3
LIFE = ["grant.provisioning_started", "grant.activated", "grant.revocation_started", "grant.cut", "grant.revoked"]
ERASED = "credential.erased"  # by its end, or by its own deadline, whichever is carried first


class Host:
    """Some threads that carry what they are handed, as a worker's do; each id is in hand once."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._in_hand: set[int] = set()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
        for thread in self._threads:
            thread.start()

    def take(self, ids: Sequence[int]) -> None:
        for message_id in set(ids) - self._in_hand:
            self._in_hand.add(message_id)
            self._waiting.put(message_id)

    def close(self) -> None:
        for _ in self._threads:
            self._waiting.put(None)
        for thread in self._threads:
            thread.join(timeout=20)
            assert not thread.is_alive()

    def _work(self) -> None:
        try:
            while (message_id := self._waiting.get()) is not None:
                handlers.carry(message_id=message_id, owner=f"host {id(self)}")
                self._in_hand.discard(message_id)
        finally:
            connections.close_all()


class ToAll:
    """In place of the broker: whatever either relay sends comes to every host, so each message is sent four times."""

    def __init__(self, hosts: Sequence[Host]) -> None:
        self._hosts = hosts

    def offer(self, ready: Sequence[Ready]) -> None:
        for host in self._hosts:
            host.take([message.message_id for message in ready])


@contextmanager
def two_of_each() -> Iterator[None]:
    hosts = [Host() for _ in range(HOSTS)]
    over, failed = threading.Event(), []

    def turns(relay: Relay) -> None:
        try:
            while not over.is_set():
                over.wait(min(relay.turn(), 0.05))
        except Exception as error:  # noqa: BLE001 - said in the test's own thread
            failed.append(error)
        finally:
            connections.close_all()

    relays = [Relay() for _ in hosts]
    for relay in relays:
        relay._publisher = ToAll(hosts)  # type: ignore[assignment]
    threads = [threading.Thread(target=turns, args=(relay,), daemon=True) for relay in relays]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(timeout=20)
        for host in hosts:
            host.close()
    assert failed == []


def are_all(state: str) -> bool:
    """And told: a clock that jumps lets the claims lapse of whoever is still sending, who then sends twice."""
    to_tell = OutboxMessage.objects.filter(job=Job.NOTIFY.value, done_at=None)
    return Grant.objects.filter(state=state).count() == GRANTS and not to_tell.exists()


def written(owner: Client, *, operation: str) -> Counter[str]:
    """How often each user of ours was made (i) or dropped (d), by the target's own log of what was written."""
    where = {"op": operation, "ns": "admin.system.users"}
    return Counter(str(entry["o"]["_id"]) for entry in owner.local["oplog.rs"].find(where))


def test_two_relays_and_two_hosts_do_everything_once(
    work: Work, database_clock: DatabaseClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Children, "offer", lambda _self, _ids: None)  # everybody is there who could carry it
    before = {operation: written(work.owner, operation=operation) for operation in "id"}
    grants = [work.approved(duration=timedelta(hours=1)) for _ in range(GRANTS)]
    mail.outbox.clear()

    with two_of_each():
        assert eventually(lambda: are_all("active"), seconds=60)
        database_clock.advance(timedelta(hours=2))
        assert eventually(lambda: are_all("revoked"), seconds=60)

    after = {operation: written(work.owner, operation=operation) for operation in "id"}
    for grant in grants:
        told = events_of(grant)
        assert told.count(ERASED) == 1
        assert [event for event in told if event != ERASED] == LIFE
        assert events_of(grant.access_request)[:3] == [
            "access_request.submitted",
            "access_request.approval_given",
            "access_request.approved",
        ]
        name = f"admin.{grant.username}"
        assert [after[operation][name] - before[operation][name] for operation in "id"] == [1, 1]
        assert work.users_named(grant.username) == []
    sent = Counter((tuple(one.to), one.subject, one.body) for one in mail.outbox)
    assert len(sent) >= 2 * GRANTS
    assert set(sent.values()) == {1}
