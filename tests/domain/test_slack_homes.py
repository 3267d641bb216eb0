"""Guards the Home in Slack: valid for Slack's own models whatever somebody wrote, and the same until something changes."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

from slack_sdk.models.views import View

from accessrequests.domain import slack_homes
from accessrequests.domain.block_kit import Block, Message
from accessrequests.domain.slack_homes import HomeFacts
from tests.domain.test_slack_cards import LIVE, elements, sound, texts
from tests.slack.pieces import AT, BASE, EVIL, GRAVE, HOME_FACTS, OWN_ASK


def fits(view: Block) -> None:
    assert len(view["blocks"]) <= 100
    named = [block["block_id"] for block in view["blocks"] if "block_id" in block]
    assert len(set(named)) == len(named)
    for start in range(0, len(view["blocks"]), 50):
        sound(Message("x", view["blocks"][start : start + 50]))
    given_back = View(**view).to_dict()
    assert given_back["type"] == view["type"]
    assert len(json.dumps(view)) < 250_000


def shown(view: Block) -> str:
    return texts(Message("", view["blocks"]))


def test_tells_what_waits_what_one_has_and_how_long() -> None:
    view = slack_homes.home(HOME_FACTS, at=AT - timedelta(minutes=90, seconds=5))
    fits(view)
    assert shown(view).count("1 hour 30 minutes left") == 10
    assert "3 more in the portal" in shown(view)
    labels = [one["text"]["text"] for one in elements(view["blocks"])]
    assert labels[:6] == ["Ask for access", "Open the portal", "Approve", "Shorter…", "Deny…", "Open in portal"]
    assert labels.count("End now") == 10
    assert HOME_FACTS.numbers == [*range(1, 21), *range(31, 41)]
    assert labels.count("Take back") == 10


def test_of_somebody_who_has_nothing_says_so() -> None:
    view = slack_homes.home(HomeFacts(base_url=BASE), at=None)
    fits(view)
    assert "Nothing waits for you." in shown(view)
    assert "You have no access now." in shown(view)


def test_is_the_same_from_minute_to_minute_but_for_the_time_left() -> None:
    assert slack_homes.home(HOME_FACTS, at=None) == slack_homes.home(HOME_FACTS, at=None)
    assert "left" not in shown(slack_homes.home(HOME_FACTS, at=None))
    assert "Less than a minute left" in shown(slack_homes.home(HOME_FACTS, at=AT - timedelta(seconds=30)))


def test_has_nothing_live_in_it_that_somebody_wrote() -> None:
    written: dict[str, Any] = dict.fromkeys(("title", "sentence", "reason", "ticket", "confirm"), EVIL * 20)
    facts = replace(
        HOME_FACTS,
        waiting=[replace(one, **written, **GRAVE) for one in HOME_FACTS.waiting],
        held=[replace(one, **written) for one in HOME_FACTS.held],
        asked=[replace(OWN_ASK, words=EVIL)],
    )
    view = slack_homes.home(facts, at=AT)
    fits(view)
    assert not LIVE.search(re.sub(r"<!date\^\d+\^[^>]*>", "", shown(view)))


def test_of_an_account_of_nobody_has_one_way_on_and_of_one_that_is_off_none() -> None:
    fits(slack_homes.unlinked())
    assert [one["action_id"] for one in elements(slack_homes.unlinked()["blocks"])] == ["link"]
    fits(slack_homes.switched_off())
    assert elements(slack_homes.switched_off()["blocks"]) == []
