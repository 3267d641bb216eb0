"""Guards what is seen in Slack: a copy wherever somebody is asked, each as true as the rows are, whatever Slack answers."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models import Exists, OuterRef
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import AccessRequest, OutboxMessage, Person, SlackIdentity, SlackMessage
from accessrequests.operations import access_requests, grants, slack_identities, slack_messages
from accessrequests.queries import slack, slack_setup
from tests import glass, make
from tests.make import Cast
from tests.slack.workspace import WebApi, account_of, link, pressed, send_payload
from workers import handlers, slack_copies


@pytest.fixture
def cast(committed_cast: Cast) -> Cast:
    """Workers close connections, so that nothing may be left uncommitted."""
    return committed_cast


JOBS = [Job.SHOW_IN_SLACK.value, Job.SEND_TO_SLACK.value, Job.SHOW_HOME.value]


def carry(*, most: int = 60) -> None:
    """Carry all that is for Slack, in the order of its lanes, as if the pace were kept."""
    older = OutboxMessage.objects.filter(lane=OuterRef("lane"), pk__lt=OuterRef("pk"), done_at=None)
    for _ in range(most):
        waiting = OutboxMessage.objects.filter(job__in=JOBS, done_at=None).exclude(Exists(older)).order_by("pk")
        message = waiting.filter(failures=0).first()
        if message is None:
            return
        SlackMessage.objects.update(posted_at=None)
        OutboxMessage.objects.filter(pk=message.pk).update(ready_at=make.now())
        handlers.carry(message_id=message.pk, owner="test")
    raise AssertionError("There was more to carry than anybody meant.")


def words(call: dict[str, Any]) -> str:
    return json.dumps(call["blocks"], ensure_ascii=False)


def labels(call: dict[str, Any]) -> list[str]:
    return [
        element["text"]["text"]
        for block in call["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
    ]


def deny(access_request: AccessRequest, person: Person) -> None:
    access_requests.deny(
        access_request_id=access_request.pk, approver=person, via=Via.WEB, revision=1, reason="Use the replica."
    )


class TestCards:
    def test_stand_where_people_are_asked_and_with_whose_it_is(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.alice, cast.bob)
        access_request = make.submit(cast.alice)
        carry()
        posted = {call["channel"]: call for call in web_api.of("chat.postMessage")}
        assert set(posted) == {"C0DATA", "U0ALICE"}
        assert labels(posted["C0DATA"]) == ["Approve", "Shorter…", "Deny…", "Open in portal"]
        assert labels(posted["U0ALICE"]) == ["Take back", "Open in portal"]
        approve = posted["C0DATA"]["blocks"][-1]["elements"][0]
        assert (approve["value"], approve["style"]) == (f"v1.{access_request.pk}.1", "primary")
        assert "confirm" in approve
        own = SlackMessage.objects.get(kind="own_card")
        assert (own.channel, own.posted_in, own.state) == ("U0ALICE", "D0ALICE", "posted")

    def test_lose_their_buttons_whatever_way_it_was_decided(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.alice)
        access_request = make.submit(cast.alice)
        carry()
        deny(access_request, cast.bob)
        carry()
        updated = {call["channel"]: call for call in web_api.of("chat.update")}
        assert set(updated) == {"C0DATA", "D0ALICE"}
        assert all(labels(call) == [] for call in updated.values())
        assert all(call["text"] for call in updated.values())
        assert "Bob Brandt denied it: Use the replica." in words(updated["C0DATA"])

    def test_say_that_it_is_live_and_can_be_ended(self, cast: Cast, web_api: WebApi) -> None:
        access_request = make.submit(cast.alice)
        carry()
        make.approve(access_request, cast.bob)
        make.activated(access_request.grant)
        carry()
        assert labels(web_api.of("chat.update")[-1]) == ["End now", "Open in portal"]
        assert "Live until" in words(web_api.of("chat.update")[-1])

    def test_of_a_service_stand_with_its_owner_who_alone_has_the_buttons(self, cast: Cast, web_api: WebApi) -> None:
        link(cast.alice, cast.bob)
        runner = make.make_service()
        access_request = make.submit(cast.alice, grantee=runner.username)
        carry()
        assert {call["channel"] for call in web_api.of("chat.postMessage")} == {"C0DATA", "U0ALICE", "U0BOB"}
        make.approve(access_request, cast.grace)
        make.activated(access_request.grant)
        carry()
        updated = {call["channel"]: labels(call) for call in web_api.of("chat.update")}
        assert updated["D0BOB"] == ["Extend…", "End now", "Open in portal"]
        assert updated["D0ALICE"] == ["Open in portal"]
        told = SlackMessage.objects.filter(kind="notice").values_list("channel", flat=True)
        assert set(told) == {"U0ALICE", "U0BOB"}

    @pytest.mark.parametrize("became", ["nobody's", "another's", "off"])
    def test_of_ones_own_are_emptied_when_the_account_is_theirs_no_more(
        self, cast: Cast, web_api: WebApi, became: str
    ) -> None:
        link(cast.alice)
        access_request = make.submit(cast.alice)
        carry()
        linked = SlackIdentity.objects.get(person=cast.alice)
        if became == "nobody's":
            slack_identities.unlink(identity_id=linked.pk, by=cast.alice)
        elif became == "another's":
            SlackIdentity.objects.filter(pk=linked.pk).update(person=cast.mallory)
            deny(access_request, cast.bob)
        else:
            make.apply("alice", active=False)
        carry()
        (last,) = [call for call in web_api.of("chat.update") if call["channel"] == "D0ALICE"]
        assert "linked to nobody whose access it is" in words(last)
        assert "Use the replica." not in words(last)
        assert SlackMessage.objects.get(kind="own_card").state == "dead"

    def test_are_not_sent_again_when_nothing_has_changed(self, cast: Cast, web_api: WebApi) -> None:
        make.submit(cast.alice)
        carry()
        sent = len(web_api.calls)
        for copy in SlackMessage.objects.all():
            OutboxMessage.objects.create(
                job="send_to_slack",
                queue="notify",
                lane="x",
                subject=str(copy),
                created_at=make.now(),
                ready_at=make.now(),
            )
        carry()
        assert len(web_api.calls) == sent

    def test_of_an_edited_request_are_new_and_the_old_ones_say_so(self, cast: Cast, web_api: WebApi) -> None:
        from_before = make.submit(cast.alice)
        carry()
        access_requests.edit(
            access_request_id=from_before.pk,
            requester=cast.alice,
            via=Via.WEB,
            revision=1,
            changes={"reason": "Refund totals are off for thirteen orders."},
        )
        carry()
        (old,) = web_api.of("chat.update")
        assert labels(old) == []
        assert "was changed by its requester" in words(old)
        assert labels(web_api.of("chat.postMessage")[1])[0] == "Approve"

    def test_with_a_second_factor_offer_no_approval(self, cast: Cast, web_api: WebApi) -> None:
        make.publish_rules(make.rule("production", step_up=True))
        make.submit(cast.alice)
        carry()
        assert labels(web_api.of("chat.postMessage")[0]) == ["Deny…", "Open to approve"]

    def test_of_a_break_glass_go_before_what_others_wait_for(
        self, cast: Cast, web_api: WebApi, settings: Settings
    ) -> None:
        settings.ACCESS_SLACK_CHANNELS = {"*": "C0REST", "break-glass": "C0LOUD"}
        make.submit(cast.alice)
        glass.broken(cast.frank)
        carry()
        queues = dict(OutboxMessage.objects.filter(job__in=JOBS).values_list("subject", "queue"))
        about = {str(copy): copy.access_request for copy in SlackMessage.objects.select_related("access_request")}
        about |= {str(one): one for one in AccessRequest.objects.all()}
        urgent = {subject: "break_glass" if one and one.is_break_glass else "notify" for subject, one in about.items()}
        assert queues == urgent
        assert set(urgent.values()) == {"break_glass", "notify"}
        loud = [
            one.channel
            for one in SlackMessage.objects.filter(kind="card")
            if one.access_request and one.access_request.is_break_glass
        ]
        assert sorted(loud) == ["C0LOUD", "C0REST"]

    def test_go_nowhere_when_slack_is_off(self, cast: Cast, web_api: WebApi, settings: Settings) -> None:
        make.submit(cast.alice)
        settings.ACCESS_SLACK = False
        carry()
        assert web_api.calls == []
        assert not SlackMessage.objects.exists()
        make.submit(cast.alice, roles=("read@shop.customers",))
        assert OutboxMessage.objects.filter(job__in=JOBS, done_at=None).count() == 0


def lose_jobs() -> None:
    OutboxMessage.objects.filter(job__in=JOBS).delete()


class TestStragglers:
    def test_are_found_when_their_job_was_lost(self, cast: Cast, web_api: WebApi) -> None:
        access_request = make.submit(cast.alice)
        carry()
        card = SlackMessage.objects.get()
        assert slack.stragglers(limit=10) == [], "it is as true as it was"
        deny(access_request, cast.bob)
        assert slack.stragglers(limit=10) == [card.pk]
        lose_jobs()
        slack_messages.file_stragglers(message_ids=slack.stragglers(limit=10))
        assert slack.stragglers(limit=10) == [], "a job waits"
        carry()
        assert labels(web_api.of("chat.update")[-1]) == []
        lose_jobs()
        assert slack.stragglers(limit=10) == []
        card.refresh_from_db()
        assert card.is_final
        SlackMessage.objects.update(state="wanted")
        assert slack.stragglers(limit=10) == [card.pk]

    def test_an_access_that_ends_is_one(self, cast: Cast, web_api: WebApi) -> None:
        grant = make.active_grant(cast.alice, cast.bob)
        carry()
        assert slack.stragglers(limit=10) == []
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
        lose_jobs()
        assert slack.stragglers(limit=10) == list(SlackMessage.objects.filter(kind="card").values_list("pk", flat=True))

    def test_a_card_is_one_when_its_person_got_or_lost_another_access_there(self, cast: Cast, web_api: WebApi) -> None:
        make.submit(cast.alice, roles=("read@shop.customers",))
        carry()
        waiting = SlackMessage.objects.get()
        grant = make.active_grant(cast.alice, cast.bob)
        lose_jobs()
        assert waiting.pk in slack.stragglers(limit=10)
        slack_messages.file_stragglers(message_ids=[waiting.pk])
        carry()
        assert "There already" in words(web_api.of("chat.update")[-1])
        lose_jobs()
        assert waiting.pk not in slack.stragglers(limit=10)

        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
        grants.mark_cut(cuts=[grants.Cut(grant.pk, {})])
        lose_jobs()
        assert waiting.pk in slack.stragglers(limit=10)

    def test_all_get_their_turn_when_they_are_more_than_are_looked_for(self, cast: Cast, web_api: WebApi) -> None:
        asked = [make.submit(cast.alice, roles=(f"read@shop.{name}",)) for name in ("orders", "customers", "payments")]
        carry()
        for one in asked:
            deny(one, cast.bob)
        lost = make.submit(cast.alice)
        OutboxMessage.objects.filter(job__in=JOBS).exclude(subject=str(lost)).delete()
        handlers.carry(message_id=OutboxMessage.objects.get(job="show_in_slack").pk, owner="test")
        lose_jobs()
        found = []
        for _ in range(2):
            found.append(slack.stragglers(limit=2))
            slack_messages.file_stragglers(message_ids=found[-1])
            carry()
        cards = {card.access_request_id: card.pk for card in SlackMessage.objects.all()}
        first, second, third = (cards[one.pk] for one in asked)
        assert found == [[cards[lost.pk], first], [second, third]]
        assert slack.stragglers(limit=2) == []


class TestWhatSlackAnswers:
    def test_patience_is_kept_and_the_card_catches_up(self, cast: Cast, web_api: WebApi) -> None:
        access_request = make.submit(cast.alice)
        web_api.refuse("ratelimited", status=429, Retry_After="60")
        carry()
        waiting = OutboxMessage.objects.get(job="send_to_slack", done_at=None)
        assert 55 < (waiting.ready_at - make.now()).total_seconds() <= 60
        make.approve(access_request, cast.bob)
        provision = OutboxMessage.objects.get(job="provision", subject=str(access_request.grant))
        assert provision.ready_at <= make.now(), "Access waits for nothing that Slack says."
        OutboxMessage.objects.filter(pk=waiting.pk).update(failures=0)
        carry()
        assert SlackMessage.objects.get(kind="card").state == "posted"
        (late,) = [call for call in web_api.of("chat.postMessage")[1:] if "thread_ts" not in call]
        assert "Approved by Bob Brandt" in words(late)

    def test_a_press_without_redis_counts_and_its_card_follows(
        self, cast: Cast, web_api: WebApi, settings: Settings
    ) -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        link(cast.bob)
        access_request = make.submit(cast.alice)
        carry()
        card = SlackMessage.objects.get(kind="card")
        assert send_payload(pressed(card, account_of(cast.bob), "approve")).status_code == 200
        access_request.refresh_from_db()
        assert access_request.state == "approved"
        assert labels(web_api.of("chat.postMessage")[0])[0] == "Approve"
        carry()
        assert "Approve" not in labels(web_api.of("chat.update")[-1])

    def test_a_copy_that_slack_has_no_more_is_dead(self, cast: Cast, web_api: WebApi) -> None:
        access_request = make.submit(cast.alice)
        carry()
        deny(access_request, cast.bob)
        web_api.refuse("message_not_found")
        carry()
        copy = SlackMessage.objects.get(kind="card")
        assert (copy.state, copy.last_error) == ("dead", "Slack refused it (message_not_found).")
        assert OutboxMessage.objects.filter(job="send_to_slack", done_at=None).count() == 0

    @pytest.mark.parametrize("what", ["is_ext_shared", "is_pending_ext_shared", "is_archived"])
    def test_nobody_is_asked_where_others_read_along(self, cast: Cast, web_api: WebApi, what: str) -> None:
        web_api.channel[what] = True
        make.submit(cast.alice)
        carry()
        assert web_api.of("chat.postMessage") == []
        assert SlackMessage.objects.get().state == "dead"

    def test_nothing_is_told_in_a_thread_where_others_read_along_since(self, cast: Cast, web_api: WebApi) -> None:
        access_request = make.submit(cast.alice)
        carry()
        web_api.channel["is_ext_shared"] = True
        deny(access_request, cast.bob)
        carry()
        assert len(web_api.of("chat.postMessage")) == 1
        assert SlackMessage.objects.get(kind="reply").state == "dead"

    def test_an_invitation_of_the_app_is_waited_for(self, cast: Cast, web_api: WebApi) -> None:
        web_api.channel["is_member"] = False
        make.submit(cast.alice)
        carry()
        assert SlackMessage.objects.get().state == "wanted"
        web_api.channel["is_member"] = True
        OutboxMessage.objects.update(failures=0)
        carry()
        assert SlackMessage.objects.get().state == "posted"

    def test_an_outage_is_waited_for(self, cast: Cast, web_api: WebApi) -> None:
        make.submit(cast.alice)
        web_api.refuse("", status=503)
        carry()
        waiting = OutboxMessage.objects.get(job="send_to_slack", done_at=None)
        assert waiting.failures == 1
        assert SlackMessage.objects.get().state == "wanted"

    def test_messages_into_one_channel_keep_the_pace(self, cast: Cast, web_api: WebApi) -> None:
        """Each has its own second: a crowd that tried again together would keep the workers from everything else."""
        for role in ("orders", "customers", "products"):
            make.submit(cast.alice, roles=(f"read@shop.{role}",))
        for message in OutboxMessage.objects.filter(job="show_in_slack"):
            handlers.carry(message_id=message.pk, owner="test")
        first, *others = OutboxMessage.objects.filter(job="send_to_slack").order_by("pk")
        handlers.carry(message_id=first.pk, owner="test")
        SlackMessage.objects.filter(state="posted").update(posted_at=make.now() + timedelta(seconds=30))
        for message in others:
            handlers.carry(message_id=message.pk, owner="test")
        second, third = OutboxMessage.objects.filter(pk__in=[one.pk for one in others]).order_by("pk")
        assert (second.done_at, second.failures) == (third.done_at, third.failures) == (None, 0)
        assert third.ready_at - second.ready_at > slack_copies.PACE / 2
        assert len(web_api.of("chat.postMessage")) == 1
        last = SlackMessage.objects.filter(state="wanted").latest("pk")
        assert last.access_request is not None
        last.access_request.is_break_glass = True
        last.access_request.save()
        assert slack.waiting_before(last) == 0


def test_a_test_message_shows_whether_a_channel_is_reached(cast: Cast, web_api: WebApi) -> None:
    slack_messages.test(channel="C0REST", by=cast.erin, via=Via.WEB)
    carry()
    (said,) = web_api.of("chat.postMessage")
    assert (said["channel"], "This is a test by Erin Engel." in said["text"]) == ("C0REST", True)
    web_api.channel["is_ext_shared"] = True
    slack_messages.test(channel="C0REST", by=cast.erin, via=Via.WEB)
    carry()
    (tested,) = [one.test for one in slack_setup.channels(slack_setup.names()) if one.name == "C0REST"]
    assert tested is not None
    assert (tested.state, "shared with another company" in tested.last_error) == ("dead", True)


def test_no_secret_is_in_anything_that_was_sent(cast: Cast, web_api: WebApi) -> None:
    link(cast.alice)
    make.activated(make.approved_grant(cast.alice, cast.bob))
    carry()
    sent = json.dumps(web_api.calls)
    secrets = [
        settings.SECRET_KEY,
        *settings.ACCESS_SLACK_SIGNING_SECRETS,
        settings.ACCESS_SLACK_BOT_TOKEN,
        "mongodb://",
    ]
    assert [secret for secret in secrets if secret in sent] == []
