"""Guards the weekly test of break-glass, what is told of it, and the reminder of drills that nobody holds."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core import mail
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import AuditEvent, OutboxMessage
from accessrequests.operations import break_glass
from accessrequests.operations.refusals import Refused
from tests import glass
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import refuses
from tests.workers.conftest import Work
from tests.workers.receiver import Receiver, entry, written
from tests.workers.test_alarms import REFUSING, tell
from tests.workers.test_notify import sent
from workers import handlers, watch


def test_tries_the_way_the_room_and_every_channel(work: Work, settings: Settings, tmp_path: Path) -> None:
    mail.outbox.clear()
    with Receiver().listening() as receiver:
        away = entry("http://127.0.0.1:9/")
        settings.ACCESS_WEBHOOKS_FILE = written(tmp_path, pager=entry(receiver.url), siem=away)
        settings.EMAIL_BACKEND = REFUSING
        break_glass.ask_self_test(person=work.cast.erin, via=Via.WEB)
        message = OutboxMessage.objects.get(job="self_test")
        handlers.carry(message_id=message.pk, owner="test")

    tested = AuditEvent.objects.get(event="breakglass.self_tested").facts
    assert tested["red"] == ["webhook siem"]
    works = [part["part"] for part in tested["parts"] if not part["why"]]
    assert works == ["mail", "webhook pager", "the way to shop-prod", "the reserve of shop-prod"]
    assert [event["type"] for event in receiver.events] == ["breakglass.self_tested"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    settings.ACCESS_WEBHOOKS_FILE = ""
    tell(event="breakglass.self_tested")
    assert sent() == {"erin@example.com": ["Break-glass would not work as it should: webhook siem"]}


def test_only_administrators_have_it_tested(cast: Cast) -> None:
    with refuses(Refused):
        break_glass.ask_self_test(person=cast.dave, via=Via.WEB)


def test_a_green_test_is_no_news(committed_cast: Cast, settings: Settings) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox.clear()
    break_glass.note_self_test(parts=[{"part": "mail", "why": ""}])
    tell(event="breakglass.self_tested")

    assert sent() == {}


class TestWatch:
    def look(self) -> list[str]:
        watch.watch_break_glass(None)  # type: ignore[arg-type]
        return list(OutboxMessage.objects.filter(job=Job.SELF_TEST.value).values_list("subject", flat=True))

    def test_files_a_test_every_week(self, cast: Cast, clock: MovableClock) -> None:
        assert self.look() == []
        clock.advance(timedelta(hours=2))
        assert self.look() == ["break_glass/self-test"]
        OutboxMessage.objects.all().delete()
        break_glass.note_self_test(parts=[])
        assert self.look() == []

    def test_reminds_of_drills_that_nobody_holds_once_a_week(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        def reminders() -> int:
            self.look()
            return AuditEvent.objects.filter(event="breakglass.drill_due", subject="target/shop-prod").count()

        assert reminders() == 0, "policies are too new here"
        monkeypatch.setattr("accessrequests.queries.broken.is_settled", lambda **_: True)
        glass.ended(glass.broken(cast.frank, is_drill=True))

        assert (reminders(), reminders()) == (1, 1), "its password was never looked at: that proves nothing"
