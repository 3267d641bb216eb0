"""Guards the page on which Slack is set up: true about what comes, goes and waits, and for administrators alone."""

from __future__ import annotations

import re
from datetime import timedelta

from pytest_django import Settings

from accessrequests.models import OutboxMessage, Person, SlackArrival, SlackIdentity, SlackMessage
from accessrequests.operations import slack_arrivals, slack_messages
from accessrequests.queries import slack_setup
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of

PAGE = "/settings/slack/"


def words(cast: Cast, query: str = "") -> str:
    html = text_of(signed_in(cast.erin).get(f"{PAGE}{query}"))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_where_it_is_off_it_says_how_it_is_turned_on(cast: Cast, settings: Settings) -> None:
    shown = words(cast)
    assert "Slack is off." in shown
    assert f"request_url: {settings.ACCESS_BASE_URL}/slack/events" in shown
    assert "access.example.com" not in shown.replace(settings.ACCESS_BASE_URL, "")
    assert "Nobody has linked an account yet." in shown
    for base, is_reached in (
        ("http://127.0.0.1:8123", False),
        ("https://access.localhost", False),
        ("https://a.example", True),
    ):
        settings.ACCESS_BASE_URL = base
        assert ("They cannot: this address is" not in words(cast)) is is_reached


def test_of_socket_mode_it_names_no_address(cast: Cast, settings: Settings) -> None:
    settings.ACCESS_SLACK_MODE = "socket"
    manifest = slack_setup.manifest()
    assert "socket_mode_enabled: true" in manifest
    assert "url" not in manifest


def test_says_what_comes_and_goes_and_where_people_are_asked(cast: Cast, settings: Settings) -> None:
    settings.ACCESS_SLACK = True
    settings.ACCESS_SLACK_CHANNELS = {"data-owners": "C0DATA", "break-glass": "C0LOUD"}
    make.publish_rules(
        make.rule("production"),
        make.rule("reporting", approvals=[{"group": "security", "people": 1}], escalate={"after": "PT1H", "to": "x"}),
    )
    request = make.submit(cast.alice)
    slack_messages.show(access_request_id=request.pk, channels=["C0DATA", "C0GONE"], people=[])
    kept, gone = SlackMessage.objects.order_by("pk")
    slack_messages.mark_dead(message_id=gone.pk, why="Slack refused it (channel_not_found).")
    OutboxMessage.objects.filter(subject=str(kept)).update(
        ready_at=make.now() + timedelta(minutes=1), failures=1, last_error="Slack asks for patience."
    )
    slack_arrivals.note_rejected(what="signature", why="it was signed by another")
    SlackArrival.objects.create(digest="d", at=make.now())

    shown = words(cast)
    assert "1 failing" in shown
    assert "Slack asks for patience." in shown
    assert f"C0GONE request {request.pk}" in shown
    assert "it was signed by another" in shown
    assert "nothing yet" not in shown
    assert "1 At most one a minute of each kind is recorded" in shown
    for route in ("production data-owners is asked C0DATA", "reporting security is asked none, so by mail alone"):
        assert route in shown
    assert "x may answer later" in shown
    assert "C0LOUD every break-glass not tested" in shown


def test_sends_a_test_message_and_says_what_became_of_it(cast: Cast, settings: Settings) -> None:
    settings.ACCESS_SLACK, settings.ACCESS_SLACK_CHANNELS = True, {"*": "C0REST"}
    erin = signed_in(cast.erin)
    assert erin.press(PAGE, action="/settings/slack/test/").status_code == 303
    said = SlackMessage.objects.get()
    assert said.channel == "C0REST"
    assert "C0REST every other group on its way" in words(cast)
    assert erin.press(PAGE, action="/settings/slack/test/").status_code == 409
    slack_messages.mark_dead(message_id=said.pk, why="The channel is archived.")
    assert "The channel is archived." in words(cast)


def test_lists_who_is_linked_a_page_at_a_time(cast: Cast) -> None:
    folk = Person.objects.bulk_create(
        [
            Person(username=f"p{number:02}", name="P", email=f"p{number}@x.org", created_at=make.now())
            for number in range(26)
        ]
    )
    SlackIdentity.objects.bulk_create(
        [
            SlackIdentity(person=one, team_id="T0ACME", slack_user_id=f"U{one.username}", linked_at=make.now())
            for one in folk
        ]
    )
    assert "Up00" in words(cast)
    assert "Up25" not in words(cast)
    assert "Up25" in words(cast, "?page=2")
