"""The forms that Slack shows, and what was typed into them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accessrequests.domain import block_kit
from accessrequests.domain.block_kit import Block, escaped, inert
from accessrequests.domain.verdicts import characters
from accessrequests.domain.window import format_duration, parse_duration, spell_duration

DENY = "deny"
SHORTER = "shorter"
EXTEND = "extend"
END = "end"
ASK_TARGET = "ask.target"
ASK_TERMS = "ask.terms"
ASK_SEND = "ask.send"
LONGEST_REASON = 2_000
LONGEST_WHY = 1_000  # it is carried from form to form, in which 3,000 characters fit
MOST_ROLES = 5
MOST_LINES = 30
_LENGTHS = ("PT15M", "PT30M", "PT1H", "PT2H", "PT4H", "PT8H", "PT12H", "P1D", "P3D", "P7D", "P30D")


def deny(number: int, revision: int, *, title: str) -> Block:
    hint = "The requester reads this, so say what to ask for instead."
    return block_kit.modal(
        callback=DENY,
        title=f"Deny request {number}"[: block_kit.LONGEST_TITLE],
        submit="Deny",
        private=_private(number, revision),
        blocks=[
            block_kit.section(inert(title, 300)),
            block_kit.text_input("reason", "Why not", hint=hint, longest=LONGEST_REASON),
        ],
    )


def shorter(number: int, revision: int, *, title: str, longest: timedelta) -> Block:
    """`longest` is what was asked for: only less than that is offered."""
    choices = [block_kit.option(spell_duration(one), format_duration(one)) for one in less_than(longest)]
    return block_kit.modal(
        callback=SHORTER,
        title="Approve for less",
        submit="Approve",
        private=_private(number, revision),
        blocks=[
            block_kit.section(f"Request {number}: {inert(title, 300)}"),
            block_kit.asked("duration", "For how long", block_kit.select("duration", choices, initial=choices[-1])),
            block_kit.text_input("comment", "Comment", hint="The requester reads this.", optional=True),
        ],
    )


def extend(number: int, revision: int, *, named: str, ends_at: datetime, longest: timedelta) -> Block:
    choices = [block_kit.option(spell_duration(one), format_duration(one)) for one in lengths(longest)]
    return block_kit.modal(
        callback=EXTEND,
        title="Extend the access",
        submit="Ask for it",
        private=_private(number, revision),
        blocks=[
            block_kit.section(f"{inert(named, 300)} It ends {block_kit.date(ends_at)}."),
            block_kit.asked("duration", "How much longer", block_kit.select("duration", choices, initial=choices[0])),
            block_kit.text_input("reason", "Why", hint="Whoever decides reads this.", longest=LONGEST_REASON),
        ],
    )


def end(number: int, *, sentence: str) -> Block:
    """The question of the card's button, to whoever typed the number of the request."""
    return block_kit.modal(
        callback=END,
        title="End this access?",
        submit="End now",
        private=_private(number, 0),
        blocks=[block_kit.section(block_kit.dated(inert(sentence, 600)))],
    )


def ended(sentence: str, *, url: str) -> Block:
    """After it was sent: what came of it, and where the rest is told."""
    words = f"{block_kit.dated(inert(sentence, 1_500))} <{url}|Open the request>"
    return _told(words, title="Ending an access", close="Done", is_last=True)


@dataclass(frozen=True, slots=True)
class Terms:
    """What was said about an ask in its forms. The last one carries it; all of it is judged again when it is sent."""

    target: str
    roles: tuple[str, ...] = ()
    duration: str = ""
    reason: str = ""
    ticket: str = ""

    @property
    def private(self) -> str:
        held = {"t": self.target, "a": self.roles, "d": self.duration, "r": self.reason, "k": self.ticket}
        return json.dumps(held, ensure_ascii=False)


def terms_of(private_metadata: str) -> Terms:
    """What the last form carried; of one that is none of ours, nothing."""
    try:
        held = json.loads(private_metadata)
        return Terms(str(held["t"]), tuple(map(str, held["a"])), str(held["d"]), str(held["r"]), str(held["k"]))
    except (ValueError, KeyError, TypeError):
        return Terms("")


