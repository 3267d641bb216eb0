"""The Home that Slack shows of the app to one person: what waits for them, what they have, and the way to ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from accessrequests.domain import block_kit, slack_cards
from accessrequests.domain.block_kit import Block, inert
from accessrequests.domain.slack_cards import CardFacts, OwnAsk
from accessrequests.domain.window import spell_duration

MOST = 10  # of each kind: four blocks at most for each, and Slack takes a hundred
MOST_GAINED = 4
_MINUTE = timedelta(minutes=1)
_UNLINKED = (
    "This Slack account is linked to nobody in Access Requests. Link it once, and what waits for you and what you have "
    "stands here. The button has the app send you a message with the address."
)
_OFF = "Your account in Access Requests is off. Ask your administrators."


@dataclass(frozen=True, slots=True)
class HomeFacts:
    """What stands in somebody's Home. `more_…`: how many there are that do not; `asked` are one's own that wait."""

    base_url: str
    waiting: Sequence[CardFacts] = ()
    more_waiting: int = 0
    held: Sequence[CardFacts] = ()
    more_held: int = 0
    asked: Sequence[OwnAsk] = ()

    @property
    def numbers(self) -> list[int]:
        return [*(facts.number for facts in (*self.waiting, *self.held)), *(ask.number for ask in self.asked)]


def home(facts: HomeFacts, *, at: datetime | None) -> Block:
    """The whole view from what is true at this moment; without one, without what every minute changes."""
    base = facts.base_url
    ask = [
        block_kit.button("Ask for access", action=slack_cards.ASK, style="primary"),
        block_kit.button("Open the portal", action=slack_cards.OPEN, url=f"{base}/"),
    ]
    blocks = [block_kit.actions("home:ask", ask), block_kit.header("Waiting for you")]
    for one in facts.waiting:
        blocks += [*_told(one, at=at), *_at_stake(one), block_kit.section(block_kit.quoted(one.reason))]
        blocks += slack_cards.buttons(one)
    blocks += _end_of(facts.waiting, facts.more_waiting, "Nothing waits for you.", f"{base}/approvals/")
    blocks.append(block_kit.header("Your access"))
    for one in facts.held:
        blocks += [*_told(one, at=at), *slack_cards.buttons(one)]
    blocks += _end_of(facts.held, facts.more_held, "You have no access now.", f"{base}/access/")
    if facts.asked:
        blocks += [block_kit.header("You wait for"), *map(slack_cards.own_ask, facts.asked)]
    if at is not None:
        blocks.append(block_kit.context(f"As of {block_kit.date(at)}."))
    return {"type": "home", "blocks": blocks}


def unlinked() -> Block:
    """The Home of an account that is nobody's yet. Its button carries nothing: whoever presses it is sent a way to link."""
    link = block_kit.button("Link your account", action=slack_cards.LINK, style="primary")
    blocks = [block_kit.section(_UNLINKED), block_kit.actions("home:link", [link])]
    return {"type": "home", "blocks": blocks}


def switched_off() -> Block:
    """The Home of somebody who may not sign in."""
    return {"type": "home", "blocks": [block_kit.section(_OFF)]}


def _told(facts: CardFacts, *, at: datetime | None) -> list[Block]:
    left = f" *{_left(facts.ends_at - at)}.*" if facts.ends_at is not None and at is not None else ""
    title = f"*<{facts.url}|{inert(facts.title, 200)}>*"
    ends = f"\nEnds {block_kit.date(facts.ends_at)}.{left}" if facts.ends_at is not None else ""
    lapses = f"\nLapses {block_kit.date(facts.lapses_at)}." if facts.lapses_at is not None else ""
    ticket = f"\nTicket {inert(facts.ticket, 200)}" if facts.ticket else ""
    return [block_kit.section(f"{title}\n{block_kit.dated(inert(facts.sentence, 600))}{ends}{lapses}{ticket}")]


def _at_stake(facts: CardFacts) -> list[Block]:
    """The same as on a card, in one block."""
    gained = " ".join(inert(one, 120) for one in facts.gained[:MOST_GAINED])
    more = f" And {len(facts.gained) - MOST_GAINED} more." if len(facts.gained) > MOST_GAINED else ""
    named = (
        ("Target", inert(", ".join(filter(None, (facts.target, facts.environment))), 200)),
        ("Data", inert(facts.data, 200)),
        ("Reach", inert(facts.reach, 200)),
        ("New", f"{gained}{more}"),
        ("There already", block_kit.dated(inert(" ".join(facts.held), 200))),
    )
    lines = [f"{name}: {text}" for name, text in named if text]
    unusual = [f"*{inert(facts.unusual, 200)}*"] if facts.unusual else []
    return [block_kit.section("\n".join([*lines, *unusual]))]


def _left(left: timedelta) -> str:
    if left < _MINUTE:
        return "Less than a minute left"
    return f"{spell_duration(left - left % _MINUTE)} left"


def _end_of(shown: Sequence[CardFacts], more: int, none: str, url: str) -> list[Block]:
    if not shown:
        return [block_kit.section(none)]
    return [block_kit.section(f"<{url}|{more} more in the portal>")] if more > 0 else []
