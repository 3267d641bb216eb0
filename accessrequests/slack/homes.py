"""The Home of the app: somebody opens it, and a worker draws it."""

from __future__ import annotations

from accessrequests.operations import slack_homes
from accessrequests.slack import caller
from accessrequests.slack.arrival import Arrival
from accessrequests.slack.caller import Turned


def opened(arrival: Arrival) -> None:
    """Whose it is, is looked up when it is drawn. The other tab, messages, needs nothing of us."""
    account = arrival.account.slack_user_id[:32]
    if account and arrival.text("event", "tab") == "home":
        slack_homes.open_home(slack_user_id=account)


def link(arrival: Arrival) -> None:
    """Whoever is linked to nobody is sent the way to link; whoever is by now, sees their Home."""
    person = caller.person_of(arrival)
    if isinstance(person, Turned):
        caller.turn_away(arrival, person)
    else:
        slack_homes.open_home(slack_user_id=arrival.account.slack_user_id[:32])
