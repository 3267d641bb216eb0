"""Guards the alarms of a break-glass: two channels at once, none waiting for the other, and a failed one is an alarm too."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import AccessRequest, AuditEvent, Grant, OutboxMessage
from accessrequests.operations import grants
from accessrequests.operations.outbox import Claim
from accessrequests.queries import work
from tests import glass, make
from tests.make import Cast
from tests.workers.receiver import Receiver, entry, written
from tests.workers.test_notify import Refusing, sent
from workers import deliver, handlers, watch


@pytest.fixture
def cast(committed_cast: Cast) -> Cast:
    """Committed, because whoever carries a message closes connections that are old."""
    return committed_cast


REFUSING = f"{Refusing.__module__}.{Refusing.__name__}"


@pytest.fixture(autouse=True)
def quiet(settings: Settings) -> None:
    settings.ACCESS_SANDBOX = os.getpid()
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox.clear()


def tell(*, event: str = "", job: Job = Job.NOTIFY) -> list[OutboxMessage]:
    """Carry what tells people of this event, or of any; as it is afterwards."""
    found = OutboxMessage.objects.filter(job=job.value, done_at=None).order_by("pk")
    chosen = [one for one in found if event in {"", one.event}]
    for one in chosen:
        handlers.carry(message_id=one.pk, owner="test")
        one.refresh_from_db()
    return chosen


def broken(cast: Cast, **changes: Any) -> AccessRequest:
    OutboxMessage.objects.all().delete()
    return glass.broken(cast.frank, **changes)


class TestMail:
    def test_tells_everybody_whom_the_policy_names_and_administrators(self, cast: Cast) -> None:
        access_request = broken(cast)
        tell()

        told = sent()
        assert set(told) == {f"{name}@example.com" for name in ("bob", "grace", "carol", "erin")}
        assert {len(subjects) for subjects in told.values()} == {1}, "once, and loud"
        assert told["bob@example.com"][0].startswith("BREAK-GLASS: Frank Fischer broke the glass to change shop on")
        glass.ended(access_request)
        tell(event="breakglass.ended")
        assert set(sent()) == {f"{name}@example.com" for name in ("bob", "grace", "carol", "erin", "frank")}

    def test_asks_for_a_second_person_where_one_is_needed(self, cast: Cast) -> None:
        glass.ended(broken(cast))
        broken(cast)
        tell()

        assert sent()["carol@example.com"][0].startswith("Break-glass waits for you: ")

    def test_tells_of_a_review_that_is_overdue(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        glass.ended(broken(cast))
        later = make.now() + timedelta(days=4)
        monkeypatch.setattr("accessrequests.queries.clock.now", lambda: later)
        OutboxMessage.objects.all().delete()
        watch.watch_break_glass(None)  # type: ignore[arg-type]
        tell(event="breakglass.review_overdue")

        assert all(subjects[0].startswith("Break-glass not reviewed: ") for subjects in sent().values())

    def test_that_fails_is_a_fact_and_holds_up_neither_access_nor_webhooks(
        self, cast: Cast, settings: Settings, tmp_path: Path
    ) -> None:
        settings.EMAIL_BACKEND = REFUSING
        with Receiver().listening() as receiver:
            settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, pager=entry(receiver.url, types=["breakglass.*"]))
            access_request = broken(cast)
            for message in tell(event="breakglass.activated"):
                assert (message.done_at, message.failures) == (None, 1)
            tell(job=Job.DELIVER)

        assert [event["type"] for event in receiver.events] == ["breakglass.activated"]
        failed = AuditEvent.objects.get(event="breakglass.alert_failed")
        assert (failed.subject, failed.facts["channel"]) == (str(access_request), "mail")
        assert grants.start_provisioning(grant_id=Grant.objects.get().pk) is not None


class TestEvents:
    def test_go_to_whoever_wants_them_once_with_all_that_is_known(
        self, cast: Cast, settings: Settings, tmp_path: Path
    ) -> None:
        with Receiver().listening() as all_of_them, Receiver().listening() as other:
            receivers = {"siem": entry(all_of_them.url), "chat": entry(other.url, types=["access_request.*"])}
            settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, **receivers)
            access_request = broken(cast, is_drill=True)
            notices = tell()
            for notice in notices:
                claim = Claim(notice.pk, 1, Job.NOTIFY, notice.subject, notice.event, "", 0)
                deliver.pass_on(claim)
            tell(job=Job.DELIVER)

        assert other.events == []
        assert [event["type"] for event in all_of_them.events] == ["breakglass.requested", "breakglass.activated"]
        assert len({event["id"] for event in all_of_them.events}) == 2
        event = all_of_them.events[1]
        assert (event["source"], event["subject"]) == ("https://access.example.com", str(access_request))
        data = event["data"]
        assert (data["actor"], data["break_glass"]["incident"]) == ("frank", "INC-884")
        assert data["break_glass"]["is_drill"] is True
        assert data["access_request"]["title"].startswith("Frank Fischer broke the glass to change shop on shop-prod")
        assert data["grant"]["state"] == "pending"
        assert "password" not in str(all_of_them.events)

    def test_are_sent_again_with_the_same_id_until_they_are_taken(
        self, cast: Cast, settings: Settings, tmp_path: Path
    ) -> None:
        with Receiver().listening() as receiver:
            settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, pager=entry(receiver.url))
            receiver.status = 503
            make.submit(cast.alice)
            tell(event="access_request.submitted")
            (message,) = tell(job=Job.DELIVER)
            assert message.failures == 1
            assert not AuditEvent.objects.filter(event="breakglass.alert_failed").exists(), "it was no alarm"
            receiver.status = 200
            OutboxMessage.objects.filter(pk=message.pk).update(ready_at=make.now())
            (message,) = tell(job=Job.DELIVER)

        assert message.done_at is not None
        assert len({event["id"] for event in receiver.events}) == 1
        assert len(receiver.events) == 2

    def test_of_other_subjects_and_for_receivers_that_are_gone(
        self, cast: Cast, settings: Settings, tmp_path: Path
    ) -> None:
        settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, pager=entry("http://127.0.0.1:9/"))
        make.submit(cast.alice)
        tell(event="access_request.submitted")
        settings.ACCESS_WEBHOOKS_FILE = written(tmp_path)

        assert all(message.done_at for message in tell(job=Job.DELIVER))

    def test_wait_for_nobody_where_the_file_is_broken(self, cast: Cast, settings: Settings, tmp_path: Path) -> None:
        path = Path(written(tmp_path))
        path.write_text("nonsense")
        settings.ACCESS_WEBHOOKS_FILE = str(path)
        broken(cast)
        tell()

        assert len(sent()) == 4


class TestUrgency:
    def test_alarms_leave_hands_free_for_those_who_end_access(self, cast: Cast) -> None:
        grant = make.active_grant(cast.alice, cast.bob)
        for name in ("grace", "dave", "erin"):
            make.apply(name, groups=["on-call"])
            glass.broken(getattr(cast, name))
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
        soon = make.now() + timedelta(seconds=2)

        urgent = list(OutboxMessage.objects.in_bulk(work.unclaimed_urgent(soon, limit=100)).values())

        jobs = sorted(one.job for one in urgent)
        assert jobs == ["notify", "notify", "provision", "provision", "provision", "revoke"]
        claimed = next(one for one in urgent if one.job == "notify")
        OutboxMessage.objects.filter(pk=claimed.pk).update(claimed_until=soon + timedelta(seconds=5))
        again = OutboxMessage.objects.filter(pk__in=work.unclaimed_urgent(soon, limit=100))
        assert again.filter(job="notify").count() == 1

    def test_alarms_that_wait_for_another_do_not_take_its_place(self, cast: Cast) -> None:
        broken(cast)
        alarm = OutboxMessage.objects.get(job=Job.NOTIFY.value, event="breakglass.requested")
        for _ in range(work.MOST_ALARMS):
            alarm.pk, alarm.tells = None, None
            alarm.save(force_insert=True)
        first = OutboxMessage.objects.filter(lane=alarm.lane).order_by("pk").first()
        assert first is not None
        OutboxMessage.objects.filter(pk=first.pk).update(ready_at=make.now() + timedelta(seconds=5), failures=5)
        soon = make.now() + timedelta(seconds=10)

        offered = OutboxMessage.objects.filter(pk__in=work.unclaimed_urgent(soon, limit=100), lane=alarm.lane)

        assert [one.pk for one in offered] == [first.pk]
