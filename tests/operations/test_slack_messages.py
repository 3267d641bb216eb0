"""Guards the copies in Slack: one in each place, one job for each that nobody is about to do, and what counts once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from pytest_django import Settings

from accessrequests.domain import slack_cards
from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, AuditEvent, OutboxMessage, SlackArrival, SlackMessage
from accessrequests.models.slack import SlackKind, SlackState
from accessrequests.operations import slack_arrivals, slack_messages
from accessrequests.operations.refusals import NotReady, Refused
from accessrequests.operations.slack_messages import Drawing, Once
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses


@pytest.fixture
def access_request(cast: Cast) -> AccessRequest:
    return make.submit(cast.alice)


def show(access_request: AccessRequest, *, once: Sequence[Once] = ()) -> None:
    slack_messages.show(access_request_id=access_request.pk, channels=["C0DATA"], people=["U0ALICE"], once=once)


def jobs() -> list[tuple[str, str]]:
    found = OutboxMessage.objects.filter(job="send_to_slack", done_at=None).order_by("pk")
    return list(found.values_list("subject", "lane"))


def line(kind: SlackKind, channel: str = "", about: str = "event/7") -> Once:
    return Once(kind=kind, channel=channel, message=slack_cards.reply("bob approved."), about=about)


class TestShow:
    def test_makes_each_copy_and_its_job_once(self, access_request: AccessRequest) -> None:
        show(access_request)
        show(access_request)
        copies = list(SlackMessage.objects.order_by("pk"))
        assert [(one.kind, one.channel, one.state) for one in copies] == [
            ("card", "C0DATA", "wanted"),
            ("own_card", "U0ALICE", "wanted"),
        ]
        assert jobs() == [
            (str(copies[0]), f"send_to_slack/{copies[0]}"),
            (str(copies[1]), f"send_to_slack/{copies[1]}"),
        ]

    def test_files_another_job_while_one_is_being_done(self, access_request: AccessRequest) -> None:
        show(access_request)
        OutboxMessage.objects.filter(job="send_to_slack").update(claimed_until=make.now())
        show(access_request)
        assert len(jobs()) == 4

    def test_leaves_dead_copies_in_peace(self, access_request: AccessRequest) -> None:
        show(access_request)
        dead = SlackMessage.objects.get(kind="card")
        slack_messages.mark_dead(message_id=dead.pk, why="channel_not_found")
        OutboxMessage.objects.filter(job="send_to_slack").delete()
        show(access_request, once=[line(SlackKind.REPLY)])
        assert [subject for subject, _ in jobs()] == [str(SlackMessage.objects.get(kind="own_card"))]

    def test_of_a_new_revision_makes_new_copies(self, access_request: AccessRequest) -> None:
        show(access_request)
        AccessRequest.objects.filter(pk=access_request.pk).update(revision=2)
        show(access_request)
        assert list(SlackMessage.objects.filter(kind="card").values_list("revision", flat=True).order_by("pk")) == [
            1,
            2,
        ]

    def test_says_a_thing_once_in_each_thread_and_to_each_person(self, access_request: AccessRequest) -> None:
        once = [line(SlackKind.REPLY), line(SlackKind.NOTICE, "U0ALICE")]
        show(access_request, once=once)
        show(access_request, once=once)
        card = SlackMessage.objects.get(kind="card")
        reply, notice = SlackMessage.objects.get(kind="reply"), SlackMessage.objects.get(kind="notice")
        assert (reply.thread, reply.channel) == (card, "C0DATA")
        assert (notice.thread, notice.channel) == (None, "U0ALICE")
        assert notice.content is not None
        assert notice.content["text"] == "bob approved."
        assert len(jobs()) == 4
        assert [lane for _, lane in jobs()][2:] == ["send_to_slack/C0DATA", "send_to_slack/U0ALICE"]

    def test_an_alarm_waits_for_nothing_that_only_a_worker_would_carry(self, access_request: AccessRequest) -> None:
        AccessRequest.objects.filter(pk=access_request.pk).update(is_break_glass=True)
        access_request.refresh_from_db()
        show(access_request, once=[line(SlackKind.NOTICE, "U0ALICE")])
        assert ("break_glass", "send_to_slack/U0ALICE/alarm") in OutboxMessage.objects.values_list("queue", "lane")

    def test_says_nothing_where_it_stands_already(self, access_request: AccessRequest) -> None:
        show(access_request)
        card = SlackMessage.objects.get(kind="card")
        slack_messages.mark_posted(message_id=card.pk, posted_in="C0DATA", ts="1.1", drawing=Drawing("a", make.now()))
        show(access_request, once=[replace(line(SlackKind.REPLY), but_in="C0DATA/1.1")])
        assert not SlackMessage.objects.filter(kind="reply").exists()


class TestSay:
    def test_may_be_in_a_thread(self, access_request: AccessRequest) -> None:
        show(access_request)
        card = SlackMessage.objects.get(kind="card")
        slack_messages.say(said=line(SlackKind.WHISPER, "U0BOB", about=""), thread_id=card.pk)
        said = SlackMessage.objects.get(kind="whisper")
        assert (said.thread, said.channel) == (card, "C0DATA")

    def test_goes_past_what_waits_for_its_channel(self, access_request: AccessRequest) -> None:
        for about in (access_request.pk, None, 99_999):
            said = line(SlackKind.WHISPER, "C0DATA", about="")
            slack_messages.say(said=said, access_request_id=about)
        found = list(SlackMessage.objects.order_by("pk"))
        assert [one.access_request_id for one in found] == [access_request.pk, None, None]
        assert [lane for _, lane in jobs()] == [f"send_to_slack/{one}" for one in found]


class TestTell:
    def test_goes_to_each_once(self, access_request: AccessRequest) -> None:
        once = [line(SlackKind.NOTICE, account, about="notice-7") for account in ("U0BOB", "U0GRACE")]
        slack_messages.tell(once=once, access_request_id=access_request.pk)
        slack_messages.tell(once=once)
        found = SlackMessage.objects.filter(kind="notice").order_by("pk")
        assert [(one.channel, one.access_request_id) for one in found] == [
            ("U0BOB", access_request.pk),
            ("U0GRACE", access_request.pk),
        ]
        assert len(jobs()) == 2


class TestATest:
    @pytest.fixture(autouse=True)
    def asked_there(self, settings: Settings) -> None:
        settings.ACCESS_SLACK, settings.ACCESS_SLACK_CHANNELS = True, {"data-owners": "C0DATA"}

    def test_is_said_once_at_a_time_in_a_channel_in_which_people_are_asked(self, cast: Cast) -> None:
        traces = Traces()
        said = slack_messages.test(channel="C0DATA", by=cast.erin, via=Via.WEB)
        assert traces.events() == [("slack.test_asked", "erin", "slack/C0DATA")]
        assert (said.channel, said.state, said.thread) == ("C0DATA", "wanted", None)
        assert jobs() == [(str(said), "send_to_slack/C0DATA")]
        with refuses(NotReady, match="is on its way"):
            slack_messages.test(channel="C0DATA", by=cast.erin, via=Via.WEB)
        slack_messages.mark_dead(message_id=said.pk, why="It is archived.")
        assert slack_messages.test(channel="C0DATA", by=cast.erin, via=Via.WEB).pk != said.pk

    def test_is_for_administrators_and_for_no_other_channel(self, cast: Cast, settings: Settings) -> None:
        with refuses(Refused, match="Only administrators"):
            slack_messages.test(channel="C0DATA", by=cast.bob, via=Via.WEB)
        for channel, is_on in (("C0OTHER", True), ("", True), ("C0DATA", False)):
            settings.ACCESS_SLACK = is_on
            with refuses(Refused, match="Nobody is asked in that channel"):
                slack_messages.test(channel=channel, by=cast.erin, via=Via.WEB)


class TestWhatBecameOfIt:
    def test_keeps_when_it_was_first_posted(self, access_request: AccessRequest, clock: MovableClock) -> None:
        show(access_request)
        copy = SlackMessage.objects.get(kind="own_card")
        slack_messages.mark_begun(message_id=copy.pk, into="D0ALICE")
        copy.refresh_from_db()
        assert (copy.state, copy.posted_in, copy.ts) == (SlackState.WANTED, "D0ALICE", "")
        slack_messages.mark_posted(message_id=copy.pk, posted_in="D0ALICE", ts="1.1", drawing=Drawing("a", make.now()))
        copy.refresh_from_db()
        first = copy.posted_at
        slack_messages.mark_posted(message_id=copy.pk, posted_in="D0ALICE", ts="1.1", drawing=Drawing("b", make.now()))
        copy.refresh_from_db()
        assert (copy.state, copy.posted_in, copy.ts, copy.rendered_hash) == (SlackState.POSTED, "D0ALICE", "1.1", "b")
        assert copy.posted_at == first

    def test_a_job_that_was_lost_is_filed_again(self, access_request: AccessRequest) -> None:
        show(access_request)
        OutboxMessage.objects.filter(job="send_to_slack").delete()
        copies = list(SlackMessage.objects.values_list("pk", flat=True).order_by("pk"))
        slack_messages.file_stragglers(message_ids=copies)
        slack_messages.file_stragglers(message_ids=copies)
        assert len(jobs()) == 2


class TestArrivals:
    def test_count_once_and_are_answered_alike(self, cast: Cast) -> None:
        assert slack_arrivals.take(digest="d").is_first
        assert slack_arrivals.take(digest="d") == slack_arrivals.Taken(is_first=False)
        slack_arrivals.keep(digest="d", answer={"response_action": "clear"})
        assert slack_arrivals.take(digest="d").answer == {"response_action": "clear"}
        slack_arrivals.let_go(digest="d")
        assert slack_arrivals.take(digest="d").is_first
        assert SlackArrival.objects.count() == 1

    def test_that_are_rejected_are_kept_once_a_minute_and_kind(self, cast: Cast) -> None:
        for what in ("signature", "signature", "workspace"):
            slack_arrivals.note_rejected(what=what, why="it was signed by another")
        kept = AuditEvent.objects.filter(event="slack.rejected").order_by("sequence")
        assert list(kept.values_list("subject", "via")) == [("slack/signature", "slack"), ("slack/workspace", "slack")]
