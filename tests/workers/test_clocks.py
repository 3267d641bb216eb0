"""Guards the comparison of clocks: an alarm when they differ, and nothing new is opened meanwhile."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.models import AuditEvent, OutboxMessage
from tests.fixtures import MovableClock
from tests.workers.conftest import Work, drain
from workers import provision
from workers.clocks import Watch


@pytest.fixture(autouse=True)
def fresh_watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    watch = Watch()
    monkeypatch.setattr(provision, "WATCH", watch)
    return watch


def alarms() -> list[dict[str, object]]:
    return list(AuditEvent.objects.filter(event="clock.skewed").order_by("sequence").values_list("facts", flat=True))


class TestWatch:
    def test_raises_the_alarm_once_and_again_after_they_agreed(
        self, committed: None, clock: MovableClock, fresh_watch: Watch
    ) -> None:
        assert fresh_watch.compare(who="relay")
        assert alarms() == []

        for _ in range(3):
            clock.offset = -timedelta(hours=1)
            assert not fresh_watch.compare(who="relay")
        clock.offset = timedelta()
        assert fresh_watch.compare(who="relay")
        clock.offset = timedelta(seconds=5)
        assert not fresh_watch.compare(who="relay")

        behind, ahead = alarms()
        assert behind["who"] == "relay"
        assert -3_601_000 < int(str(behind["milliseconds"])) < -3_599_000
        assert 3_000 < int(str(ahead["milliseconds"])) < 6_000

    def test_opens_nothing_new_while_the_clocks_differ(self, work: Work, clock: MovableClock) -> None:
        grant = work.approved()
        clock.offset = timedelta(seconds=10)

        drain()

        grant.refresh_from_db()
        assert (grant.state, grant.provisioning_attempt, work.users_named(grant.username)) == ("pending", 0, [])
        clock.offset = timedelta()
        OutboxMessage.objects.filter(subject=str(grant), done_at=None).update(ready_at=grant.created_at)
        drain()
        grant.refresh_from_db()
        assert grant.state == "active"
