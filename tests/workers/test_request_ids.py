"""Guards the thread from a click to what came of it: one id in the web's answer, on the messages, and in the workers' log."""

from __future__ import annotations

import logging
from typing import Any

import pytest
import structlog
from pytest_django import Settings

from accessrequests import log_lines
from accessrequests.domain.events import Job
from accessrequests.models import OutboxMessage
from accessrequests.slack import socket_mode
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in
from workers import handlers
from workers.outcomes import Done

OURS = "edge-7f3a.2031"


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [record.msg for record in caplog.records if isinstance(record.msg, dict)]


def test_a_decisions_id_is_in_every_line_of_the_worker_that_carries_it(
    committed_cast: Cast, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.ACCESS_TARGETS_FILE = "/nowhere/connections.yaml"
    asked, bob = make.submit(committed_cast.alice), signed_in(committed_cast.bob)
    OutboxMessage.objects.all().delete()

    bob.client.defaults["HTTP_X_REQUEST_ID"] = OURS
    answer = bob.post(f"/approvals/{asked.pk}/approve/", revision=1)
    messages = list(OutboxMessage.objects.order_by("pk"))
    caplog.clear()
    for message in messages:
        handlers.carry(message_id=message.pk, owner="test")

    told = [line for line in lines(caplog) if line.get("message") in {message.pk for message in messages}]
    assert (answer.status_code, answer["X-Request-ID"]) == (303, OURS)
    assert {message.job for message in messages} >= {Job.PROVISION, Job.NOTIFY}
    assert {message.request_id for message in messages} == {OURS}
    assert {line["job"] for line in told} == {message.job for message in messages}
    assert {line["request_id"] for line in told} == {OURS}
    assert {line["event"] for line in told} >= {"carried", "carried_again_later"}


def test_what_a_carried_message_leads_to_is_of_the_same_click(
    committed_cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    def approved(_claim: object) -> Done:
        make.approve(asked, committed_cast.bob)
        return Done()

    OutboxMessage.objects.all().delete()
    with structlog.contextvars.bound_contextvars(request_id=OURS):
        asked = make.submit(committed_cast.alice)
    first = OutboxMessage.objects.get(job=Job.NOTIFY)
    monkeypatch.setattr(handlers, "HANDLERS", {Job.NOTIFY: approved})

    handlers.carry(message_id=first.pk, owner="test")

    assert set(OutboxMessage.objects.values_list("request_id", flat=True)) == {OURS}
    assert log_lines.request_id() == ""


def test_what_is_done_outside_of_a_request_is_of_no_click(cast: Cast) -> None:
    OutboxMessage.objects.all().delete()
    make.submit(cast.alice)

    assert set(OutboxMessage.objects.values_list("request_id", flat=True)) == {""}


def test_celery_which_sets_the_level_of_the_root_does_not_silence_them() -> None:
    root = logging.getLogger()
    level = root.level
    try:
        root.setLevel(logging.WARNING)
        told = {name: logging.getLogger(name).isEnabledFor(logging.INFO) for name in ("workers.handlers", "celery")}
    finally:
        root.setLevel(level)

    assert told == {"workers.handlers": True, "celery": False}


def test_an_envelope_of_slack_gets_an_id_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    class Envelope:
        type, payload, envelope_id, accepts_response_payload = "events_api", dict[str, str](), "1", False

    class Connection:
        def send_socket_mode_response(self, _answer: object) -> None:
            """Slack would hear it."""

    monkeypatch.setattr(socket_mode, "close_old_connections", lambda: None)
    monkeypatch.setattr(socket_mode, "answer_to", lambda *_said, **_more: seen.append(log_lines.request_id()))

    for _ in range(2):
        socket_mode.hear(Connection(), Envelope())  # type: ignore[arg-type]

    assert len(set(seen)) == 2
    assert all(seen)


@pytest.mark.parametrize(
    "sent", ["", "short", "a" * 65, "two words here", "line\nbreak-in-it", "<script>-alert", ".hidden-one"]
)
def test_an_id_that_is_not_plain_is_not_taken(sent: str) -> None:
    made = log_lines.request_id_from(sent)

    assert made != sent
    assert log_lines.request_id_from(made) == made
