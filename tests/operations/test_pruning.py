"""Guards what is removed and what is kept: nothing that anybody reads, and never any history."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import cache
from django.db import connection

from accessrequests.domain.events import Job, Via
from accessrequests.models import (
    AccessRequest,
    AuditEvent,
    CallBucket,
    Grant,
    IdempotencyKey,
    OutboxMessage,
    SlackArrival,
    SlackMessage,
)
from accessrequests.operations import access_requests, outbox, pruning
from accessrequests.queries import audit, work
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces

DAY = timedelta(days=1)


def done(job: Job, subject: str, *, ago: timedelta) -> OutboxMessage:
    outbox.file_periodic(job=job, subject=subject)
    message = OutboxMessage.objects.get(job=job.value, subject=subject, done_at=None)
    OutboxMessage.objects.filter(pk=message.pk).update(done_at=make.now() - ago)
    return message


def kept(*rows: OutboxMessage) -> list[bool]:
    alive = set(OutboxMessage.objects.values_list("pk", flat=True))
    return [row.pk in alive for row in rows]


def limits() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT cache_key FROM access_cache ORDER BY cache_key")
        return [key for (key,) in cursor.fetchall()]


class TestMessages:
    def test_go_a_week_after_they_were_done(self, cast: Cast) -> None:
        make.submit(cast.alice)
        message = OutboxMessage.objects.get(job="notify")
        for ago, stays in ((7 * DAY - timedelta(minutes=1), True), (7 * DAY + timedelta(minutes=1), False)):
            OutboxMessage.objects.filter(pk=message.pk).update(done_at=make.now() - ago)
            assert not pruning.prune()
            assert kept(message) == [stays]

    def test_stay_for_as_long_as_they_wait(self, cast: Cast, clock: MovableClock) -> None:
        make.approve(make.submit(cast.alice), cast.bob)
        waiting = list(OutboxMessage.objects.filter(done_at=None))
        assert len(waiting) >= 3
        clock.advance(400 * DAY)
        pruning.prune()
        assert all(kept(*waiting))

    def test_go_after_a_day_when_the_clock_files_them(self, cast: Cast) -> None:
        old = done(Job.RECONCILE, "target/shop-prod", ago=DAY * 1.1)
        young = done(Job.RECONCILE, "target/shop-prod", ago=DAY * 0.9)
        pruning.prune()
        assert kept(old, young) == [False, True]

    def test_keep_the_last_sign_of_life_of_each_part(self, cast: Cast) -> None:
        old, last = (done(Job.PROVE_ALIVE, "consumer/worker", ago=DAY * days) for days in (31, 30))
        other = done(Job.PROVE_ALIVE, "consumer/relay", ago=DAY * 90)
        pruning.prune()
        assert kept(old, last, other) == [False, True, True]
        signed = work.last_sign_of_life("worker")
        assert signed is not None
        assert abs(make.now() - signed - 30 * DAY) < timedelta(minutes=1)

    def test_go_a_batch_at_a_time(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pruning, "AT_ONCE", 2)
        for _ in range(3):
            done(Job.RECONCILE, "target/shop-prod", ago=2 * DAY)
        before = OutboxMessage.objects.count()
        assert pruning.prune()
        assert OutboxMessage.objects.count() == before - 2
        assert not pruning.prune()
        assert OutboxMessage.objects.count() == before - 3


class TestTheRest:
    def test_goes_when_it_has_ended(self, cast: Cast, clock: MovableClock) -> None:
        now = make.now()
        for name, ends in (("over", now - timedelta(seconds=1)), ("alive", now + timedelta(hours=1))):
            Session.objects.create(session_key=name, session_data="", expire_date=ends)
        for name, ago in (("old", 49), ("new", 47)):
            IdempotencyKey.objects.create(
                person=cast.alice, key=name, path="/", body_hash="", object_id=1, created_at=now - timedelta(hours=ago)
            )
        CallBucket.objects.create(person=cast.alice, second=int(now.timestamp()), calls=20)
        CallBucket.objects.create(person=cast.bob, second=int(now.timestamp()) - 90, calls=20)
        cache.set("spent", 1, timeout=3600)
        cache.set("counting", 1, timeout=3600)
        with connection.cursor() as cursor:
            cursor.execute("UPDATE access_cache SET expires = %s WHERE cache_key LIKE '%%spent'", [now - DAY])

        assert not pruning.prune()

        assert list(Session.objects.values_list("session_key", flat=True)) == ["alive"]
        assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]
        assert list(CallBucket.objects.values_list("person__username", flat=True)) == ["alice"]
        assert limits() == [":1:counting"]

    def test_stays_when_it_is_history(self, cast: Cast, clock: MovableClock) -> None:
        make.active_grant(cast.alice, cast.bob)
        traces = Traces()
        rows = [model.objects.count() for model in (AccessRequest, Grant, AuditEvent)]
        clock.advance(4_000 * DAY)

        pruning.prune()

        assert [model.objects.count() for model in (AccessRequest, Grant, AuditEvent)] == rows
        assert traces.events() == []
        assert audit.verify().ok


def test_of_what_came_from_slack_the_newest_says_when_it_was_heard_last(cast: Cast) -> None:
    for hours in (3, 2):
        SlackArrival.objects.create(digest=f"{hours}", at=make.now() - timedelta(hours=hours))
    pruning.prune()
    assert SlackArrival.objects.get().digest == "2"


class TestCopiesInSlack:
    def copy(self, about: AccessRequest | None, kind: str, state: str, **fields: Any) -> SlackMessage:
        return SlackMessage.objects.create(
            access_request=about, kind=kind, state=state, channel="C0DATA", **{"created_at": make.now(), **fields}
        )

    def test_that_were_said_once_go_after_a_week_unless_they_wait(self, cast: Cast) -> None:
        about, old = make.submit(cast.alice), make.now() - timedelta(days=8)
        gone = [
            self.copy(about, "whisper", "posted", created_at=old),
            self.copy(None, "whisper", "dead", created_at=old),
            self.copy(about, "notice", "dead", created_at=old),
            self.copy(None, "reply", "posted", created_at=old),
        ]
        stays = [
            self.copy(about, "whisper", "posted"),
            self.copy(None, "whisper", "wanted", created_at=old),
            self.copy(about, "card", "dead", created_at=old),
            self.copy(about, "notice", "posted", created_at=old),
        ]
        pruning.prune()
        left = set(SlackMessage.objects.values_list("pk", flat=True))
        assert [one.pk in left for one in (*gone, *stays)] == [False] * 4 + [True] * 4

    def test_of_what_is_over_go_after_ninety_days_the_lines_before_their_card(self, cast: Cast) -> None:
        over, live = make.submit(cast.alice), make.active_grant(cast.alice, cast.bob).access_request
        access_requests.cancel(access_request_id=over.pk, requester=cast.alice, via=Via.WEB)
        for about in (over, live):
            self.copy(about, "reply", "posted", thread=self.copy(about, "card", "posted"))
        for days, left in ((89, [2, 2]), (91, [1, 2]), (91, [0, 2])):
            AccessRequest.objects.update(decided_at=make.now() - timedelta(days=days))
            pruning.prune()
            assert [SlackMessage.objects.filter(access_request=one).count() for one in (over, live)] == left
