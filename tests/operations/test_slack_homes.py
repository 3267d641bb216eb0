"""Guards the Homes in Slack: kept for whoever opened one, and one job for each that nobody is about to draw."""

from __future__ import annotations

from accessrequests.models import OutboxMessage, SlackHome
from accessrequests.operations import slack_homes
from tests import make
from tests.fixtures import MovableClock


def jobs() -> list[str]:
    found = OutboxMessage.objects.filter(job="show_home", done_at=None).order_by("pk")
    return list(found.values_list("subject", flat=True))


def test_is_kept_once_and_drawn_whenever_it_is_opened(db: None, clock: MovableClock) -> None:
    first = slack_homes.open_home(slack_user_id="U0BOB")
    again = slack_homes.open_home(slack_user_id="U0BOB")
    assert (SlackHome.objects.get(), again.opened_at > first.opened_at) == (first, True)
    assert jobs() == [str(first)]
    OutboxMessage.objects.update(claimed_until=make.now())
    slack_homes.open_home(slack_user_id="U0BOB")
    assert jobs() == [str(first)] * 2


def test_is_drawn_anew_only_where_it_was_opened_and_for_whom_something_changed(db: None, clock: MovableClock) -> None:
    bob, grace, mallory = (slack_homes.open_home(slack_user_id=f"U0{name}") for name in ("BOB", "GRACE", "MALLORY"))
    slack_homes.mark_published(home_id=grace.pk, rendered_hash="a", view_hash="b", shows=[7], at=make.now())
    OutboxMessage.objects.all().delete()
    slack_homes.refresh(slack_user_ids=["U0BOB", "U0NEVER"], access_request_id=7)
    assert jobs() == [str(bob), str(grace)]
    slack_homes.refresh(slack_user_ids=["U0MALLORY"])
    slack_homes.file_behind(home_ids=[bob.pk, mallory.pk])
    assert jobs() == [str(bob), str(grace), str(mallory)]


def test_says_until_when_it_was_true(db: None, clock: MovableClock) -> None:
    home = slack_homes.open_home(slack_user_id="U0BOB")
    slack_homes.mark_looked_at(home_id=home.pk, at=home.opened_at)
    home.refresh_from_db()
    assert (home.drawn_at, home.rendered_hash) == (home.opened_at, "")
