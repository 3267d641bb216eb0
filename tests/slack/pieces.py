"""Everything that we show in Slack, in every state that it can be in, named by the function that makes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from accessrequests.domain import slack_cards, slack_homes, slack_modals
from accessrequests.domain.block_kit import Block, Message
from accessrequests.domain.notices import Notice
from accessrequests.domain.slack_cards import APPROVE, APPROVE_SHORTER, DENY, END, EXTEND, TAKE_BACK, CardFacts, OwnAsk
from accessrequests.domain.slack_homes import HomeFacts
from accessrequests.domain.slack_modals import Offer, Terms

AT = datetime(2026, 11, 22, 18, 52, tzinfo=UTC)
BASE = "https://access.example.com"
PAGE = f"{BASE}/requests/1/"
HOURS = timedelta(hours=2)
EVIL = (
    "<!channel> <@U0BOB> <https://evil.example|Approve> *Approved by Bob* :white_check_mark: `x` ~no~ _yes_ a_b &amp;"
)
FACTS = CardFacts(
    number=2041,
    revision=1,
    title="Alice wants to read shop.orders on shop-prod for 2 hours",
    url="https://access.example.com/approvals/2041/",
    sentence="It waits for 1 person of data-owners and lapses at 23:00 UTC.",
    reason="Refund totals are off for twelve orders.",
    target="shop-prod",
    roles="read@shop.orders",
    length="2 hours",
    named="Request 2041, of Alice Archer: read@shop.orders on shop-prod.",
)
GRAVE: dict[str, Any] = {
    **dict.fromkeys(("environment", "data", "reach", "whose", "unusual"), EVIL * 9),
    **dict.fromkeys(("gained", "held"), (EVIL * 9,) * 9),
}
STATES = {
    "waiting": replace(
        FACTS,
        buttons=(APPROVE, APPROVE_SHORTER, DENY),
        lapses_at=AT,
        confirm="Alice wants to read.",
        environment="production",
        data="personal and payment",
        reach="1 of 4 collections, about 12.4 M documents: shop.orders",
        whose="Alice Archer",
        gained=tuple(f"Do thing {number} in shop.orders." for number in range(9)),
        held=("read@shop until 20:00 UTC, held already",),
        unusual="Longer than usual: the last 5 times on shop-prod were used for about 20 minutes.",
    ),
    "partly approved": replace(FACTS, buttons=(APPROVE, APPROVE_SHORTER, DENY), approved_by=("mei",), ticket="OPS-1"),
    "waiting, one's own": replace(FACTS, buttons=(TAKE_BACK,), lapses_at=AT),
    "for the portal": replace(FACTS, buttons=(DENY,), step_up=True, policy="sandbox v7"),
    "setting up": replace(FACTS, buttons=(END,), sentence="Approved by bob. Setting up."),
    "live": replace(FACTS, buttons=(END,), ends_at=AT, sentence="Live until 20:00 UTC."),
    "live, one's own": replace(FACTS, buttons=(EXTEND, END), ends_at=AT, sentence="Live until 20:00 UTC."),
    "failed": replace(FACTS, sentence="It could not be set up. Nobody has access."),
    "denied": replace(FACTS, sentence="bob denied it: use the replica."),
    "cancelled": replace(FACTS, sentence="alice cancelled it."),
    "lapsed": replace(FACTS, sentence="Nobody answered in time."),
    "ended": replace(FACTS, sentence="Ended: its time is over."),
    "may still work": replace(FACTS, ends_at=AT, sentence="Ending. It may still work, retrying."),
    "changed": replace(FACTS, new_revision=True),
    "break-glass": replace(FACTS, buttons=(END,), is_loud=True, ends_at=AT),
    "of mischief": replace(
        FACTS, title=EVIL, reason=EVIL * 100, roles=EVIL, ticket=EVIL, sentence=EVIL, target=EVIL, **GRAVE
    ),
}
NOTICE = Notice(
    subject="Denied: Alice wants to read",
    title="Alice wants to read",
    quoted="",
    sentence="bob denied it.",
    button="Open the request",
    url=PAGE,
    because="It is yours.",
)
OWN_ASK = OwnAsk(30, 2, words=EVIL, url=f"{BASE}/requests/30/", named=EVIL * 9)
MESSAGES: dict[str, Message] = {
    **{f"card, {state}": slack_cards.card(facts) for state, facts in STATES.items()},
    "told": slack_cards.told(NOTICE, number=1, revision=1),
    "told, with deeds": slack_cards.told(NOTICE, number=7, revision=2, deeds=(EXTEND, END)),
    "overtaken": slack_cards.overtaken(slack_cards.told(NOTICE, number=7, revision=2, deeds=(EXTEND, END)), EVIL * 20),
    "taken_away": slack_cards.taken_away(2041, url=PAGE),
    "taken_away, one's own": slack_cards.taken_away(2041, url=PAGE, is_own=True),
    "reply": slack_cards.reply("bob approved."),
    "whisper": slack_cards.whisper(EVIL),
    "whisper, with a way on": slack_cards.whisper("Link it.", label="Link your account", url=PAGE),
    "listed": slack_cards.listed("Yours", [(30, EVIL, PAGE)] * 20, url=PAGE),
    "listed, nothing": slack_cards.listed("Nothing", [], url=PAGE),
}
OFFER = Offer(
    "shop",
    roles=[("r@a", EVIL), ("r" * 90, "Reads")],
    collections=[],
    longest=HOURS,
    suggested=HOURS,
    is_the_policys=True,
    reasons=[10, 10],
)
MODALS: dict[str, Block] = {
    "deny": slack_modals.deny(2041, 1, title=EVIL * 20),
    "shorter": slack_modals.shorter(2041, 1, title=EVIL * 20, longest=HOURS),
    "extend": slack_modals.extend(2041, 1, named=EVIL * 20, ends_at=AT, longest=HOURS),
    "end": slack_modals.end(2041, sentence=EVIL * 20),
    "ended": slack_modals.ended(EVIL * 50, url=PAGE),
    "choose_target": slack_modals.choose_target(),
    "choose_terms": slack_modals.choose_terms(OFFER),
    "choose_terms, with places": slack_modals.choose_terms(replace(OFFER, collections=["a.b"], reasons=[1, 10, 30])),
    "confirm_ask": slack_modals.confirm_ask(
        Terms("shop", reason=EVIL), title=EVIL, gets=[EVIL] * 40, verdict=[EVIL] * 9, similar=EVIL
    ),
    "confirm_ask, with a ticket": slack_modals.confirm_ask(Terms("shop", ticket=EVIL), title="x", gets=[], verdict=[]),
    "asked_it": slack_modals.asked_it(EVIL, url=PAGE),
    "in_portal": slack_modals.in_portal(EVIL, url=f"{PAGE}?target=a&b=c"),
    "not_asked": slack_modals.not_asked(EVIL * 50),
}
HOME_FACTS = HomeFacts(
    base_url=BASE,
    waiting=[replace(STATES["waiting"], number=number, ticket="OPS-1") for number in range(1, 11)],
    more_waiting=3,
    held=[replace(STATES["live"], number=number) for number in range(11, 21)],
    more_held=2,
    asked=[replace(OWN_ASK, number=number) for number in range(31, 41)],
)
HOMES: dict[str, Block] = {
    "home": slack_homes.home(HOME_FACTS, at=AT),
    "home, of nothing": slack_homes.home(HomeFacts(base_url=BASE), at=None),
    "unlinked": slack_homes.unlinked(),
    "switched_off": slack_homes.switched_off(),
}