def choose_target() -> Block:
    """The first form of an ask: where."""
    return block_kit.modal(
        callback=ASK_TARGET,
        title="Request access",
        submit="Next",
        blocks=[block_kit.asked("target", "Where", block_kit.searched("target", "Search for a target"))],
    )


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be asked for on a target. `roles`: each with what one does with it.

    `suggested` is what is chosen at first, and `is_the_policys` says that the policy names it; `reasons` are the least
    lengths of a reason, of which the role decides which one counts.
    """

    target: str
    roles: Sequence[tuple[str, str]]
    collections: Sequence[str]
    longest: timedelta
    suggested: timedelta
    is_the_policys: bool = False
    reasons: Sequence[int] = ()


def choose_terms(offer: Offer) -> Block:
    """The second: what, for how long and why."""
    blocks = [
        block_kit.section(f"On *{inert(offer.target, 100)}*"),
        block_kit.asked("roles", "Roles", block_kit.several("roles", _options(offer.roles), most=MOST_ROLES)),
    ]
    places = _options([(name, "") for name in offer.collections])
    if places:
        hint = "Roles on its database are then asked for on this collection alone."
        only = block_kit.select("collection", places)
        blocks.append(block_kit.asked("collection", "On one collection only", only, hint=hint, optional=True))
    blocks += [
        _how_long(offer),
        block_kit.text_input("reason", "Why", hint=_of_reasons(offer.reasons), longest=LONGEST_WHY),
        block_kit.text_input("ticket", "Ticket", longest=100, optional=True),
    ]
    private = Terms(offer.target).private
    return block_kit.modal(
        callback=ASK_TERMS, title="Request access", submit="Next", blocks=blocks, private=private, close="Back"
    )


def _how_long(offer: Offer) -> Block:
    suggested = min(offer.suggested, offer.longest)
    choices = {
        one: block_kit.option(spell_duration(one), format_duration(one))
        for one in sorted({*lengths(offer.longest), suggested})
    }
    picked = block_kit.select("duration", list(choices.values()), initial=choices[suggested])
    hint = f"The policy suggests {spell_duration(suggested)}." if offer.is_the_policys else ""
    return block_kit.asked("duration", "For how long", picked, hint=hint)


def _of_reasons(least: Sequence[int]) -> str:
    """What a reason has to be, as far as that is known before the roles are."""
    hint = "Whoever decides reads this. No secrets."
    known = sorted(set(least))
    if not known or known[-1] <= 1:
        return hint
    if len(known) == 1:
        return f"{hint} At least {characters(known[0])}."
    if known[0] <= 1:
        return f"{hint} For some roles at least {characters(known[-1])}."
    return f"{hint} At least {characters(known[0])}; for some roles {known[-1]}."


def confirm_ask(terms: Terms, *, title: str, gets: Sequence[str], verdict: Sequence[str], similar: str = "") -> Block:
    """The third: what one would get, what the policy says, and the button that asks. `gets`: the gravest first."""
    blocks = [block_kit.section(f"*{inert(title, 300)}*"), block_kit.section(block_kit.quoted(terms.reason))]
    if terms.ticket:
        blocks.append(block_kit.section(f"Ticket {inert(terms.ticket, 200)}"))
    if similar:
        blocks.append(block_kit.section(block_kit.dated(inert(similar, 600))))
    for heading, lines in (("What this lets you do", gets), ("What the policy says", verdict)):
        blocks += block_kit.listed(heading, lines, most=MOST_LINES, rest=", which the portal shows")
    return block_kit.modal(
        callback=ASK_SEND, title="Request access", submit="Ask", blocks=blocks, private=terms.private, close="Back"
    )


def asked_it(sentence: str, *, url: str) -> Block:
    """After it was sent: there is nothing to go back to."""
    words = f"{inert(sentence, 600)} <{url}|Open the request>"
    return _told(words, close="Done", is_last=True)


def in_portal(sentence: str, *, url: str) -> Block:
    """In place of a form that has no room."""
    return _told(f"{inert(sentence, 600)} <{escaped(url)}|Ask for it in the portal>", close="Back")


def not_asked(sentence: str) -> Block:
    return _told(block_kit.dated(inert(sentence, 1_500)), close="Back")


def _told(words: str, *, title: str = "Request access", close: str, is_last: bool = False) -> Block:
    blocks = [block_kit.section(words)]
    return block_kit.modal(callback="told", title=title, submit="", blocks=blocks, close=close, is_last=is_last)


def chosen(values: object, name: str) -> tuple[str, ...]:
    """The values of a field in which several may be chosen."""
    block = values.get(name) if isinstance(values, Mapping) else None
    element: Any = block.get(name) if isinstance(block, Mapping) else None
    options = element.get("selected_options") if isinstance(element, Mapping) else None
    return tuple(str(one.get("value")) for one in options or () if isinstance(one, Mapping))


def _options(named: Sequence[tuple[str, str]]) -> list[Block]:
    """A name that Slack cannot hold whole is left out: the portal has it."""
    return [block_kit.option(name, name, words=words) for name, words in named if len(name) <= block_kit.LONGEST_OPTION]


def lengths(longest: timedelta) -> list[timedelta]:
    """The usual ones up to the longest, which is the last."""
    usual = [length for length in map(parse_duration, _LENGTHS) if length < longest]
    return [*usual, longest]


def less_than(longest: timedelta) -> list[timedelta]:
    """The usual ones below it; half of it where it is shorter than all of them."""
    usual = [length for length in map(parse_duration, _LENGTHS) if length < longest]
    return usual or [timedelta(seconds=max(1, int(longest.total_seconds()) // 2))]


def about(private_metadata: str) -> tuple[int, int]:
    """Which request a form is about, and at which reading; none where it does not say."""
    try:
        held = json.loads(private_metadata)
        return int(held["r"]), int(held["v"])
    except (ValueError, KeyError, TypeError):
        return 0, 0


def typed(values: object, name: str) -> str:
    """What stands in a field: text, or the value of what was chosen."""
    block = values.get(name) if isinstance(values, Mapping) else None
    element: Any = block.get(name) if isinstance(block, Mapping) else None
    if not isinstance(element, Mapping):
        return ""
    chosen = element.get("selected_option")
    value = chosen.get("value") if isinstance(chosen, Mapping) else element.get("value")
    return value if isinstance(value, str) else ""


def _private(number: int, revision: int) -> str:
    return json.dumps({"r": number, "v": revision})
