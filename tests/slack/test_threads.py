"""Guards what is told once: a line in the thread under a card, and a word to whose access it is."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import OutboxMessage, SlackMessage
from accessrequests.operations import grants, outbox
from tests import make
from tests.make import Cast
from tests.slack.test_sending import carry, deny
from tests.slack.workspace import WebApi, link
from workers import handlers


@pytest.fixture
def cast(committed_cast: Cast) -> Cast:
    """Workers close connections, so that nothing may be left uncommitted."""
    return committed_cast


class TestThreadsAndNotices:
    def test_tell_each_step_once(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.alice)
        access_request = make.submit(cast.alice)
        carry()
        deny(access_request, cast.bob)
        carry()
        again = OutboxMessage.objects.filter(job="show_in_slack").latest("pk")
        OutboxMessage.objects.filter(pk=again.pk).update(done_at=None)
        carry()
        said = web_api.of("chat.postMessage")[2:]
        card = SlackMessage.objects.get(kind="card")
        assert [(call["channel"], call.get("thread_ts")) for call in said] == [("C0DATA", card.ts), ("U0ALICE", None)]
        assert said[0]["text"] == "Bob Brandt denied the request: Use the replica."
        assert said[1]["text"].startswith("Denied:")

    def test_all_that_one_press_did_is_told_by_one_job(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.alice)
        access_request = make.submit(cast.alice)
        carry()
        filed = OutboxMessage.objects.filter(job="show_in_slack").count()
        make.approve(access_request, cast.bob)
        carry()
        assert OutboxMessage.objects.filter(job="show_in_slack").count() == filed + 1
        said = [call["text"] for call in web_api.of("chat.postMessage")[2:]]
        assert len(said) == 2
        assert "Bob Brandt approved" in said[0]
        assert said[1].startswith("Approved:")

    def test_what_waits_for_its_turn_is_shown_with_the_first(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.alice)
        make.submit(cast.alice)
        grant = make.active_grant(cast.alice, cast.bob)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
        shown = OutboxMessage.objects.filter(job="show_in_slack", subject=f"grant/{grant.pk}").order_by("pk")
        live, _ = shown
        handlers.carry(message_id=live.pk, owner="test")
        assert [(one.claim, one.done_at is not None) for one in shown.all()] == [(1, True), (0, True)]
        carry()
        said = [call["text"] for call in web_api.of("chat.postMessage")]
        assert [sum(text.startswith("Live: ") for text in said), sum("gave it back" in text for text in said)] == [1, 1]

    def test_what_has_failed_is_shown_by_itself(self, cast: Cast, web_api: WebApi) -> None:
        access_request = make.submit(cast.alice)
        deny(access_request, cast.bob)
        first, second = OutboxMessage.objects.filter(job="show_in_slack").order_by("pk")
        OutboxMessage.objects.filter(pk=first.pk).update(failures=1)
        handlers.carry(message_id=first.pk, owner="test")
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.done_at is not None, second.done_at) == (True, None)

    def test_what_waits_is_not_lost_to_a_claim_that_has_passed_on(self, cast: Cast, web_api: WebApi) -> None:
        access_request = make.submit(cast.alice)
        deny(access_request, cast.bob)
        first, second = OutboxMessage.objects.filter(job="show_in_slack").order_by("pk")
        claim = outbox.claim(message_id=first.pk, owner="frozen")
        assert claim is not None
        OutboxMessage.objects.filter(pk=first.pk).update(claimed_until=make.now() - timedelta(seconds=1))
        assert outbox.claim(message_id=first.pk, owner="another") is not None
        outbox.finish_behind(claim=claim, message_ids=[second.pk])
        second.refresh_from_db()
        assert second.done_at is None

    def test_say_that_less_was_approved_than_was_asked_for(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.alice)
        access_request = make.submit(cast.alice)
        carry()
        make.approve(access_request, cast.bob, duration=timedelta(minutes=15))
        carry()
        line, word = web_api.of("chat.postMessage")[2:]
        assert line["text"] == "Bob Brandt approved 15 minutes in place of 2 hours for data-owners."
        assert "It is approved for 15 minutes in place of 2 hours" in str(word)
