"""Guards the health check: a part counts as alive only while it really carries messages."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from accessrequests.domain.events import Job
from accessrequests.models import OutboxMessage
from accessrequests.operations import outbox
from accessrequests.queries import clock

pytestmark = pytest.mark.usefixtures("committed")


def ask(consumer: str) -> OutboxMessage:
    outbox.file_periodic(job=Job.PROVE_ALIVE, subject=f"consumer/{consumer}")
    return OutboxMessage.objects.get(subject=f"consumer/{consumer}", done_at=None)


def carry(message: OutboxMessage) -> None:
    claim = outbox.claim(message_id=message.pk, owner="this test")
    assert claim is not None
    assert outbox.finish(claim=claim)


def say(consumer: str) -> str:
    out = io.StringIO()
    call_command("alive", consumer, stdout=out)
    return out.getvalue()


class TestAlive:
    def test_says_no_before_the_first_sign(self) -> None:
        ask("worker")

        with pytest.raises(CommandError, match="No sign of life from worker "):
            say("worker")

    def test_says_yes_after_a_sign_and_only_for_who_gave_it(self) -> None:
        ask("worker_urgent")
        carry(ask("worker"))

        assert "worker is alive" in say("worker")
        with pytest.raises(CommandError, match="worker_urgent"):
            say("worker_urgent")

    def test_says_no_when_the_last_sign_is_old(self) -> None:
        message = ask("relay")
        carry(message)
        OutboxMessage.objects.filter(pk=message.pk).update(done_at=clock.now() - timedelta(seconds=181))

        with pytest.raises(CommandError, match="relay"):
            say("relay")
