"""Guards by which channels people are told: each as they chose, once, in the same words, and never by none."""

from __future__ import annotations

import pytest
from django.core import mail
from pytest_django import Settings

from accessrequests.domain.events import Event, Job, Via
from accessrequests.models import Grant, OutboxMessage, Person, SlackMessage
from accessrequests.operations import access_requests, grants, slack_places
from accessrequests.operations.slack_arrivals import SOMEBODY
from tests import glass, make
from tests.make import Cast
from tests.reviews import start
from tests.slack.workspace import WebApi, link
from tests.workers.rows import carry, due_now
from tests.workers.test_notify import Refusing

REFUSING = f"{Refusing.__module__}.{Refusing.__name__}"


@pytest.fixture
def cast(committed_cast: Cast, settings: Settings) -> Cast:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.outbox.clear()
    return committed_cast


def not_by(person: Person, *off: str) -> None:
    Person.objects.filter(pk=person.pk).update(not_told_by=list(off))


def mailed() -> set[str]:
    return {one.to[0].partition("@")[0] for one in mail.outbox}


def told_in_slack() -> dict[str, str]:
    found = SlackMessage.objects.filter(kind="notice").order_by("pk")
    return {one.channel: str((one.content or {})["text"]) for one in found}


def tell(event: Event) -> None:
    message = OutboxMessage.objects.filter(job="notify", event=event.value).latest("pk")
    OutboxMessage.objects.exclude(pk=message.pk).delete()
    carry(Job.NOTIFY, message.subject)


def test_of_a_request_the_card_tells_in_slack_and_who_wants_no_mail_is_told_alone(cast: Cast) -> None:
    link(cast.bob)
    make.submit(cast.alice)
    tell(Event.ACCESS_REQUEST_SUBMITTED)
    assert (mailed(), told_in_slack()) == ({"bob", "grace"}, {})
    mail.outbox.clear()
    not_by(cast.bob, "answers/mail")
    not_by(cast.grace, "answers/mail")
    make.submit(cast.alice, roles=("read@shop.customers",))
    tell(Event.ACCESS_REQUEST_SUBMITTED)
    assert mailed() == {"grace"}, "nobody is linked as grace"
    assert list(told_in_slack()) == ["U0BOB"]


def test_by_mail_once_slack_would_not_take_it(cast: Cast) -> None:
    link(cast.bob)
    not_by(cast.bob, "answers/mail")
    for state, by_mail in (("posted", {"grace"}), ("dead", {"bob", "grace"})):
        SlackMessage.objects.create(kind="notice", channel="U0BOB", state=state, created_at=make.now(), about=state)
        mail.outbox.clear()
        make.submit(cast.alice, roles=("read@shop.customers",) if state == "dead" else ("read@shop.orders",))
        tell(Event.ACCESS_REQUEST_SUBMITTED)
        assert mailed() == by_mail
        SlackMessage.objects.filter(state="wanted").delete()


def test_by_mail_what_slack_will_not_take(cast: Cast, web_api: WebApi, settings: Settings) -> None:
    link(cast.bob)
    not_by(cast.bob, "answers/mail")
    access_request = make.submit(cast.alice)
    tell(Event.ACCESS_REQUEST_SUBMITTED)
    asked = {one.to[0]: one.subject for one in mail.outbox}
    mail.outbox.clear()
    copy, taking = SlackMessage.objects.get(kind="notice"), settings.EMAIL_BACKEND
    for backend, state in ((REFUSING, "wanted"), (taking, "dead")):
        settings.EMAIL_BACKEND = backend
        web_api.refuse("user_disabled")
        due_now(Job.SEND_TO_SLACK, copy)
        carry(Job.SEND_TO_SLACK, copy)
        copy.refresh_from_db()
        assert copy.state == state, "It is not given up before somebody has been told."
    (sent,) = mail.outbox
    assert (sent.to, [sent.subject]) == ([cast.bob.email], list(asked.values()))
    assert f"/approvals/{access_request.pk}/" in sent.body


def test_by_mail_while_the_app_is_gone(cast: Cast) -> None:
    link(cast.bob)
    not_by(cast.bob, "answers/mail")
    slack_places.stop(why="The app was uninstalled from the workspace.", by=SOMEBODY)
    make.submit(cast.alice)
    tell(Event.ACCESS_REQUEST_SUBMITTED)
    assert (mailed(), told_in_slack()) == ({"bob", "grace"}, {})


def test_of_ones_own_as_one_chose(cast: Cast) -> None:
    link(cast.alice)
    not_by(cast.alice, "own/mail")
    access_request = make.submit(cast.alice)
    access_requests.deny(
        access_request_id=access_request.pk, approver=cast.bob, via=Via.WEB, revision=1, reason="Use the replica."
    )
    tell(Event.ACCESS_REQUEST_DENIED)
    assert mailed() == set()


def test_of_a_break_glass_and_its_review_by_both(cast: Cast) -> None:
    link(cast.erin)
    not_by(cast.erin, "alarms/mail")
    glass.broken(cast.frank)
    tell(Event.BREAKGLASS_ACTIVATED)
    assert "erin" in mailed()
    assert told_in_slack()["U0ERIN"].startswith("BREAK-GLASS")


def test_of_the_end_of_a_break_glass_by_the_name_of_who_ended_it(cast: Cast) -> None:
    link(cast.erin)
    broken = make.activated(Grant.objects.get(access_request=glass.broken(cast.frank)))
    grants.revoke(grant_id=broken.pk, person=cast.carol, via=Via.SLACK, reason="Enough.")
    grants.mark_cut(cuts=[grants.Cut(broken.pk, {"users": 0})])
    tell(Event.BREAKGLASS_ENDED)
    said = told_in_slack()["U0ERIN"]
    assert "It has ended: Carol Castillo revoked it" in said
    assert "Somebody of security other than Frank Fischer reviews it by" in said


@pytest.mark.parametrize("event", [Event.BREAKGLASS_ENDED, Event.ACCESS_REQUEST_COMMENTED])
def test_a_mail_server_that_is_away_holds_up_nobody_in_slack(cast: Cast, settings: Settings, event: Event) -> None:
    settings.EMAIL_BACKEND = REFUSING
    hearers = [cast.erin, cast.frank, cast.bob]
    link(*hearers)
    if event is Event.BREAKGLASS_ENDED:
        glass.ended(glass.broken(cast.frank))
        expected = {"U0ERIN", "U0FRANK"}
    else:
        for person in hearers:
            not_by(person, "answers/mail")
        access_request = make.submit(cast.alice)
        access_requests.comment(access_request_id=access_request.pk, person=cast.erin, via=Via.WEB, text="Why today?")
        expected = {"U0BOB"}
    tell(event)
    assert OutboxMessage.objects.get(job="notify").failures == 1
    assert set(told_in_slack()) >= expected


def test_of_an_access_review_once_however_often_it_is_tried(cast: Cast) -> None:
    link(cast.bob)
    make.active_grant(cast.alice, cast.bob)
    campaign = start(cast.erin)
    tell(Event.ACCESS_REVIEW_STARTED)
    OutboxMessage.objects.filter(job="notify").update(done_at=None)
    carry(Job.NOTIFY, str(campaign))
    assert "bob" in mailed()
    assert [text.partition(":")[0] for text in told_in_slack().values()] == ["To review"]
    assert SlackMessage.objects.filter(kind="notice").count() == 1
