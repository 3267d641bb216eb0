"""Guards the link between an account of Slack and a person: signed, for ten minutes, once, and never taken over."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.models import SlackIdentity
from accessrequests.operations import slack_identities
from accessrequests.operations.refusals import Gone, Refused
from accessrequests.operations.slack_identities import Account
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, leaves_nothing, refuses

BOBS = Account("", "T0ACME", "U0BOB", "bobby")


def test_is_recorded_and_holds_for_this_account_alone(cast: Cast) -> None:
    traces = Traces()
    held = slack_identities.link(person=cast.bob, address=slack_identities.address_for(account=BOBS))
    assert (held.person, held.slack_user_id, held.team_id) == (cast.bob, "U0BOB", "T0ACME")
    assert traces.events() == [("person.slack_linked", "bob", "person/bob")]
    assert traces.facts("person.slack_linked")["slack_user"] == "U0BOB"


def test_an_address_is_good_once_and_for_ten_minutes(cast: Cast, clock: MovableClock) -> None:
    address = slack_identities.address_for(account=BOBS)
    assert slack_identities.account_of(address=address) == BOBS
    slack_identities.link(person=cast.bob, address=address)
    with refuses(Gone):
        slack_identities.link(person=cast.bob, address=address)
    old = slack_identities.address_for(account=BOBS)
    clock.advance(timedelta(minutes=10, seconds=1))
    with refuses(Gone):
        slack_identities.link(person=cast.bob, address=old)
    with pytest.raises(Gone):
        slack_identities.account_of(address=f"{old}x")


def test_of_two_at_once_the_second_finds_it_spent(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    address = slack_identities.address_for(account=BOBS)
    slack_identities.link(person=cast.bob, address=address)
    # As it looked before the other one was committed.
    monkeypatch.setattr(slack_identities, "account_of", lambda **_: BOBS)
    with refuses(Gone):
        slack_identities.link(person=cast.grace, address=address)


def test_takes_nobodys_account_and_gives_nobody_two(cast: Cast) -> None:
    link, address = slack_identities.link, slack_identities.address_for
    first = link(person=cast.bob, address=address(account=BOBS))
    with refuses(Refused, match="linked to somebody else"):
        link(person=cast.mallory, address=address(account=BOBS))
    with refuses(Refused, match="another Slack account"):
        link(person=cast.bob, address=address(account=Account("", "T0ACME", "U0OTHER", "x")))
    assert link(person=cast.bob, address=address(account=Account("", "T0ACME", "U0BOB", "bobby "))) == first
    link(person=cast.bob, address=address(account=Account("", "T0SECOND", "U0BOB", "bobby")))


def test_is_undone_by_its_person_or_an_administrator(cast: Cast) -> None:
    held = slack_identities.link(person=cast.bob, address=slack_identities.address_for(account=BOBS))
    with refuses(Refused, match="administrator"):
        slack_identities.unlink(identity_id=held.pk, by=cast.mallory)
    traces = Traces()
    slack_identities.unlink(identity_id=held.pk, by=cast.erin)
    assert traces.events() == [("person.slack_unlinked", "erin", "person/bob")]
    assert not SlackIdentity.objects.exists()
    again = slack_identities.link(person=cast.mallory, address=slack_identities.address_for(account=BOBS))
    slack_identities.unlink(identity_id=again.pk, by=cast.mallory)
    with leaves_nothing(), pytest.raises(SlackIdentity.DoesNotExist):
        slack_identities.unlink(identity_id=again.pk, by=cast.mallory)
