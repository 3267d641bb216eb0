"""Guards presses in Slack that come together: one decision, everybody told, and no press carried out twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from accessrequests.models import Approval, AuditEvent, Grant, Person, SlackArrival, SlackIdentity, SlackMessage
from accessrequests.operations import slack_arrivals, slack_identities
from accessrequests.operations.refusals import Gone
from accessrequests.operations.slack_identities import Account
from tests import make
from tests.make import Cast
from tests.slack import workspace


@pytest.fixture(autouse=True)
def slack_is_on(settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = False
    settings.ACCESS_SLACK = True
    settings.ACCESS_SLACK_SIGNING_SECRETS = [workspace.SECRET]
    settings.ACCESS_SLACK_APP_ID = workspace.APP
    settings.ACCESS_SLACK_TEAM_ID = workspace.TEAM


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Each in a thread and a connection of its own; what came of each, an exception included."""
    start, came = threading.Barrier(len(acts)), [None] * len(acts)

    def run(number: int, act: Callable[[], Any]) -> None:
        start.wait(timeout=30)
        try:
            came[number] = act()
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            came[number] = error  # type: ignore[call-overload]
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=one) for one in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return came


def test_two_approvers_and_one_place(committed_cast: Cast) -> None:
    """One approves, the other is told who was faster."""
    bob, grace = committed_cast.bob, committed_cast.grace
    workspace.link(bob, grace)
    card = workspace.copy_of(make.submit(committed_cast.alice))
    presses = [workspace.pressed(card, workspace.account_of(one), "approve") for one in (bob, grace)]
    answers = at_once(*(lambda press=press: workspace.send_payload(press) for press in presses))
    assert [one.status_code for one in answers] == [200, 200]
    assert Approval.objects.count() == Grant.objects.count() == 1
    (told,) = SlackMessage.objects.filter(kind="whisper")
    winner = AuditEvent.objects.get(event="access_request.approval_given").actor
    assert f"{Person.objects.get(username=winner).name} was faster" in str(told.content)


def test_the_same_press_twice(committed_cast: Cast) -> None:
    """One of them is the first; the other does nothing."""
    workspace.link(committed_cast.bob)
    card = workspace.copy_of(make.submit(committed_cast.alice))
    press, at = (
        workspace.pressed(card, workspace.account_of(committed_cast.bob), "approve"),
        int(make.now().timestamp()),
    )
    answers = at_once(*[lambda: workspace.send_payload(press, at=at)] * 4)
    assert [one.status_code for one in answers] == [200] * 4
    assert Approval.objects.count() == 1
    assert not SlackMessage.objects.filter(kind="whisper").exists()


def test_an_address_to_link_an_account_is_good_once(committed_cast: Cast) -> None:
    address = slack_identities.address_for(account=Account("", "T0ACME", "U0X", "x"))
    people = (committed_cast.bob, committed_cast.grace)
    came = at_once(*(lambda one=one: slack_identities.link(person=one, address=address) for one in people))
    assert sum(isinstance(one, Gone) for one in came) == 1
    assert SlackIdentity.objects.count() == 1


def test_of_many_arrivals_one_is_the_first(committed_cast: Cast) -> None:
    came = at_once(*[lambda: slack_arrivals.take(digest="d").is_first] * 6)
    assert sorted(came) == [False] * 5 + [True]
    assert SlackArrival.objects.count() == 1
