"""Guards the Home in Slack: drawn for whoever opens it, kept true, with buttons that do what those of cards do."""

from __future__ import annotations

from typing import Any

import pytest

from accessrequests.models import Grant, OutboxMessage, SlackHome, SlackMessage
from accessrequests.queries import slack_homes
from tests import make
from tests.make import Cast
from tests.slack.test_sending import carry, labels, words
from tests.slack.workspace import APP, TEAM, WebApi, account_of, link, send_event, send_payload

_NUMBERS = iter(range(1, 10_000))


@pytest.fixture
def cast(committed_cast: Cast) -> Cast:
    """Workers close connections, so that nothing may be left uncommitted."""
    return committed_cast


def opened(account: str, **changes: Any) -> None:
    answer = send_event(
        {
            "type": "event_callback",
            "api_app_id": APP,
            "team_id": TEAM,
            "event_id": f"Ev{next(_NUMBERS)}",
            "event": {"type": "app_home_opened", "user": account, "channel": "D0", "tab": "home", **changes},
        }
    )
    assert answer.status_code == 200


def pressed(account: str, action: str, number: int) -> None:
    payload = {
        "type": "block_actions",
        "api_app_id": APP,
        "team": {"id": TEAM},
        "user": {"id": account, "username": account.lower(), "team_id": TEAM},
        "container": {"type": "view", "view_id": "V1"},
        "view": {"id": "V1", "type": "home"},
        "trigger_id": f"trigger.{next(_NUMBERS)}",
        "actions": [{"action_id": action, "type": "button", "value": f"v1.{number}.1"}],
    }
    assert send_payload(payload).status_code == 200


def homes(web_api: WebApi) -> list[dict[str, Any]]:
    return [{"user": call["user_id"], **call["view"]} for call in web_api.of("views.publish")]


def test_shows_what_waits_and_what_one_has_and_follows_what_changes(cast: Cast, web_api: WebApi) -> None:
    link(cast.alice, cast.bob)
    access_request = make.submit(cast.alice)
    carry()
    assert homes(web_api) == [], "nobody has opened one"
    opened(account_of(cast.bob))
    opened(account_of(cast.alice))
    carry()
    of_bob, of_alice = homes(web_api)
    assert labels(of_bob)[2:] == ["Approve", "Shorter…", "Deny…", "Open in portal"]
    assert f"Request {access_request.pk}>: Read shop.orders on shop-prod for 2 hours" in words(of_alice)
    assert "Alice Archer wants to read shop.orders" in words(of_bob)
    assert "lapses at" not in words(of_bob), "it stands below, in his own time"

    pressed(account_of(cast.bob), "approve", access_request.pk)
    make.activated(Grant.objects.get(access_request=access_request))
    web_api.calls.clear()
    carry()
    after = {home["user"]: home for home in homes(web_api)}
    assert labels(after["U0BOB"])[2:] == []
    assert labels(after["U0ALICE"])[2:] == ["Extend…", "End now", "Open in portal"]
    assert "left" in words(after["U0ALICE"])

    pressed(account_of(cast.alice), "end", access_request.pk)
    carry()
    assert Grant.objects.get().state == "revoking"
    assert labels(homes(web_api)[-1])[2:] == []


def test_has_buttons_only_for_whom_it_was_drawn(cast: Cast, web_api: WebApi) -> None:
    link(cast.bob, cast.grace)
    access_request = make.submit(cast.alice)
    opened(account_of(cast.bob))
    carry()
    pressed(account_of(cast.grace), "approve", access_request.pk)
    access_request.refresh_from_db()
    assert access_request.state == "pending"
    assert "no message of ours" in str(SlackMessage.objects.get(kind="whisper").content)


def test_is_not_sent_again_until_it_differs_or_is_opened(cast: Cast, web_api: WebApi) -> None:
    link(cast.bob)
    opened(account_of(cast.bob))
    opened(account_of(cast.bob), tab="messages")
    carry()
    home = SlackHome.objects.get()
    assert slack_homes.behind(make.now(), limit=9) == []
    assert slack_homes.behind(home.opened_at + slack_homes.TRUE_FOR * 2, limit=9) == [home.pk]
    OutboxMessage.objects.filter(job="show_home").update(done_at=None)
    carry()
    assert len(homes(web_api)) == 1
    opened(account_of(cast.bob))
    carry()
    assert len(homes(web_api)) == 2


def test_leads_whoever_is_unknown_to_the_link_and_says_who_is_off(cast: Cast, web_api: WebApi) -> None:
    opened("U0NOBODY")
    link(cast.mallory)
    opened(account_of(cast.mallory))
    make.apply("mallory", active=False)
    carry()
    unknown, off = homes(web_api)
    assert labels(unknown) == ["Link your account"]
    assert "is off" in words(off)
    pressed("U0NOBODY", "link", 0)
    carry()
    assert "/slack/link/" in words(web_api.of("chat.postEphemeral")[-1])
    link(cast.bob)
    pressed(account_of(cast.bob), "link", 0)
    carry()
    assert "Nothing waits for you" in words(homes(web_api)[-1])


def test_opens_the_form_of_an_ask(cast: Cast, web_api: WebApi) -> None:
    link(cast.alice)
    pressed(account_of(cast.alice), "ask", 0)
    assert [call["view"]["callback_id"] for call in web_api.of("views.open")] == ["ask.target"]


@pytest.mark.parametrize(("error", "calls"), [("hash_conflict", 2), ("user_not_found", 1)])
def test_goes_on_where_slack_has_another_or_none(cast: Cast, web_api: WebApi, error: str, calls: int) -> None:
    link(cast.bob)
    opened(account_of(cast.bob))
    web_api.refuse(error)
    carry()
    assert len(homes(web_api)) == calls
    assert not OutboxMessage.objects.filter(job="show_home", done_at=None).exists()
