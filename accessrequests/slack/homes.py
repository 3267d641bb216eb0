"""The Home of the app: somebody opens it, and a worker draws it."""

from __future__ import annotations

from accessrequests.operations import slack_homes
from accessrequests.slack.arrival import Arrival


def opened(arrival: Arrival) -> None:
    """Whose it is, is looked up when it is drawn. The other tab, messages, needs nothing of us."""
    account = arrival.account.slack_user_id[:32]
    if account and arrival.text("event", "tab") == "home":
        slack_homes.open_home(slack_user_id=account)
